#include "allocations.hpp"
#include "projections/two_layers.hpp"

#include <zeroth/block_optimizer.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/first_order/hybrid_optimizer.hpp>
#include <zeroth/projections/layer_projection.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

double norm(const std::vector<float>& w) {
    double sum = 0;
    for (const float x : w) {
        sum += static_cast<double>(x) * static_cast<double>(x);
    }
    return std::sqrt(sum);
}

/// Counts traversals, those that write apart.
struct Counted {
    std::uint64_t* all = nullptr;
    std::uint64_t* writing = nullptr;
    Reference inner{};

    [[nodiscard]] std::string name() const { return "counted"; }
    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const noexcept {
        *all += 1;
        *writing += Operation::writes ? 1 : 0;
        inner.traverse(traversal);
    }
};

} // namespace

TEST_CASE("A projection costs 2J forward passes, 2J + 3 traversals and one copy beside the anchor") {
    TwoLayers<> model;
    std::uint64_t traversals = 0;
    std::uint64_t writing = 0;
    LayerProjection projection{model.parameters(), {.interval = 5, .iterations = 4}, {}, Counted{&traversals, &writing}};
    CHECK(projection.state_bytes() == 2 * sizeof(float) * (200 + 203));
    CHECK(projection.forward_passes() == 8);
    model.move();
    std::vector<std::size_t> pairs;
    const ProjectionReport report = projection.project(5, [&](std::size_t pair) {
        pairs.push_back(pair);
        return model.loss();
    });
    CHECK(pairs == std::vector<std::size_t>{0, 0, 1, 1, 2, 2, 3, 3});
    CHECK(report.reason == Reason::updated);
    CHECK(report.forward_passes == 8);
    CHECK(report.losses.size() == 8);
    CHECK(report.traversals == 11);
    CHECK(traversals == 11);
    CHECK(writing == 9);
    CHECK(report.backend == "counted");
}

TEST_CASE("A projection allocates nothing") {
    TwoLayers<> model;
    LayerProjection projection{model.parameters(), {.interval = 1}};
    Optimizer optimizer{model.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, Settings{.restore = Exact{}}};
    const auto loss = [&] { return model.loss(); };
    optimizer.step(loss);
    const std::size_t before = allocations;
    const auto report = projection.after_step(optimizer, loss);
    CHECK(allocations == before);
    CHECK(report->reason == Reason::updated);
}

TEST_CASE("A projection is due once each interval") {
    TwoLayers<> model;
    LayerProjection projection{model.parameters(), {.interval = 3, .iterations = 1}};
    Optimizer optimizer{model.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 1e-3}};
    const auto loss = [&] { return model.loss(); };
    std::vector<std::uint64_t> made;
    CHECK_FALSE(projection.after_step(optimizer, loss));
    for (int step = 0; step < 10; ++step) {
        optimizer.step(loss);
        if (const auto report = projection.after_step(optimizer, loss)) {
            made.push_back(report->step);
        }
        CHECK_FALSE(projection.after_step(optimizer, loss));
    }
    CHECK(made == std::vector<std::uint64_t>{3, 6, 9});
}

