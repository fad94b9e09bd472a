// An optimizer lets one call at a time in: one from its own loss or hook, or from a second thread, is a std::logic_error at once, and the
// step that it came into ends as if it had never been made.

#include "optimizer/counting.hpp"

#include <zeroth/block_optimizer.hpp>
#include <zeroth/first_order/hybrid_optimizer.hpp>
#include <zeroth/projections/layer_projection.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <functional>
#include <future>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace zeroth;

namespace {

/// Steps with each call in turn made from within the loss, whose exception is caught there: each throws, and the weights are those of a run
/// without them. `step` makes a step with a loss.
template <class Make, class Step, class Calls>
void check_shut(const Make& make, const Step& step, const Calls& calls) {
    Quadratic plain{300};
    Quadratic tried{300};
    auto alone = make(plain);
    auto optimizer = make(tried);
    int thrown = 0;
    int made = 0;
    for (int t = 0; t < 3; ++t) {
        step(alone, [&] { return plain.loss(); });
        step(optimizer, [&] {
            for (const auto& call : calls(optimizer, tried)) {
                ++made;
                try {
                    call();
                } catch (const std::logic_error&) {
                    ++thrown;
                }
            }
            return tried.loss();
        });
        CHECK(tried.weights == plain.weights);
    }
    CHECK(made > 0);
    CHECK(thrown == made);
    // One that is not caught goes on to the caller, and the optimizer can be used.
    CHECK_THROWS_AS(step(optimizer,
                         [&] {
                             calls(optimizer, tried).front()();
                             return 0.0;
                         }),
                    std::logic_error);
    step(alone, [&] { return plain.loss(); });
    step(optimizer, [&] { return tried.loss(); });
    CHECK(tried.weights == plain.weights);
}

using Calls = std::vector<std::function<void()>>;

const auto one_loss = [](auto& optimizer, auto&& forward) { optimizer.step(forward); };

const StateSink nowhere = [](std::span<const std::byte>) {};

const auto all_calls = [](auto& optimizer, Quadratic& problem) {
    return Calls{[&] { optimizer.step([&] { return problem.loss(); }); },
                 [&] { optimizer.estimate([&] { return problem.loss(); }); },
                 [&] { optimizer.update(); },
                 [&] { optimizer.settle(); },
                 [&] { optimizer.adopt_weights(); },
                 [&] { optimizer.set_next_step(7); },
                 [&] { optimizer.set_learning_rate(0.5); },
                 [&] { optimizer.save(nowhere); }};
};

} // namespace

TEST_CASE("No call of an optimizer comes into its own loss") {
    const auto under = []<class Restore>(Restore restore, Settling settling) {
        return [=](Quadratic& problem) {
            return Optimizer{problem.parameters(), TwoSidedRge{.epsilon = 1e-3, .queries = 2}, Momentum{.learning_rate = 1e-3},
                             Settings<Restore>{.seed = 3, .restore = restore, .settling = settling}};
        };
    };
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        check_shut(under(Exact{}, settling), one_loss, all_calls);
        check_shut(under(Snapshot{}, settling), one_loss, all_calls);
    }
}

TEST_CASE("No call of a block optimizer comes into its own loss, in any order of the parts") {
    for (const BlockOrder order : {BlockOrder::all, BlockOrder::jacobi, BlockOrder::cyclic, BlockOrder::random}) {
        check_shut(
            [=](Quadratic& problem) {
                return BlockOptimizer{partition_by_tensor(problem.parameters()), TwoSidedRge{.epsilon = 1e-3}, Sgd{.learning_rate = 1e-3},
                                      Settings<Exact>{.seed = 3, .order = order}};
            },
            one_loss,
            [](auto& optimizer, Quadratic& problem) {
                return Calls{[&] { optimizer.step([&] { return problem.loss(); }); },
                             [&] { optimizer.adopt_weights(); },
                             [&] { optimizer.set_learning_rate(0.5); },
                             [&] { optimizer.save(nowhere); }};
            });
    }
}

