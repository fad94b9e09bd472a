#include "projections/two_layers.hpp"

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
    Optimizer optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = 1e-3}, Steps{}};
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