TEST_CASE("The ratios are the paper's, and weights are anchor + ratio * displacement") {
    for (const ProjectionUnit unit : {ProjectionUnit::norm, ProjectionUnit::ratio}) {
        TwoLayers<> model;
        LayerProjectionSettings settings{.seed = 7, .iterations = 3, .epsilon = 0.1, .rate = 0.003, .clip = 0.2, .unit = unit};
        LayerProjection projection{model.parameters(), settings};
        model.move();
        const TwoLayers<> before = model;
        const double lengths[2] = {norm(before.near), norm(before.far)};
        // The formula with its own eyes: in double, the loss of two lengths in closed form.
        const auto loss_at = [&](const double (&gamma)[2], const double (&u)[2]) {
            double sum = 0;
            for (const float w : before.near) {
                sum += std::pow(gamma[0] / u[0] * static_cast<double>(w) - 1, 2) / 2;
            }
            for (const float w : before.far) {
                sum += std::pow(gamma[1] / u[1] * static_cast<double>(w) - 1, 2) / 2;
            }
            return sum;
        };
        const double u[2] = {unit == ProjectionUnit::norm ? lengths[0] : 1, unit == ProjectionUnit::norm ? lengths[1] : 1};
        double gamma[2] = {u[0], u[1]};
        const auto clip = [](double x, double low, double high) { return x < low ? low : x > high ? high : x; };
        bool clipped_z = false;
        for (std::uint32_t pair = 0; pair < 3; ++pair) {
            double z[2];
            double above[2];
            double below[2];
            const char* const names[2] = {"near", "far"};
            const std::size_t sizes[2] = {200, 203};
            for (int l = 0; l < 2; ++l) {
                const Key key{7, 50, pair};
                const BlockIdentity block{hash_name(names[l]), sizes[l], 1};
                const double drawn = static_cast<double>(number_of<Gaussian>(key, block, 0, Purpose::projection));
                z[l] = clip(drawn, -0.2 / 0.1 * u[l], 0.2 / 0.1 * u[l]);
                clipped_z = clipped_z || z[l] != drawn;
                above[l] = gamma[l] + 0.1 * z[l];
                below[l] = gamma[l] - 0.1 * z[l];
            }
            const double slope = (loss_at(above, u) - loss_at(below, u)) / 0.2;
            for (int l = 0; l < 2; ++l) {
                gamma[l] = clip(gamma[l] - 0.003 * u[l] * slope * z[l], 0.8 * u[l], 1.2 * u[l]);
            }
        }
        const ProjectionReport report = projection.project(50, [&] { return model.loss(); });
        REQUIRE(report.layers.size() == 2);
        for (std::size_t l = 0; l < 2; ++l) {
            INFO("layer " << l << ", unit " << int(unit) << ", z clipped " << clipped_z);
            CHECK(std::abs(report.layers[l].displacement - lengths[l]) < 1e-6 * lengths[l]);
            CHECK(std::abs(report.layers[l].ratio - gamma[l] / u[l]) < 1e-5);
            CHECK(std::abs(report.layers[l].ratio - 1) > 1e-3);
            const std::vector<float>& was = l == 0 ? before.near : before.far;
            const std::vector<float>& is = l == 0 ? model.near : model.far;
            for (std::size_t i = 0; i < was.size(); ++i) {
                const double expected = report.layers[l].ratio * static_cast<double>(was[i]);
                REQUIRE(std::abs(static_cast<double>(is[i]) - expected) <= 1e-7 * std::abs(expected));
            }
        }
    }
}

TEST_CASE("With clip 0, or nothing displaced, no bit changes") {
    TwoLayers<> model;
    LayerProjection projection{model.parameters(), {.iterations = 2, .clip = 0}};
    LayerProjection unmoved{model.parameters(), {.iterations = 2}};
    const ProjectionReport nothing = unmoved.project(50, [&] { return model.loss(); });
    CHECK(nothing.reason == Reason::kept);
    CHECK(nothing.forward_passes == 0);
    CHECK(nothing.traversals == 2);
    model.move();
    model.near[3] = -0.0f;
    const TwoLayers<> before = model;
    const ProjectionReport report = projection.project(50, [&] {
        CHECK(same_bits(model.near, before.near));
        return model.loss();
    });
    CHECK(report.reason == Reason::kept);
    CHECK(same_bits(model.near, before.near));
    CHECK(same_bits(model.far, before.far));
}

TEST_CASE("A layer that did not move, or is not selected, is left alone") {
    TwoLayers<> model;
    LayerProjection projection{model.parameters(), {.iterations = 3, .rate = 1e-2}};
    LayerProjection selected_one{model.parameters(),
                                 {.iterations = 3, .rate = 1e-2, .select = [](const Block& block) { return matches("n*", block.name); }}};
    CHECK(selected_one.state_bytes() == 2 * sizeof(float) * 200);
    model.move();
    const std::vector<float> far = model.far;
    CHECK(selected_one.project(50, [&] { return model.loss(); }).layers.size() == 1);
    CHECK(same_bits(model.far, far));
    model.far.assign(model.far.size(), 0.0f);
    const ProjectionReport report = projection.project(50, [&] { return model.loss(); });
    CHECK(report.reason == Reason::updated);
    CHECK(report.layers[1].ratio == 1);
    CHECK(report.layers[1].displacement == 0);
    CHECK(same_bits(model.far, std::vector<float>(203)));
}

