// An optimizer may be moved between and within steps, lazily settling or not: the run goes on with the same bits.

#include "optimizer/counting.hpp"

#include <zeroth/block_optimizer.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/first_order/hybrid_optimizer.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

using namespace zeroth;

namespace {

/// The weights after each of ten steps, the optimizer having been moved before one of them: between its halves if `within`.
template <class Restore, class E, class Rule>
std::vector<std::vector<float>> run(const E& estimator, const Rule& rule, Settling settling, int moved_before, bool within, std::uint64_t& traversals) {
    Quadratic problem{200};
    std::uint64_t writes = 0;
    std::vector<std::vector<float>> seen;
    using O = Optimizer<E, Rule, Restore, Counting>;
    std::optional<O> first{O{problem.parameters(), estimator, rule, Settings<Restore>{.seed = 5, .restore = {}, .settling = settling}, Counting{&writes}}};
    std::optional<O> second;
    std::optional<O>* at = &first;
    const auto forward = [&] { return problem.loss(); };
    for (int step = 0; step < 10; ++step) {
        if (within) {
            REQUIRE((*at)->estimate(forward) == Reason::updated);
        }
        if (step == moved_before) {
            second.emplace(std::move(*first));
            first.reset();
            at = &second;
        }
        const StepReport report = within ? (*at)->update() : (*at)->step(forward);
        REQUIRE(report.reason == Reason::updated);
        REQUIRE(report.step == static_cast<std::uint64_t>(step));
        seen.push_back(problem.weights);
    }
    CHECK((*at)->steps() == 10);
    traversals = (*at)->traversals();
    at->reset();
    seen.push_back(problem.weights);
    return seen;
}

template <class Restore, class E, class Rule>
void check_moves(const E& estimator, const Rule& rule) {
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        for (const bool within : {false, true}) {
            std::uint64_t traversals = 0, now = 0;
            const auto expected = run<Restore>(estimator, rule, settling, -1, within, traversals);
            REQUIRE(expected.front() != expected.back());
            for (const int step : {0, 1, 4, 9}) {
                INFO("moved before step " << step << (within ? ", within it" : ""));
                CHECK(run<Restore>(estimator, rule, settling, step, within, now) == expected);
                CHECK(now == traversals);
            }
        }
    }
}

} // namespace

static_assert(std::is_nothrow_move_constructible_v<Optimizer<TwoSidedRge<>, Sgd>> && std::is_nothrow_move_assignable_v<Optimizer<TwoSidedRge<>, Sgd>>);
static_assert(!std::is_copy_constructible_v<Optimizer<TwoSidedRge<>, Sgd>>);
static_assert(std::is_move_constructible_v<BlockOptimizer<TwoSidedRge<>, Adam>> && std::is_move_constructible_v<FirstOrderOptimizer<Adam>>);
static_assert(std::is_move_constructible_v<HybridOptimizer<TwoSidedRge<>, Sgd, Adam>>);

TEMPLATE_TEST_CASE("An optimizer that is moved goes on with the same bits", "", InPlace, Snapshot, Exact) {
    const TwoSidedRge estimator{.direction = Rademacher{}, .queries = 2};
    check_moves<TestType>(estimator, Sgd{.learning_rate = 1e-3});
    check_moves<TestType>(estimator, Momentum{.learning_rate = 1e-3});
    check_moves<TestType>(estimator, Adam{.learning_rate = 1e-3, .weight_decay = 0.1});
    check_moves<TestType>(estimator, WindowedMomentum{.learning_rate = 1e-3, .window = 3});
    check_moves<TestType>(TwoSidedRge{.direction = LowRank<>{.refresh_every = 2}}, Sgd{.learning_rate = 1e-3});
    check_moves<TestType>(OneSidedRge{.direction = Sphere{}}, Momentum{.learning_rate = 1e-3});
    if constexpr (!TestType::adjusts_weights) {
        check_moves<TestType>(HizooRge{}, HizooSgd{.learning_rate = 1e-3});
    }
}

