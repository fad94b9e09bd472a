// Optimizers of parts: block-wise descent, first-order rules, and both sides in one step.

#include "optimizer/counting.hpp"

#include <zeroth/block_optimizer.hpp>
#include <zeroth/first_order/hybrid_optimizer.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

/// (w - 1)^2 / 2 over six tensors of two layers and an embedding.
struct Layered {
    std::vector<std::vector<double>> tensors = std::vector<std::vector<double>>(6, std::vector<double>(12));
    std::vector<std::string> names{"embedding", "layers.0.w", "layers.0.norm", "layers.10.w", "layers.10.norm", "head"};

    Layered() {
        for (std::size_t t = 0; t < 6; ++t) {
            for (std::size_t i = 0; i < 12; ++i) {
                tensors[t][i] = std::sin(static_cast<double>(20 * t + i));
            }
        }
    }
    Parameters parameters(std::size_t first = 0, std::size_t last = 6) {
        Parameters result;
        for (std::size_t t = first; t < last; ++t) {
            result.add(names[t], std::span{tensors[t]});
        }
        return result;
    }
    double loss() const {
        double sum = 0;
        for (const auto& tensor : tensors) {
            for (const double x : tensor) {
                sum += (x - 1) * (x - 1) / 2;
            }
        }
        return sum;
    }
    /// Writes the gradient of the last blocks, as many as it is given.
    double gradient(std::span<const GradientBlock> blocks) const {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            const auto& tensor = tensors[6 - blocks.size() + b];
            for (std::size_t i = 0; i < tensor.size(); ++i) {
                blocks[b].doubles()[i] += tensor[i] - 1;
            }
        }
        return loss();
    }
};

} // namespace

TEST_CASE("Names fit patterns") {
    CHECK(matches("", ""));
    CHECK(matches("*", ""));
    CHECK(matches("layers.*.w", "layers.10.w"));
    CHECK(matches("*norm", "layers.0.attention_norm"));
    CHECK(matches("a*b*c", "a-b-b-c"));
    CHECK_FALSE(matches("", "a"));
    CHECK_FALSE(matches("layers.*.w", "layers.10.w2"));
    CHECK_FALSE(matches("a*b*c", "a-c-b"));
    CHECK_FALSE(matches("abc", "ab"));
}

TEST_CASE("Parameters are parted by tensor, layer or pattern") {
    Layered model;
    const Parameters parameters = model.parameters();
    CHECK(partition_by_tensor(parameters).names == model.names);
    const Partition layers = partition_by_layer(parameters);
    CHECK(layers.names == std::vector<std::string>{"embedding", "layers.0", "layers.10", "head"});
    REQUIRE(layers.parts.size() == 4);
    CHECK(layers.parts[1].blocks().size() == 2);
    CHECK(layers.parts[2].blocks()[1].name == "layers.10.norm");
    CHECK(layers.parts[2].blocks()[1].data == model.tensors[4].data());
    const std::vector<std::string> patterns{"*norm", "layers.*"};
    const Partition parted = partition_by_patterns(parameters, patterns);
    CHECK(parted.names == std::vector<std::string>{"*norm", "layers.*", "*"});
    CHECK(parted.parts[0].blocks().size() == 2);
    CHECK(parted.parts[1].blocks().size() == 2);
    CHECK(parted.parts[2].blocks().size() == 2);
    const std::vector<std::string> wrong{"*", "embeding"};
    CHECK_THROWS_AS(partition_by_patterns(parameters, wrong), std::invalid_argument);
}

