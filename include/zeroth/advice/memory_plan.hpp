#pragma once

#include <zeroth/parameters/parameters.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// What a runtime needs in memory for a model, on a batch of the shape that is to be trained; bytes.
struct RuntimeMemory {
    /// x: all weights, trained or not, and whatever else stays for the whole run.
    std::uint64_t weights = 0;
    /// a: activations that are live at once in a forward pass.
    std::uint64_t forward = 0;
    /// What back-propagation holds in place of them: the activations it has kept, and its own.
    std::uint64_t backward = 0;
    /// What a forward-mode pass holds in place of them.
    std::uint64_t forward_mode = 0;
};

/// The passes that a method asks of a runtime.
enum class PassKind : std::uint8_t { forward, forward_mode, backward };

/// What a method needs beside the runtime; bytes.
struct MethodMemory {
    PassKind pass = PassKind::forward;
    /// Held from the first step to the last: the rule's state, masks, what a restore policy keeps.
    std::uint64_t state = 0;
    /// Gradients, or tangents of a forward-mode pass: held from the pass to the update.
    std::uint64_t gradient = 0;
    /// Threads that traverse, each with its chunk.
    std::uint64_t threads = 1;
};

/// The phases of a run, each with all that it holds; bytes.
struct MemoryPlan {
    std::uint64_t load = 0;     ///< the model
    std::uint64_t forward = 0;  ///< a forward pass, or one of forward mode
    std::uint64_t backward = 0; ///< the backward pass; 0 where there is none
    std::uint64_t step = 0;     ///< the update

    [[nodiscard]] std::uint64_t peak() const noexcept {
        const std::uint64_t first = load > forward ? load : forward;
        const std::uint64_t second = backward > step ? backward : step;
        return first > second ? first : second;
    }
    /// Which pass makes the peak, but for the chunks that the step adds.
    [[nodiscard]] std::string_view peak_phase() const noexcept {
        return backward > forward ? "backward" : forward > load ? "forward" : "load";
    }
};

/// The peak of a run, phase by phase. A runtime is taken to keep its activations' memory between passes, as runtimes do, so the step holds
/// what the pass before it held.
///
///   load = x,  forward = x + state + a (a of forward mode + tangents, or a of back-propagation, which keeps it),
///   backward = x + state + a of back-propagation + gradient,  step = the pass + a chunk a thread
///
/// also_forward: plain forward passes are made too, with memory of their own: in a hybrid, or for evaluations.
/// Source: the memory analysis of Zhang et al., arXiv 2402.11592, section 3, where the zeroth-order step also holds the direction of the largest
/// layer; here directions are formed in registers.
[[nodiscard]] inline MemoryPlan plan_memory(const RuntimeMemory& runtime, const MethodMemory& method, bool also_forward = false) noexcept {
    constexpr std::uint64_t chunk = std::uint64_t{1} << 16;
    MemoryPlan plan;
    plan.load = runtime.weights;
    const std::uint64_t held = runtime.weights + method.state;
    const std::uint64_t activations = also_forward ? runtime.forward : 0;
    switch (method.pass) {
    case PassKind::forward: plan.forward = held + runtime.forward; break;
    case PassKind::forward_mode: plan.forward = held + activations + runtime.forward_mode + method.gradient; break;
    case PassKind::backward:
        plan.forward = held + activations + runtime.backward;
        plan.backward = held + activations + runtime.backward + method.gradient;
        break;
    }
    plan.step = (plan.backward != 0 ? plan.backward : plan.forward) + chunk * method.threads;
    return plan;
}

/// What an update rule keeps for these parameters.
template <UpdateRule Rule>
[[nodiscard]] std::uint64_t state_bytes(const Parameters& parameters) noexcept {
    std::uint64_t bytes = 0;
    for (const Block& block : parameters.blocks()) {
        bytes += Rule::state_bytes_per_parameter * block.size() * (block.type == ScalarType::float64 ? 2 : 1);
    }
    return bytes;
}

/// Gradients or tangents of these parameters: 4 bytes a weight, 8 for float64.
[[nodiscard]] inline std::uint64_t gradient_bytes(const Parameters& parameters) noexcept {
    std::uint64_t bytes = 0;
    for (const Block& block : parameters.blocks()) {
        bytes += block.size() * (block.type == ScalarType::float64 ? 8 : 4);
    }
    return bytes;
}

/// A decoder-only transformer, for a plan before there is a runtime.
struct TransformerShape {
    std::uint64_t layers = 0;
    std::uint64_t width = 0;
    std::uint64_t hidden = 0;
    std::uint64_t heads = 0;
    std::uint64_t kv_width = 0; ///< of keys and of values; 0: the width
    std::uint64_t vocabulary = 0;
    bool gated = true;          ///< three feed-forward matrices, not two
    bool tied = true;           ///< the classifier is the embedding

    [[nodiscard]] std::uint64_t parameters() const noexcept {
        const std::uint64_t kv = kv_width != 0 ? kv_width : width;
        const std::uint64_t layer = 2 * width * width + 2 * width * kv + (gated ? 3 : 2) * width * hidden + 2 * width;
        return (tied ? 1 : 2) * vocabulary * width + layers * layer + width;
    }
};

/// What such a model needs with weights and activations of so many bytes a number, without fused attention: scores of one layer are held, in
/// back-propagation of all layers. Logits are held of all tokens.
[[nodiscard]] inline RuntimeMemory transformer_memory(const TransformerShape& shape, std::uint64_t batch, std::uint64_t length,
                                                      std::uint64_t weight_bytes = 4, std::uint64_t activation_bytes = 4) noexcept {
    const std::uint64_t kv = shape.kv_width != 0 ? shape.kv_width : shape.width;
    const std::uint64_t tokens = batch * length;
    const std::uint64_t scores = tokens * length * shape.heads;
    const std::uint64_t logits = tokens * shape.vocabulary;
    const std::uint64_t attention = tokens * (3 * shape.width + 2 * kv) + scores;
    const std::uint64_t feed_forward = tokens * (2 * shape.width + (shape.gated ? 2 : 1) * shape.hidden);
    const std::uint64_t layer = tokens * (6 * shape.width + 2 * kv + (shape.gated ? 3 : 2) * shape.hidden) + scores;
    const std::uint64_t live = attention > feed_forward ? attention : feed_forward;
    RuntimeMemory memory;
    memory.weights = shape.parameters() * weight_bytes;
    memory.forward = activation_bytes * (live > logits ? live : logits);
    memory.backward = activation_bytes * (shape.layers * layer + 2 * logits + live);
    memory.forward_mode = 2 * memory.forward;
    return memory;
}

ZEROTH_END_NAMESPACE
