#include "projections/two_layers.hpp"

#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/projections/layer_projection.hpp>
#include <zeroth/projections/term_record.hpp>

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

/// Some steps of a run along the direction, and the anchor of the second block alone: whether it is where that block began.
template <class D>
bool finds_second(const D& direction, TwoLayers<>& model) {
    Optimizer optimizer{model.parameters(), TwoSidedRge{.direction = direction, .epsilon = 0.01, .queries = 2}, Sgd{.learning_rate = 1e-5},
                        Settings{.seed = 5, .restore = Exact{}}, Fast{}};
    const std::vector<float> began = model.far;
    TermRecord record{optimizer};
    for (int step = 0; step < 5; ++step) {
        record.add(optimizer.step([&] { return model.loss(); }));
    }
    REQUIRE_FALSE(same_bits(model.far, began));
    const Anchor anchor = record.anchor(optimizer, [](const Block& block) { return block.name == "far"; });
    return std::memcmp(anchor.of(optimizer.cursor().parameters().blocks()[1]), began.data(), sizeof(float) * began.size()) == 0;
}

} // namespace

TEST_CASE("One block's anchor is where it began, whatever of its place the direction depends on, scaled or not") {
    TwoLayers<> model{1000};
    model.move();
    const Parameters parameters = model.parameters();
    const std::vector<double> scales{0.5, 2.0};
    const std::vector<double> shares{0.9, 0.2};
    const Masked masked{Rademacher{}, Bernoulli{.keep_of_block = shares}};
    const ReusePool pool{.running_index = true};
    CHECK(finds_second(Gaussian{}, model));
    CHECK(finds_second(masked, model));
    CHECK(finds_second(pool, model));
    CHECK(finds_second(Scaled{Gaussian{}, parameters, scales}, model));
    CHECK(finds_second(Scaled{masked, parameters, scales}, model));
    CHECK(finds_second(Scaled{pool, parameters, scales}, model));
}

TEST_CASE("Weights that were changed and adopted end a record, though the grid's step stays") {
    TwoLayers<> model;
    model.move();
    Optimizer optimizer{model.parameters(), TwoSidedRge{}, Sgd{.learning_rate = 1e-4}, Settings{.restore = Exact{}}, Fast{}};
    TermRecord record{optimizer};
    const auto loss = [&] { return model.loss(); };
    record.add(optimizer.step(loss));
    CHECK_NOTHROW(record.anchor(optimizer));
    const std::vector<double> quanta{optimizer.cursor().quanta().begin(), optimizer.cursor().quanta().end()};
    for (std::size_t i = 0; i < 10; ++i) {
        model.near[i] *= 0.5f;
    }
    optimizer.adopt_weights();
    record.add(optimizer.step(loss));
    CHECK(optimizer.cursor().quanta()[0] == quanta[0]);
    CHECK(contains(refusal([&] { static_cast<void>(record.anchor(optimizer)); }), "laid its grid anew"));
}

TEST_CASE("A grid that is laid again for farther displacements, and as fine, is the same grid") {
    std::vector<float> weights(100, 8.0f);
    Parameters parameters;
    parameters.add("weights", std::span{weights});
    Cursor<Rademacher, Exact> cursor{parameters, Rademacher{}, Exact{}, Reference{}, 1e-3, 1};
    const std::uint64_t grids = cursor.grids();
    cursor.stand_at(Term{Key{}, 1e-2}); // 16 has room for it
    cursor.settle();
    CHECK(cursor.grids() == grids);
    cursor.stand_at(Term{Key{}, 100.0});
    cursor.settle();
    CHECK(cursor.grids() == grids + 1);
    cursor.adopt();
    CHECK(cursor.grids() == grids + 2);
}