TEST_CASE("A loss that throws or is not finite leaves the weights as they were") {
    TwoLayers<> model;
    Parameters parameters = model.parameters();
    int changes = 0;
    parameters.on_change([&](std::span<const Block>) { ++changes; });
    LayerProjection projection{parameters, {.iterations = 3}};
    model.move();
    const TwoLayers<> before = model;
    for (const int bad : {0, 1, 3, 5}) {
        int call = 0;
        const auto throws = [&] { return call++ == bad ? throw std::bad_alloc{} : model.loss(); };
        CHECK_THROWS_AS(projection.project(50, throws), std::bad_alloc);
        CHECK(same_bits(model.near, before.near));
        CHECK(same_bits(model.far, before.far));
        call = 0;
        const ProjectionReport report =
            projection.project(50, [&] { return call++ == bad ? std::numeric_limits<double>::quiet_NaN() : model.loss(); });
        CHECK(report.reason == Reason::non_finite_loss);
        CHECK(std::isnan(report.loss));
        CHECK(report.forward_passes == static_cast<std::uint64_t>(bad) + 1);
        CHECK(report.layers[0].ratio == 1);
        CHECK(same_bits(model.near, before.near));
        CHECK(same_bits(model.far, before.far));
    }
    // A hook that throws when told of the projection itself.
    Parameters watched = model.parameters();
    watched.on_change([&](std::span<const Block>) { changes == 2 ? throw std::bad_alloc{} : ++changes; });
    LayerProjection of_watched{watched, {.iterations = 1}};
    changes = 0;
    for (float& w : model.near) {
        w += 0.1f;
    }
    const TwoLayers<> moved = model;
    CHECK_THROWS_AS(of_watched.project(50, [&] { return model.loss(); }), std::bad_alloc);
    CHECK(same_bits(model.near, moved.near));
    model.near = before.near;
    changes = 0;
    int call = 0;
    CHECK(projection.project(50, [&] { return call++ % 2 == 0 ? 1e308 : -1e308; }).reason == Reason::non_finite_update);
    CHECK(changes == 3); // two probes and the way back
    CHECK(same_bits(model.near, before.near));
    model.near[5] = std::numeric_limits<float>::infinity();
    CHECK(projection.project(50, [&] { return model.loss(); }).reason == Reason::non_finite_update);
    CHECK(model.near[6] == before.near[6]);
}

TEST_CASE("Every backend projects to the same bits") {
    constexpr std::size_t size = 5003;
    const auto run = [&]<class T>(T, const auto& backend) {
        TwoLayers<T> model{size};
        LayerProjection projection{model.parameters(), {.iterations = 3, .rate = 1e-3}, {}, backend};
        model.move();
        const ProjectionReport report = projection.project(50, [&] { return model.loss(); });
        CHECK(report.reason == Reason::updated);
        model.near.insert(model.near.end(), model.far.begin(), model.far.end());
        return model.near;
    };
    CHECK(same_bits(run(0.0f, Fast{}), run(0.0f, Reference{})));
    CHECK(same_bits(run(0.0f, Threads<Fast>{{}, 3, 1}), run(0.0f, Reference{})));
    CHECK(same_bits(run(0.0, Simd<>{}), run(0.0, Reference{})));
    CHECK(same_bits(run(bfloat16{}, Simd<>{}), run(bfloat16{}, Reference{})));
    CHECK(same_bits(run(float16{}, Simd<>{}), run(float16{}, Reference{})));
}