TEST_CASE("Parameters without a block are refused everywhere, blocks without an element nowhere") {
    const Parameters none;
    Parameters no_elements;
    no_elements.add_memory("empty", nullptr, ScalarType::float32, 0);
    const auto refusal = [](auto make) {
        try {
            make();
        } catch (const std::invalid_argument& error) {
            return std::string{error.what()};
        }
        return std::string{};
    };
    const auto each = [&](const Parameters& parameters, const std::string& expected) {
        CHECK(refusal([&] { Optimizer{parameters, TwoSidedRge{}, Sgd{}}; }) == expected);
        CHECK(refusal([&] { Cursor{parameters, Gaussian{}, InPlace{}, Reference{}, 1.0, 1}; }) == expected);
        CHECK(refusal([&] { FirstOrderOptimizer{parameters, Sgd{}}; }) == expected);
        const Partition partition{{parameters}, {"part"}};
        CHECK(refusal([&] { BlockOptimizer{partition, TwoSidedRge{}, Sgd{}}; }) == expected);
    };
    each(none, "zeroth: there are no parameters; add() the tensors to train");
    each(no_elements, "");
    Optimizer optimizer{no_elements, TwoSidedRge{}, Sgd{}};
    CHECK(optimizer.step([] { return 1.0; }).reason == Reason::updated);
}

TEST_CASE("Each part in turn is its own optimizer on a model that stands still") {
    Layered model;
    Layered by_hand;
    const TwoSidedRge estimator{.epsilon = 1e-3};
    const Sgd rule{.learning_rate = Linear{.rate = 0.02, .steps = 40}};
    BlockOptimizer optimizer{partition_by_layer(model.parameters()), estimator, rule, Settings<>{.seed = 6}};
    const Partition partition = partition_by_layer(by_hand.parameters());
    CHECK(optimizer.parts() == 4);
    CHECK(optimizer.forward_passes() == 8);
    for (std::uint64_t step = 0; step < 30; ++step) {
        const StepReport report = optimizer.step([&] { return model.loss(); });
        CHECK(report.reason == Reason::updated);
        CHECK(report.forward_passes == 8);
        CHECK(report.traversals == 12);
        CHECK(report.parts == 4);
        CHECK(report.learning_rate == rule.rate(step));
        for (const Parameters& part : partition.parts) {
            Optimizer alone{part, estimator, rule, Settings{.seed = 6, .first_step = step}};
            alone.step([&] { return by_hand.loss(); });
        }
        REQUIRE(model.tensors == by_hand.tensors);
    }
    CHECK(model.loss() < 0.6 * Layered{}.loss());
}

TEST_CASE("Jacobi estimates every part at the same weights") {
    Layered model;
    BlockOptimizer optimizer{partition_by_tensor(model.parameters()), TwoSidedRge{}, Sgd{.learning_rate = 0.02},
                             Settings<Snapshot>{.seed = 6, .order = BlockOrder::jacobi}};
    for (int step = 0; step < 30; ++step) {
        const double before = model.loss();
        const std::vector<std::vector<double>> base = model.tensors;
        int call = 0;
        const StepReport report = optimizer.step([&] {
            // At each probe one tensor at most is away from the base.
            int away = 0;
            for (std::size_t t = 0; t < 6; ++t) {
                away += model.tensors[t] != base[t] ? 1 : 0;
            }
            CHECK(away == 1);
            const auto probed = static_cast<std::size_t>(call / 2);
            CHECK(model.tensors[probed] != base[probed]);
            ++call;
            return model.loss();
        });
        CHECK(report.forward_passes == 12);
        CHECK(report.traversals == 6 * 4);
        CHECK(std::abs(report.loss - before) < 1e-3);
        for (std::size_t t = 0; t < 6; ++t) {
            CHECK(model.tensors[t] != base[t]);
        }
    }
    CHECK(model.loss() < 0.5 * Layered{}.loss());
}