TEST_CASE("No call of a first-order or a hybrid optimizer comes into its own losses") {
    static const auto descend = [](Quadratic& problem, std::span<const GradientBlock> blocks) {
        for (const GradientBlock& block : blocks) {
            const std::size_t first = block.name == "second" ? problem.weights.size() / 2 : 0;
            for (std::size_t i = 0; i < block.size; ++i) {
                block.floats()[i] = problem.weights[first + i] - problem.target[first + i];
            }
        }
    };
    Quadratic plain{300};
    Quadratic tried{300};
    FirstOrderOptimizer alone{plain.parameters(), Momentum{.learning_rate = 1e-2}};
    FirstOrderOptimizer optimizer{tried.parameters(), Momentum{.learning_rate = 1e-2}};
    const auto gradient_of = [](Quadratic& problem) {
        return [&](std::span<const GradientBlock> blocks) {
            descend(problem, blocks);
            return problem.loss();
        };
    };
    for (int t = 0; t < 3; ++t) {
        alone.step(gradient_of(plain));
        optimizer.step([&](std::span<const GradientBlock> blocks) {
            CHECK_THROWS_AS(optimizer.step(gradient_of(tried)), std::logic_error);
            CHECK_THROWS_AS(optimizer.gradient(gradient_of(tried)), std::logic_error);
            CHECK_THROWS_AS(optimizer.update(), std::logic_error);
            CHECK_THROWS_AS(optimizer.set_next_step(9), std::logic_error);
            CHECK_THROWS_AS(optimizer.save(nowhere), std::logic_error);
            return gradient_of(tried)(blocks);
        });
        CHECK(tried.weights == plain.weights);
    }

    const auto parameters_of = [](Quadratic& problem, std::size_t side) {
        Parameters result;
        const std::size_t half = problem.weights.size() / 2;
        result.add(side == 0 ? "first" : "second", std::span{problem.weights}.subspan(side * half, half));
        return result;
    };
    const auto hybrid_of = [&](Quadratic& problem) {
        return HybridOptimizer{parameters_of(problem, 0), TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, parameters_of(problem, 1),
                               Sgd{.learning_rate = 1e-2}, Settings<Exact>{}};
    };
    Quadratic both_plain{300};
    Quadratic both_tried{300};
    auto hybrid_alone = hybrid_of(both_plain);
    auto hybrid = hybrid_of(both_tried);
    for (int t = 0; t < 3; ++t) {
        hybrid_alone.step([&] { return both_plain.loss(); }, gradient_of(both_plain));
        const auto check = [&] {
            CHECK_THROWS_AS(hybrid.step([&] { return 0.0; }, gradient_of(both_tried)), std::logic_error);
            CHECK_THROWS_AS(hybrid.settle(), std::logic_error);
            CHECK_THROWS_AS(hybrid.adopt_weights(), std::logic_error);
            CHECK_THROWS_AS(hybrid.save(nowhere), std::logic_error);
        };
        hybrid.step(
            [&] {
                check();
                return both_tried.loss();
            },
            [&](std::span<const GradientBlock> blocks) {
                check();
                return gradient_of(both_tried)(blocks);
            });
        CHECK(both_tried.weights == both_plain.weights);
    }
}

TEST_CASE("While a projection tries ratios neither it nor its optimizer can be called") {
    Quadratic problem{300};
    Optimizer optimizer{problem.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, Settings<Exact>{}};
    LayerProjection projection{problem.parameters(), {.interval = 1, .iterations = 1}};
    optimizer.step([&] { return problem.loss(); });
    int calls = 0;
    const auto report = projection.after_step(optimizer, [&] {
        ++calls;
        CHECK_THROWS_AS(optimizer.step([&] { return problem.loss(); }), std::logic_error);
        CHECK_THROWS_AS(projection.project(1, [&] { return problem.loss(); }), std::logic_error);
        CHECK_THROWS_AS(projection.after_step(optimizer, [&] { return problem.loss(); }), std::logic_error);
        return problem.loss();
    });
    REQUIRE(report);
    CHECK(calls == 2);
    CHECK(optimizer.step([&] { return problem.loss(); }).reason == Reason::updated);
}

TEST_CASE("The parameters' hook cannot step the optimizer that calls it") {
    Quadratic problem{300};
    Parameters parameters = problem.parameters();
    std::function<void()> from_hook;
    parameters.on_change([&](std::span<const Block>) {
        if (from_hook) {
            from_hook();
        }
    });
    Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-3}};
    int thrown = 0;
    from_hook = [&] {
        try {
            optimizer.settle();
        } catch (const std::logic_error&) {
            ++thrown;
        }
    };
    const StepReport report = optimizer.step([&] { return problem.loss(); });
    CHECK(report.reason == Reason::updated);
    CHECK(thrown == 3);
}

TEST_CASE("A second thread is kept out of a step, and let in after it") {
    Quadratic problem{300};
    Optimizer optimizer{problem.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 1e-3}};
    int thrown = 0;
    optimizer.step([&] {
        std::thread other{[&] {
            try {
                optimizer.step([&] { return 1.0; });
            } catch (const std::logic_error&) {
                ++thrown;
            }
        }};
        other.join();
        return problem.loss();
    });
    CHECK(thrown == 2);
    std::thread other{[&] { optimizer.step([&] { return problem.loss(); }); }};
    other.join();
    CHECK(optimizer.steps() == 2);
}

TEST_CASE("What shuts an optimizer moves with it") {
    OneCall first;
    {
        const OneCall::Inside inside{first};
        CHECK_THROWS_AS(OneCall::Inside{first}, std::logic_error);
    }
    OneCall second{std::move(first)};
    CHECK_NOTHROW(OneCall::Inside{second});
    OneCall third;
    {
        const OneCall::Inside inside{second};
        third = std::move(second);
    }
    CHECK_THROWS_AS(OneCall::Inside{third}, std::logic_error); // half a step is in it
}
