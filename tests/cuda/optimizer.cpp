// Runs whose weights a device's threads traverse.

#include "cuda/launched_on_host.hpp"

#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>
#include <zeroth/first_order/first_order_optimizer.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/projections/anchor.hpp>
#include <zeroth/updates/conservative.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/normalized.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace zeroth_test;

namespace {

/// The weights after a few steps, and what the last reports. The loss looks at what lies in memory.
template <class T, class B, class E, class Rule, class Restore>
std::vector<T> run_estimator(const B& backend, const E& estimator, const Rule& rule, const Restore& restore,
                             double* relative_update = nullptr) {
    std::vector<T> w = weights<T>(9000);
    Parameters parameters;
    parameters.add("first", std::span{w}.subspan(1, 8500), {}, {.space = memory_space_of<B>});
    parameters.add("second", std::span{w}.subspan(8501, 301), {}, {.space = memory_space_of<B>});
    Optimizer optimizer{parameters, estimator, rule, Settings<Restore>{.seed = 3, .restore = restore}, backend};
    const auto loss = [&] {
        double sum = 0;
        for (const T& x : w) {
            sum += std::pow(static_cast<double>(static_cast<float>(x)) - 0.1, 2);
        }
        return sum;
    };
    for (int step = 0; step < 3; ++step) {
        const StepReport report = optimizer.step(loss);
        REQUIRE(report.reason == Reason::updated);
        if (relative_update != nullptr) {
            *relative_update = report.relative_update;
        }
    }
    return w;
}

template <class T, class B, class Rule, class Restore>
std::vector<T> run_steps(const B& backend, const Rule& rule, const Restore& restore, double* relative_update = nullptr) {
    return run_estimator<T>(backend, TwoSidedRge{.direction = Rademacher{}, .epsilon = 1e-2, .queries = 2}, rule, restore, relative_update);
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T, class Rule, class Restore = InPlace>
void check_rule(const Rule& rule, const Restore& restore = {}) {
    double expected_update = 0;
    double update = 0;
    const auto expected = run_steps<T>(ReferenceOf<T>{}, rule, restore, &expected_update);
    const auto result = run_steps<T>(DeviceOnHost<T>{}, rule, restore, &update);
    CHECK(same_bits(result, expected));
    CHECK(!same_bits(result, weights<T>(9000)));
    CHECK(update > 0);
    CHECK(update == expected_update);
}

template <class T, class D, class Restore>
void check_hizoo(const D& direction, const Restore& restore) {
    const HizooRge estimator{.direction = direction, .epsilon = 1e-2, .queries = 2};
    const HizooSgd rule{.learning_rate = 1e-2, .smoothing = 0.05, .weight_decay = 0.01};
    const auto expected = run_estimator<T>(ReferenceOf<T>{}, estimator, rule, restore);
    CHECK(same_bits(run_estimator<T>(DeviceOnHost<T>{}, estimator, rule, restore), expected));
    CHECK(!same_bits(expected, weights<T>(9000)));
}

} // namespace

TEST_CASE("An optimizer's steps on a device are the reference's, whatever the rule keeps") {
    check_rule<float>(Conservative{.learning_rate = 1e-5});
    check_rule<bfloat16>(Momentum{.learning_rate = 1e-5, .weight_decay = 0.1});
    check_rule<float>(Normalized<Adam>{.rule = {.learning_rate = 1e-3}});
}

TEST_CASE("An optimizer's steps on a device are the reference's, however it restores") {
    check_rule<bfloat16>(Momentum{.learning_rate = 1e-5}, Snapshot{});
    check_rule<float>(Adam{.learning_rate = 1e-3}, Exact{});
}

TEST_CASE("HiZOO's steps on a device are the reference's") {
    check_hizoo<float>(Preconditioned<>{}, InPlace{});
    check_hizoo<bfloat16>(Preconditioned<Uniform>{}, Snapshot{});
    check_hizoo<double>(Preconditioned<>{}, Snapshot{});
}

TEST_CASE("On a device Exact lays a coarser grid when weights outgrow it") {
    const auto run_away = [](const auto& backend) {
        std::vector<float> w = weights<float>(500);
        Parameters parameters;
        parameters.add("w", std::span{w}, {}, {.space = memory_space_of<std::remove_cvref_t<decltype(backend)>>});
        Cursor cursor{parameters, Rademacher{}, Exact{}, backend, 1e-3, 1};
        for (std::uint64_t step = 0; step < 6; ++step) {
            const Key key{1, step, 0};
            cursor.stand_at(Term{key, 1e-3});
            cursor.update(zeroth_test::descend(1, 1, key), std::vector<Term>{{key, 1.0}});
        }
        cursor.settle();
        return std::pair{w, cursor.grids()};
    };
    const auto expected = run_away(ReferenceOf<float>{});
    CHECK(expected.second > 1);
    CHECK(run_away(DeviceOnHost<float>{}) == expected);
}

TEST_CASE("A rule's state is taken by the allocator it is given, once") {
    struct Counts {
        int taken = 0;
        int given_back = 0;
        int zeroed = 0;
        int copied = 0;
    } counts;
    StateAllocator counting;
    counting.stream = &counts;
    counting.allocate = [](const StateAllocator& own, std::size_t bytes) -> void* {
        ++static_cast<Counts*>(own.stream)->taken;
        return ::operator new(bytes);
    };
    counting.release = [](const StateAllocator& own, void* memory) noexcept {
        ++static_cast<Counts*>(own.stream)->given_back;
        ::operator delete(memory);
    };
    counting.fill = [](const StateAllocator& own, void* to, std::uint32_t word, std::size_t words) {
        static_cast<Counts*>(own.stream)->zeroed += word == 0 ? 1 : 0;
        std::memset(to, 0, words * sizeof word);
    };
    counting.copy = [](const StateAllocator& own, void* to, const void* from, std::size_t bytes) {
        ++static_cast<Counts*>(own.stream)->copied;
        std::memcpy(to, from, bytes);
    };
    std::vector<float> w(100);
    Parameters parameters;
    parameters.add("w", std::span{w});
    {
        const Normalized<Adam> rule;
        const Normalized<Adam>::State state{rule, parameters.blocks(), 1, counting};
        CHECK(counts.taken == 2);
        CHECK(counts.zeroed == 2);
        const Adam::State copy = state.of_rule;
        CHECK(counts.taken == 4);
        CHECK(counts.copied == 2);
        CHECK(copy.mean.bytes().data() != state.of_rule.mean.bytes().data());
        CHECK(copy.mean.bytes().size() == state.of_rule.mean.bytes().size());
    }
    CHECK(counts.given_back == 4);
}

TEST_CASE("What an optimizer is built around refuses blocks out of its reach") {
    std::vector<float> w(4, 1.0f);
    Parameters parameters;
    parameters.add("w", std::span{w}, {}, {.space = MemorySpace::device});
    CHECK_THROWS_AS((WeightScale{parameters.blocks(), ReferenceOf<float>{}}), std::invalid_argument);
    CHECK_THROWS_AS((FirstOrderOptimizer{parameters, Sgd{}, Settings<>{}, ReferenceOf<float>{}}), std::invalid_argument);
    CHECK_THROWS_AS(Anchor::copy_of(parameters.blocks()), std::invalid_argument);
}