TEST_CASE("One part a step: in turn, evenly, or by importance") {
    const auto run = [](BlockOrder order, const std::vector<double>& importance, int steps) {
        Layered model;
        BlockOptimizer optimizer{partition_by_tensor(model.parameters()), TwoSidedRge{}, Sgd{.learning_rate = 0.02},
                                 Settings<Snapshot>{.seed = 6, .order = order, .importance = importance}};
        std::vector<int> moved(6);
        for (int step = 0; step < steps; ++step) {
            const std::vector<std::vector<double>> base = model.tensors;
            const StepReport report = optimizer.step([&] { return model.loss(); });
            CHECK(report.parts == 1);
            CHECK(report.forward_passes == 2);
            for (std::size_t t = 0; t < 6; ++t) {
                CHECK((model.tensors[t] != base[t]) == (t == report.first_part));
            }
            ++moved[report.first_part];
            if (order == BlockOrder::cyclic) {
                CHECK(report.first_part == static_cast<std::size_t>(step % 6));
            }
        }
        return moved;
    };
    CHECK(run(BlockOrder::cyclic, {}, 12) == std::vector<int>(6, 2));
    for (const int count : run(BlockOrder::random, {}, 1200)) {
        CHECK(std::abs(count - 200) < 5 * 13);
    }
    const std::vector<int> weighted = run(BlockOrder::importance, {1, 0, 2, 0, 0, 1}, 1200);
    CHECK(weighted[1] + weighted[3] + weighted[4] == 0);
    CHECK(std::abs(weighted[2] - 600) < 5 * 18);
    Layered model;
    const auto refused = [&](const std::vector<double>& importance) {
        CHECK_THROWS_AS((BlockOptimizer{partition_by_tensor(model.parameters()), TwoSidedRge{}, Sgd{},
                                        Settings<>{.order = BlockOrder::importance, .importance = importance}}),
                        std::invalid_argument);
    };
    refused({});
    refused({1, 1, 1, 1, 1, -1});
    refused({0, 0, 0, 0, 0, 0});
    CHECK_THROWS_AS((BlockOptimizer{Partition{}, TwoSidedRge{}, Sgd{}}), std::invalid_argument);
}

TEST_CASE("The hook hears of the part that moves") {
    Layered model;
    Parameters parameters = model.parameters();
    std::set<std::string> heard;
    parameters.on_change([&](std::span<const Block> blocks) { heard.insert(blocks.front().name); });
    BlockOptimizer optimizer{partition_by_layer(parameters), TwoSidedRge{}, Sgd{}, Settings<>{.order = BlockOrder::cyclic}};
    for (const char* first : {"embedding", "layers.0.w", "layers.10.w", "head"}) {
        heard.clear();
        optimizer.step([&] { return model.loss(); });
        CHECK(heard == std::set<std::string>{first});
    }
}

TEST_CASE("First-order rules follow the caller's gradient") {
    Layered model;
    FirstOrderOptimizer sgd{model.parameters(4), Sgd{.learning_rate = 0.1, .weight_decay = 0.5}};
    std::vector<double> expected = model.tensors[5];
    const std::vector<double> still = model.tensors[3];
    for (int step = 0; step < 20; ++step) {
        const StepReport report = sgd.step([&](std::span<const GradientBlock> blocks) { return model.gradient(blocks); });
        CHECK(report.reason == Reason::updated);
        CHECK(report.forward_passes == 1);
        CHECK(report.traversals == 1);
        for (double& x : expected) {
            x -= 0.1 * ((x - 1) + 0.5 * x);
        }
        for (std::size_t i = 0; i < expected.size(); ++i) {
            REQUIRE(std::abs(model.tensors[5][i] - expected[i]) < 1e-12);
        }
    }
    CHECK(model.tensors[3] == still);
    CHECK(sgd.state_bytes() == 24 * 8);

    Layered other;
    FirstOrderOptimizer adam{other.parameters(), Adam{.learning_rate = 0.05}};
    for (int step = 0; step < 200; ++step) {
        adam.step([&](std::span<const GradientBlock> blocks) { return other.gradient(blocks); });
    }
    CHECK(other.loss() < 1e-2);
    CHECK(adam.state_bytes() == 72 * 24);

    const std::vector<std::vector<double>> before = other.tensors;
    CHECK(adam.step([&](std::span<const GradientBlock> blocks) {
                  other.gradient(blocks);
                  return std::numeric_limits<double>::quiet_NaN();
              }).reason == Reason::non_finite_loss);
    CHECK(other.tensors == before);
}