TEMPLATE_TEST_CASE("An optimizer that is assigned to settles its run first, along the state that it has", "", InPlace, Snapshot, Exact) {
    // The pending update reads and writes the rule's numbers: they must be there.
    const auto make = [](Quadratic& problem) {
        return Optimizer{problem.parameters(), TwoSidedRge{}, Adam{.learning_rate = 1e-2}, Settings<TestType>{.seed = 4, .restore = {}, .settling = Settling::lazily}};
    };
    Quadratic expected{300};
    {
        auto optimizer = make(expected);
        for (int step = 0; step < 3; ++step) {
            optimizer.step([&] { return expected.loss(); });
        }
    }
    Quadratic first{300}, second{300};
    auto target = make(first), source = make(second);
    for (int step = 0; step < 3; ++step) {
        target.step([&] { return first.loss(); });
        source.step([&] { return second.loss(); });
    }
    CHECK(first.weights != expected.weights);
    const std::vector<float> pending = second.weights;
    target = std::move(source);
    CHECK(first.weights == expected.weights);
    CHECK(second.weights == pending);
    target.settle();
    CHECK(second.weights == expected.weights);
    CHECK(target.steps() == 3);
}

TEST_CASE("Optimizers may be kept in a vector, and parts of a block optimizer move with it") {
    std::vector<Quadratic> problems;
    for (std::size_t n = 50; n < 350; n += 50) {
        problems.emplace_back(n);
    }
    std::vector<Quadratic> alone = problems;
    std::vector<Optimizer<TwoSidedRge<>, Momentum>> optimizers; // grows while runs are under way
    for (std::size_t k = 0; k < problems.size(); ++k) {
        optimizers.emplace_back(problems[k].parameters(), TwoSidedRge<>{}, Momentum{.learning_rate = 1e-3},
                                Settings{.seed = k, .settling = Settling::lazily});
        for (std::size_t i = 0; i <= k; ++i) {
            optimizers[i].step([&] { return problems[i].loss(); });
        }
    }
    optimizers.clear();
    for (std::size_t k = 0; k < alone.size(); ++k) {
        Optimizer optimizer{alone[k].parameters(), TwoSidedRge{}, Momentum{.learning_rate = 1e-3}, Settings{.seed = k, .settling = Settling::lazily}};
        for (std::size_t step = k; step < alone.size(); ++step) {
            optimizer.step([&] { return alone[k].loss(); });
        }
        optimizer.settle();
        CHECK(problems[k].weights == alone[k].weights);
    }

    const auto trained = [](bool moves) {
        Quadratic problem{200};
        std::optional<BlockOptimizer<TwoSidedRge<>, Adam>> first, second;
        first.emplace(partition_by_tensor(problem.parameters()), TwoSidedRge<>{}, Adam{.learning_rate = 1e-3});
        first->step([&] { return problem.loss(); });
        if (moves) {
            second.emplace(std::move(*first));
            first.reset();
        }
        for (int step = 0; step < 3; ++step) {
            (moves ? second : first)->step([&] { return problem.loss(); });
        }
        return problem.weights;
    };
    CHECK(trained(true) == trained(false));
}

TEST_CASE("An optimizer tells of the direction that draws") {
    Quadratic problem{300};
    const Scaled scaled{Gaussian{}, problem.parameters(), std::vector<double>{0.5, 2.0}};
    const auto check = [&](const auto& direction, double tolerance) {
        Optimizer optimizer{problem.parameters(), TwoSidedRge{.direction = direction, .epsilon = 0x1p-4}, Sgd{.learning_rate = 0},
                            Settings{.seed = 9, .restore = Snapshot{}}};
        CHECK(&optimizer.direction() == &optimizer.cursor().direction());
        const std::vector<float> base = problem.weights;
        int calls = 0;
        optimizer.step([&] {
            const double sign = calls++ == 0 ? 1 : -1;
            for (const std::size_t b : {0u, 1u}) {
                const BlockIdentity& block = optimizer.cursor().parameters().blocks()[b].identity;
                for (std::size_t i = 0; i < 150; i += 7) {
                    const double z = static_cast<double>(optimizer.direction()(Key{9, 0, 0}, block, i));
                    const std::size_t at = 150 * b + i;
                    REQUIRE(std::abs(static_cast<double>(problem.weights[at]) - static_cast<double>(base[at]) - sign * 0x1p-4 * z) < tolerance);
                }
            }
            return problem.loss();
        });
        CHECK(calls == 2);
    };
    check(Gaussian{}, 1e-7);
    check(Sphere{}, 1e-6);
    check(LowRank<>{}, 1e-6);
    check(ReusePool{.index_bits = 8}, 1e-6);
    check(scaled, 1e-6);
}