TEST_CASE("16-bit displacements of one unit in the last place grow on average") {
    const auto grow = [&]<class T>(T, float anchor, float moved) {
        std::vector<T> w(20'000, T(anchor));
        Parameters parameters;
        parameters.add("w", std::span{w});
        LayerProjection projection{parameters, {.iterations = 1, .rate = 1e9, .clip = 0.2}};
        w.assign(w.size(), T(moved));
        w[0] = T(anchor);
        const ProjectionReport report = projection.project(50, [&] {
            double sum = 0;
            for (const T x : w) {
                sum -= static_cast<double>(static_cast<float>(x));
            }
            return sum;
        });
        REQUIRE(report.layers[0].ratio == 1.2);
        CHECK(static_cast<float>(w[0]) == anchor);
        double sum = 0;
        for (const T x : w) {
            sum += (static_cast<double>(static_cast<float>(x)) - static_cast<double>(anchor)) / static_cast<double>(moved - anchor);
        }
        // Each is 1 or 2 times the displacement: 5 standard deviations of their mean.
        CHECK(std::abs(sum / 20'000 - 1.2) < 5 * 0.4 / std::sqrt(20'000.0) + 1e-4);
    };
    grow(bfloat16{}, 1.0f, 1.0f + 0x1p-7f);
    grow(float16{}, 1.0f, 1.0f + 0x1p-10f);
    grow(float16{}, 0x1p-16f, 0x1p-16f + 0x1p-24f); // subnormal halves
}

TEST_CASE("Lengths do not depend on the scale of the weights") {
    for (const double scale : {1e-200, 1e-30, 1e-3, 1.0, 1e30, 1e200}) {
        std::vector<double> w(3000, 0.0);
        Parameters parameters;
        parameters.add("w", std::span{w});
        LayerProjection projection{parameters, {.iterations = 1}};
        double sum = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            const double x = std::sin(static_cast<double>(i)) * (i % 100 == 0 ? 1000 : 1);
            w[i] = x * scale;
            sum += x * x;
        }
        const double displacement = projection.project(50, [] { return 0.0; }).layers[0].displacement;
        CHECK(std::abs(displacement / scale / std::sqrt(sum) - 1) < 1e-9);
    }
}

TEST_CASE("A layer whose steps are ten times too small is made to go farther, and the loss ends lower") {
    struct Result {
        double loss;
        int grew = 0;
        double growth = 1;
    };
    const auto train = [](int steps, LayerProjectionSettings settings) {
        TwoLayers<> model;
        const auto loss = [&] { return model.loss(); };
        Parameters near;
        near.add("near", std::span{model.near});
        Parameters far;
        far.add("far", std::span{model.far});
        Optimizer fast{near, TwoSidedRge{}, Sgd{.learning_rate = 4e-4}};
        Optimizer slow{far, TwoSidedRge{}, Sgd{.learning_rate = 4e-5}, Settings{.seed = 100}};
        LayerProjection projection{model.parameters(), settings};
        Result result{};
        for (int step = 0; step < steps; ++step) {
            fast.step(loss);
            slow.step(loss);
            if (const auto report = projection.after_step(slow, loss)) {
                result.grew += report->layers[1].ratio > 1.01 ? 1 : 0;
                result.growth *= report->layers[1].ratio;
            }
        }
        result.loss = model.loss();
        return result;
    };
    // 500 steps of 4 passes with 10 projections of 20, or the same passes all for steps.
    const Result without = train(550, {.interval = 1000});
    const Result norm_scaled = train(500, {.epsilon = 0.02, .rate = 0.01});
    const Result scale_free = train(500, {.rate = 0.003, .unit = ProjectionUnit::ratio});
    INFO("without " << without.loss << ", by norm " << norm_scaled.loss << ", by ratio " << scale_free.loss);
    CHECK(norm_scaled.grew >= 9);
    CHECK(norm_scaled.growth > 3);
    CHECK(scale_free.growth > 1.5);
    CHECK(norm_scaled.loss < 0.9 * without.loss);
    CHECK(scale_free.loss < 0.9 * without.loss);
}