TEMPLATE_TEST_CASE("A hybrid that settles lazily takes the same steps, in one traversal less each", "", Snapshot, Exact) {
    const auto gradient_of = [](Layered& model) { return [&](std::span<const GradientBlock> blocks) { return model.gradient(blocks); }; };
    Layered model, other;
    const auto make = [](Layered& of, Settling settling) {
        return HybridOptimizer{of.parameters(0, 4), TwoSidedRge{.queries = 2}, Momentum{.learning_rate = 0.01}, of.parameters(4), Adam{.learning_rate = 0.05},
                               Settings<TestType>{.seed = 3, .restore = {}, .settling = settling}};
    };
    auto each = make(model, Settling::each_step);
    {
        auto lazily = make(other, Settling::lazily);
        for (int step = 0; step < 30; ++step) {
            const std::vector<std::vector<double>> base = model.tensors;
            const StepReport settled = each.step([&] { return model.loss(); }, gradient_of(model));
            const StepReport report = lazily.step([&] { return other.loss(); },
                                                  [&](std::span<const GradientBlock> blocks) {
                                                      CHECK(other.tensors == base); // settled for the gradient
                                                      return other.gradient(blocks);
                                                  });
            CHECK(report.losses.size() == 4);
            CHECK(report.loss == settled.loss);
            CHECK(report.forward_passes == 5);
            CHECK((settled.traversals == 6 || (TestType::adjusts_weights && settled.traversals == 6 + 4))); // a grid laid anew
            CHECK(report.traversals == 5); // settling comes with the next step, before its gradient
            CHECK(other.tensors != model.tensors);
            if (step % 7 == 0) {
                lazily.settle();
                CHECK(other.tensors == model.tensors);
            }
        }
        CHECK(lazily.steps() == 30);
    }
    CHECK(other.tensors == model.tensors); // the destructor settles
    CHECK(model.loss() < 0.6 * Layered{}.loss());
}

TEST_CASE("A hybrid step takes both gradients at the same weights, and beats either half alone") {
    Layered model;
    HybridOptimizer hybrid{model.parameters(0, 4), TwoSidedRge{}, Sgd{.learning_rate = 0.01}, model.parameters(4), Adam{.learning_rate = 0.05},
                           Settings{.seed = 3, .restore = Snapshot{}}};
    for (int step = 0; step < 100; ++step) {
        const std::vector<std::vector<double>> base = model.tensors;
        const auto stands = [&](std::size_t first, std::size_t last) {
            bool still = true;
            for (std::size_t t = first; t < last; ++t) {
                still = still && model.tensors[t] == base[t];
            }
            return still;
        };
        const StepReport report = hybrid.step(
            [&] {
                CHECK(stands(4, 6));
                CHECK_FALSE(stands(0, 4));
                return model.loss();
            },
            [&](std::span<const GradientBlock> blocks) {
                CHECK(stands(0, 6));
                return model.gradient(blocks);
            });
        CHECK(report.forward_passes == 3);
        CHECK(report.traversals == 4);
        CHECK_FALSE(stands(0, 4));
        CHECK_FALSE(stands(4, 6));
    }
    CHECK(model.loss() < 0.3 * Layered{}.loss());
    const std::vector<std::vector<double>> before = model.tensors;
    const auto nan = [] { return std::numeric_limits<double>::quiet_NaN(); };
    const auto gradient = [&](std::span<const GradientBlock> blocks) { return model.gradient(blocks); };
    CHECK(hybrid.step(nan, gradient).reason == Reason::non_finite_loss);
    CHECK(model.tensors == before);
    CHECK(hybrid.step([&] { return model.loss(); }, [&](std::span<const GradientBlock>) { return nan(); }).reason == Reason::non_finite_loss);
    CHECK(model.tensors == before);
}
