// The plan of a run's memory, phase by phase, and a transformer's needs against published figures.

#include <zeroth/advice/memory_plan.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/updates/sgd.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <span>
#include <vector>

using namespace zeroth;

namespace {
constexpr RuntimeMemory runtime{.weights = 1000, .forward = 100, .backward = 700, .forward_mode = 250};
constexpr std::uint64_t chunk = 1 << 16;
} // namespace

TEST_CASE("Forward passes alone hold the model and its activations") {
    const MemoryPlan plan = plan_memory(runtime, {});
    CHECK(plan.load == 1000);
    CHECK(plan.forward == 1100);
    CHECK(plan.backward == 0);
    CHECK(plan.step == 1100 + chunk);
    CHECK(plan.peak() == plan.step);
    CHECK(plan.peak_phase() == "forward");
    CHECK(plan_memory(runtime, {.state = 50, .threads = 4}).step == 1150 + 4 * chunk);
}

TEST_CASE("Back-propagation holds its activations and the gradients, forward mode its tangents") {
    const MemoryPlan backward = plan_memory(runtime, {.pass = PassKind::backward, .state = 2000, .gradient = 900}, true);
    CHECK(backward.peak_phase() == "backward");
    CHECK(backward.forward == 1000 + 100 + 700 + 2000);
    CHECK(backward.backward == backward.forward + 900);
    CHECK(backward.step == backward.backward + chunk);
    CHECK(plan_memory(runtime, {.pass = PassKind::backward}).forward == 1700);
    const MemoryPlan along = plan_memory(runtime, {.pass = PassKind::forward_mode, .gradient = 900});
    CHECK(along.forward == 1000 + 250 + 900);
    CHECK(along.backward == 0);
}

TEST_CASE("State and gradients are counted for each scalar type") {
    std::vector<float> single(10);
    std::vector<double> wide(7);
    std::vector<bfloat16> half(100);
    Parameters parameters;
    parameters.add("single", std::span{single});
    parameters.add("wide", std::span{wide});
    parameters.add("half", std::span{half});
    CHECK(state_bytes<Sgd>(parameters) == 0);
    CHECK(state_bytes<Momentum>(parameters) == 4 * 110 + 8 * 7);
    CHECK(state_bytes<Adam>(parameters) == 2 * (4 * 110 + 8 * 7));
    CHECK(gradient_bytes(parameters) == 4 * 110 + 8 * 7);
}

TEST_CASE("A transformer's weights are counted as published") {
    // OPT-13B's matrices and norms without its biases and positions: 12.85e9 parameters, 26 GB in 16 bits, which MeZO is published to need
    // on short texts (arXiv 2305.17333).
    const TransformerShape opt{.layers = 40, .width = 5120, .hidden = 20480, .heads = 40, .vocabulary = 50272, .gated = false};
    CHECK(opt.parameters() > 12'800'000'000u);
    CHECK(opt.parameters() < 12'900'000'000u);
    const RuntimeMemory memory = transformer_memory(opt, 1, 400, 2, 2);
    CHECK(memory.weights == 2 * opt.parameters());
    CHECK(plan_memory(memory, {}).peak() < 26'500'000'000u);
    // stories260K: tied, gated, half the heads for keys and values.
    const TransformerShape stories{.layers = 5, .width = 64, .hidden = 172, .heads = 8, .kv_width = 32, .vocabulary = 512};
    CHECK(stories.parameters() == 260'032);
    // By hand, for 2 texts of 10 tokens: 20 tokens, 1,600 scores. Attention holds 20 (3 64 + 2 32) + 1,600 = 6,720 numbers, the feed-forward layer
    // 20 (2 64 + 2 172) = 9,440, the logits 20 512 = 10,240; back-propagation 5 (20 (6 64 + 2 32 + 3 172) + 1,600) + 2 10,240 + 9,440.
    const RuntimeMemory by_hand = transformer_memory(stories, 2, 10);
    CHECK(by_hand.weights == 4 * 260'032);
    CHECK(by_hand.forward == 4 * 10'240);
    CHECK(by_hand.backward == 4 * (5 * (20 * 964 + 1'600) + 20'480 + 9'440));
    CHECK(by_hand.forward_mode == 2 * by_hand.forward);
    // Activations grow with the batch, and those of back-propagation with the layers.
    const RuntimeMemory one = transformer_memory(stories, 1, 128), two = transformer_memory(stories, 2, 128);
    CHECK(two.forward == 2 * one.forward);
    TransformerShape deeper = stories;
    deeper.layers *= 2;
    CHECK(transformer_memory(deeper, 1, 128).forward == one.forward);
    CHECK(transformer_memory(deeper, 1, 128).backward > one.backward + 5 * 128 * 4 * 6 * 64);
}