namespace {

/// Two steps and the projection that is then due; then a step that fails, which brings back what the restore policy takes for the base.
template <class O, class Step, class Loss>
void check_base(TwoLayers<>& model, O& optimizer, const Step& step, const Loss& loss) {
    LayerProjection projection{model.parameters(), {.interval = 2, .iterations = 2, .rate = 1e-2}};
    step(loss);
    CHECK_FALSE(projection.after_step(optimizer, loss));
    step(loss);
    const auto report = projection.after_step(optimizer, loss);
    REQUIRE(report);
    CHECK(report->reason == Reason::updated);
    CHECK(report->layers[0].ratio != 1);
    CHECK(report->layers[1].ratio != 1);
    const TwoLayers<> projected = model;
    int call = 0;
    CHECK_THROWS_AS(step([&] { return ++call == 1 ? 0.0 : throw std::bad_alloc{}; }), std::bad_alloc);
    for (std::size_t i = 0; i < projected.near.size(); ++i) {
        REQUIRE(std::abs(model.near[i] - projected.near[i]) <= 1e-6f);
    }
}

void check_optimizer(const auto& estimator, auto restore, Settling settling) {
    TwoLayers<> model;
    Optimizer optimizer{model.parameters(), estimator, Sgd{.learning_rate = 1e-3}, Settings{.restore = restore, .settling = settling}};
    check_base(model, optimizer, [&](const auto& forward) { optimizer.step(forward); }, [&] { return model.loss(); });
}

} // namespace

TEST_CASE("A projection goes with every optimizer and restore policy, which then stands on the projected weights") {
    check_optimizer(TwoSidedRge{}, InPlace{}, Settling::each_step);
    check_optimizer(TwoSidedRge{}, Snapshot{}, Settling::lazily);
    check_optimizer(TwoSidedRge{}, Exact{}, Settling::lazily);
    check_optimizer(Fzoo{}, Exact{}, Settling::each_step);
    check_optimizer(OneSidedRge{.direction = Rademacher{}}, Snapshot{}, Settling::each_step);

    TwoLayers<> model;
    BlockOptimizer blocks{partition_by_tensor(model.parameters()), TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, Settings<Snapshot>{}};
    check_base(model, blocks, [&](const auto& forward) { blocks.step(forward); }, [&] { return model.loss(); });

    TwoLayers<> both;
    Parameters near;
    near.add("near", std::span{both.near});
    Parameters far;
    far.add("far", std::span{both.far});
    HybridOptimizer hybrid{near, TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, far, Sgd{.learning_rate = 1e-2},
                           Settings{.restore = Snapshot{}}};
    const auto gradient = [&](std::span<const GradientBlock> gradients) {
        for (std::size_t i = 0; i < both.far.size(); ++i) {
            gradients[0].floats()[i] = both.far[i] - 1;
        }
        return both.loss();
    };
    check_base(both, hybrid, [&](const auto& forward) { hybrid.step(forward, gradient); }, [&] { return both.loss(); });
}

TEST_CASE("Wrong settings and anchors are refused by name") {
    TwoLayers<> model;
    const Parameters parameters = model.parameters();
    const auto refused = [&](LayerProjectionSettings settings) { return refusal([&] { LayerProjection{parameters, settings}; }); };
    CHECK(contains(refused({.interval = 0}), "interval is 0"));
    CHECK(contains(refused({.iterations = 0}), "iterations is 0"));
    CHECK(contains(refused({.epsilon = 0}), "epsilon is 0"));
    CHECK(contains(refused({.rate = -1}), "rate is -1"));
    CHECK(contains(refused({.clip = 1}), "clip is 1"));
    CHECK(contains(refused({.select = [](const Block&) { return false; }}), "takes none of the blocks"));
    Anchor anchor;
    anchor.add("near", std::span<const float>{model.near});
    CHECK(contains(refusal([&] { anchor.add("near", std::span{model.near}); }), "already"));
    CHECK(contains(refusal([&] { LayerProjection{parameters, {}, std::move(anchor)}; }), "no block 'far'"));
    Anchor wrong;
    wrong.add("near", std::span<const float>{model.near});
    wrong.add("far", std::span<const float>{model.near});
    CHECK(contains(refusal([&] { LayerProjection{parameters, {}, std::move(wrong)}; }),
                   "block 'far' has 203 weights of float32, its anchor 200 of float32"));
    std::vector<bfloat16> narrow(4);
    Parameters half;
    half.add("half", std::span{narrow});
    CHECK(contains(refusal([&] { LayerProjection{half, {}, {}, Fast{}}; }), "'half' is stored as bfloat16"));
}