TEST_CASE("Anchors from memory, from a mapped file and from the run's own terms give the same bits") {
    struct Made {
        std::vector<float> near;
        std::vector<float> far;
    };
    const auto start = [](TwoLayers<>& model) {
        for (std::size_t i = 0; i < model.near.size(); ++i) {
            model.near[i] = 0.6f * std::sin(static_cast<float>(i));
        }
        for (std::size_t i = 0; i < model.far.size(); ++i) {
            model.far[i] = 0.7f * std::cos(static_cast<float>(i));
        }
    };
    const LayerProjectionSettings settings{.seed = 3, .interval = 10, .iterations = 3, .rate = 0.02};
    // The run up to step 40, with projections at 10, 20 and 30 from a copy; then one whose anchor is what `anchor_of` makes.
    const auto run = [&](auto direction, auto anchor_of) {
        TwoLayers<> model;
        start(model);
        const Parameters parameters = model.parameters();
        Optimizer optimizer{parameters, TwoSidedRge{.direction = direction, .queries = 2},
                            Sgd{.learning_rate = Linear{.rate = 4e-4, .steps = 100}},
                            Settings{.seed = 5, .restore = Exact{}, .settling = Settling::lazily}, Fast{}};
        const TwoLayers<> began = model;
        TermRecord record{optimizer};
        const auto loss = [&] { return model.loss(); };
        LayerProjection early{parameters, settings, {}, Fast{}};
        for (int step = 0; step < 40; ++step) {
            if (step == 7) {
                record.add(optimizer.step([] { return std::numeric_limits<double>::infinity(); }));
            } else {
                record.add(optimizer.step(loss));
            }
            if (step == 9 || step == 19 || step == 29) {
                const auto report = early.after_step(optimizer, loss);
                REQUIRE(report->on_grid);
                REQUIRE(report->reason == Reason::updated);
                record.add(*report);
            }
        }
        LayerProjection late{parameters, settings, anchor_of(began, record, optimizer), Fast{}};
        const auto report = late.after_step(optimizer, loss);
        CHECK(report->reason == Reason::updated);
        return Made{model.near, model.far};
    };
    const auto same = [](const Made& a, const Made& b) { return same_bits(a.near, b.near) && same_bits(a.far, b.far); };

    const auto from_memory = [](const TwoLayers<>& began, const TermRecord&, auto&) {
        TwoLayers<> copy = began;
        return Anchor::copy_of(copy.parameters().blocks());
    };
    const auto from_terms = [](const TwoLayers<>& began, const TermRecord& record, auto& optimizer) {
        Anchor anchor = record.anchor(optimizer);
        const std::span<const Block> blocks = optimizer.cursor().parameters().blocks();
        CHECK(std::memcmp(anchor.of(blocks[0]), began.near.data(), sizeof(float) * began.near.size()) == 0);
        CHECK(std::memcmp(anchor.of(blocks[1]), began.far.data(), sizeof(float) * began.far.size()) == 0);
        return anchor;
    };
    const Made expected = run(Gaussian{}, from_memory);
    CHECK(same(run(Gaussian{}, from_terms), expected));
    CHECK(same(run(Sphere{}, from_terms), run(Sphere{}, from_memory)));

    // A file of 2 bytes of header, so that its numbers are not aligned.
    const std::filesystem::path path = std::filesystem::temp_directory_path() / ("zeroth_anchor_" + std::to_string(::getpid()));
    void* map = MAP_FAILED;
    std::size_t bytes = 0;
    const Made mapped = run(Gaussian{}, [&](const TwoLayers<>& began, const TermRecord&, auto&) {
        std::FILE* const file = std::fopen(path.c_str(), "wb");
        REQUIRE(file != nullptr);
        std::fwrite("zz", 1, 2, file);
        std::fwrite(began.near.data(), sizeof(float), began.near.size(), file);
        std::fwrite(began.far.data(), sizeof(float), began.far.size(), file);
        std::fclose(file);
        bytes = std::filesystem::file_size(path);
        const int descriptor = ::open(path.c_str(), O_RDONLY);
        map = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
        ::close(descriptor);
        REQUIRE(map != MAP_FAILED);
        const auto* const data = static_cast<const std::byte*>(map) + 2;
        Anchor anchor;
        anchor.add_memory("near", data, ScalarType::float32, began.near.size());
        anchor.add_memory("far", data + sizeof(float) * began.near.size(), ScalarType::float32, began.far.size());
        CHECK(anchor.bytes() == 0);
        return anchor;
    });
    ::munmap(map, bytes);
    std::filesystem::remove(path);
    CHECK(same(mapped, expected));
}

TEST_CASE("A record refuses what it cannot rebuild") {
    TwoLayers<> model;
    const auto loss = [&] { return model.loss(); };
    const Parameters parameters = model.parameters();
    using Steps = Settings<Exact>;
    {
        Optimizer decays{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-3, .weight_decay = 0.1}, Steps{}};
        CHECK(contains(refusal([&] { TermRecord{decays}; }), "weight_decay"));
    }
    Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, Steps{.restore = {.reach = 1}}};
    TermRecord record{optimizer};
    const StepReport first = optimizer.step(loss);
    CHECK(contains(refusal([&] { static_cast<void>(record.anchor(optimizer)); }), "ends before step 0"));
    record.add(first);
    CHECK(contains(refusal([&] { record.add(first); }), "waits for step 1"));
    CHECK(record.bytes() == 24 + 32);
    CHECK_NOTHROW(record.anchor(optimizer));
    // Weights that grow past their grid.
    for (float& w : model.near) {
        w *= 1e6f;
    }
    optimizer.adopt_weights();
    CHECK(contains(refusal([&] { static_cast<void>(record.anchor(optimizer)); }), "laid its grid anew"));
    LayerProjection projection{parameters, {.interval = 1, .iterations = 1}};
    model.move();
    CHECK(contains(refusal([&] { record.add(projection.project(1, loss)); }), "left the grid"));
    STATIC_REQUIRE_FALSE(ReplayableRule<Adam>);
    STATIC_REQUIRE_FALSE(ReplayableRule<Conservative>);
    STATIC_REQUIRE(ReplayableRule<ScalarSignSgd>);
}
