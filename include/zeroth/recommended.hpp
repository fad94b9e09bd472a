#pragma once

#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/weight_scale.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/setting.hpp>
#include <zeroth/updates/sgd.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// What of a model is trained.
enum class TuningScheme : std::uint8_t {
    full,   ///< the model's own weights
    lora,   ///< low-rank factors beside some of its matrices, of which one begins at 0
    prefix, ///< keys and values before each layer's own
    prompt, ///< embeddings before the text's own
    head,   ///< the last layer
};

/// A method with settings that should work as they are: optimizer{parameters, recommendation.estimator, recommendation.rule}.
struct Recommendation {
    Fzoo<Rademacher> estimator{};
    /// Its learning rate falls linearly to 0 over the steps it was asked for.
    Sgd rule{};
    /// Of the first step.
    double learning_rate = 0;
    /// Made to find it.
    std::uint64_t forward_passes = 0;
};

/// How far the weights may wander in a run, relative to their root mean square: the random walk of FZOO's steps, which have the length
/// eta sqrt(d / q) whatever the losses.
///
/// Fitted to rates that were searched for, with 8 queries, as eta sqrt(T / q) / rms at a constant rate eta for T steps, on a language model
/// of 260,000 weights. Full: 0.059 (other text; the same for T = 111 and 222, so the length of a run enters as it does here) and 0.031
/// (SST-2). LoRA: 0.9, prefix: 0.25, prompt: 1.7 (on text). Head: not fitted, but taken for the model's own weights. 1 is a run that goes
/// as far as the weights are large.
/// One number for `full` does not fit all: a perceptron on rotated MNIST wants 0.9, twenty times as much. Networks differ, and their
/// weights do not tell: give recommended() the loss.
[[nodiscard]] constexpr double wander_of(TuningScheme scheme) noexcept {
    switch (scheme) {
    case TuningScheme::full: return 0.045;
    case TuningScheme::lora: return 0.9;
    case TuningScheme::prefix: return 0.25;
    case TuningScheme::prompt: return 1.7;
    case TuningScheme::head: return 0.045;
    }
    return 0;
}

/// FZOO with 8 Rademacher queries, from the weights' own scale:
///
///   epsilon = rms / 200 (at least two spacings of a 16-bit type's numbers)
///   eta_t = 2 wander_of(scheme) rms sqrt(q / steps) (1 - t / steps)
///
/// with rms the root mean square of all trained weights together: LoRA's B, which begins at 0, with its A. A falling rate begins at about
/// twice the best constant one.
/// Forward passes: none. Traversals: one, which reads.
/// Throws std::invalid_argument if steps is 0, there is no block, or the weights' root mean square is 0 or not finite.
template <Backend B = Reference>
[[nodiscard]] Recommendation recommended(const Parameters& parameters, TuningScheme scheme, std::uint64_t steps,
                                         const B& backend = {}) {
    require_blocks(parameters.blocks());
    require_steps(steps);
    const WeightScale scale{parameters.blocks(), backend};
    require_setting(scale.of_all > 0 && scale.of_all < 0x1p128, "the weights' root mean square", scale.of_all, "positive and finite");
    double coarsest = 0;
    for (const Block& block : parameters.blocks()) {
        coarsest = std::fmax(coarsest, half_spacing(block.type));
    }
    Recommendation result;
    result.estimator.epsilon = scale.of_all * std::fmax(0.005, 4 * coarsest);
    result.learning_rate = 2 * wander_of(scheme) * scale.of_all * std::sqrt(result.estimator.queries / static_cast<double>(steps));
    result.rule.learning_rate = Linear{.rate = result.learning_rate, .steps = steps};
    return result;
}

/// The same with a rate from the loss, which knows more than the weights do:
///
///   eta_t = 2 / sqrt(steps) min(q ||grad L|| / tr(H), sqrt(q) rms) (1 - t / steps)
///   ||grad L||^2 = mean ((L(theta + r z) - L(theta - r z)) / 2r)^2
///   tr(H) = mean (L(theta + r z) + L(theta - r z) - 2 L(theta)) / r^2
///
/// The quotient is the rate at which one FZOO step lowers the loss most: along the gradient it gains eta ||grad L||, and its random part costs
/// eta^2 tr(H) / 2q. The bound is wander_of = 1; it is also taken where no curvature is found. Means are over 4 directions a radius; r
/// begins at epsilon and grows threefold until the loss has risen by a fiftieth, or r would pass rms. The norm is of all radii, the trace
/// of the last. The scheme does not matter, unless the loss is not finite.
///
/// Against rates that were searched for over 2,000 forward passes, as constant rates: 2.2e-3 (2e-3: all weights of a language model on
/// other text), 1.0e-2 (9e-3: its LoRA), 6e-2 to 8e-2 (1.7e-1: its prefix), 5e-2 (1e-1: its prompt), 1.8e-2 to 2.2e-2 (2e-2: a
/// perceptron on rotated MNIST).
///
/// `forward` is to be the loss of a batch, the same in each call, that speaks for the task: the noise of a small one makes the gradient
/// longer, and the rate too high; several batches' mean is better.
/// Forward passes: 1 + 8 for each radius, of which there are 5 at most. Traversals: as many, and one which reads.
/// The weights are given back as settings.restore does. Memory: the restore policy's.
/// Throws std::invalid_argument as above and as Cursor does. Where the weights' own loss is not finite, the rate is from the weights alone.
template <ForwardFn F, class Restore = InPlace, Backend B = Reference>
[[nodiscard]] Recommendation recommended(const Parameters& parameters, TuningScheme scheme, std::uint64_t steps, F&& forward,
                                         const Settings<Restore>& settings = {}, const B& backend = {}) {
    Recommendation result = recommended(parameters, scheme, steps, backend);
    const double queries = result.estimator.queries;
    const double root_steps = std::sqrt(static_cast<double>(steps));
    const double rms = result.learning_rate * root_steps / (2 * wander_of(scheme) * std::sqrt(queries));
    Cursor<Rademacher, Restore, B> cursor{parameters, Rademacher{}, settings.restore, backend, rms, 1};
    const auto loss = [&] {
        ++result.forward_passes;
        return static_cast<double>(forward());
    };

    cursor.stand_at_base();
    const double base = loss();
    if (!std::isfinite(base)) {
        return result;
    }
    double slopes = 0;
    double probes = 0;
    double curvature = 0;
    // Keys that no run comes to.
    Key key{settings.seed, ~std::uint64_t{0}, 0};
    for (double radius = result.estimator.epsilon; radius <= rms; radius *= 3) {
        constexpr int directions = 4;
        double squares = 0;
        double rise = 0;
        for (int k = 0; k < directions; ++k, ++key.query) {
            cursor.stand_at(Term{key, radius});
            const double above = loss();
            cursor.stand_at(Term{key, -radius});
            const double below = loss();
            squares += (above - below) * (above - below);
            rise += ((above - base) + (below - base)) / (2 * directions);
        }
        if (!std::isfinite(squares) || !std::isfinite(rise)) {
            break;
        }
        slopes += squares / (4 * radius * radius);
        probes += directions;
        curvature = 2 * rise / (radius * radius);
        if (rise >= 0.02 * std::abs(base)) {
            break;
        }
    }
    cursor.settle();
    const double farthest = rms * std::sqrt(queries);
    const double best = curvature > 0 ? queries * std::sqrt(slopes / probes) / curvature : farthest;
    result.learning_rate = 2 * std::fmin(best, farthest) / root_steps;
    result.rule.learning_rate = Linear{.rate = result.learning_rate, .steps = steps};
    return result;
}

/// What a step's parts cost, in seconds.
struct Prices {
    /// Of an example in a forward pass.
    double forward_per_example = 0;
    /// Of a traversal that moves the weights.
    double traversal = 0;
};

/// Times `forward`, the loss of a batch of so many examples, and traversals as the recommended estimator makes them: the fastest of three
/// each, after one to warm up.
/// Forward passes: 4. Traversals: 9 or less; the weights are given back as settings.restore does.
/// Throws std::invalid_argument if examples is 0, and as Cursor does.
template <ForwardFn F, class Restore = InPlace, Backend B = Reference>
[[nodiscard]] Prices measure_prices(const Parameters& parameters, std::size_t examples, F&& forward, const Settings<Restore>& settings = {},
                                    const B& backend = {}) {
    require_setting(examples > 0, "examples", static_cast<double>(examples), "at least 1");
    const auto fastest = [](auto call) {
        double least = 0;
        for (int i = 0; i < 4; ++i) {
            const auto start = std::chrono::steady_clock::now();
            call(i);
            const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            least = i <= 1 ? seconds : std::fmin(least, seconds);
        }
        return least;
    };
    Prices prices;
    prices.forward_per_example = fastest([&](int) { static_cast<void>(static_cast<double>(forward())); }) / static_cast<double>(examples);
    const WeightScale scale{parameters.blocks(), backend};
    Cursor<Rademacher, Restore, B> cursor{parameters, Rademacher{}, settings.restore, backend, scale.of_all, 1};
    const double epsilon = scale.of_all > 0 ? 0.005 * scale.of_all : 0.001;
    // From one direction to another: two of them are drawn, as between an estimator's queries.
    prices.traversal = fastest([&](int i) {
        cursor.stand_at(Term{Key{settings.seed, ~std::uint64_t{0}, static_cast<std::uint32_t>(i)}, epsilon});
    });
    return prices;
}

/// The smallest batch with which a step's traversals, one a forward pass, take no more than `share` of its time:
///
///   ceil(traversal (1 - share) / (share forward_per_example))
///
/// At equal numbers of examples seen, small batches learn most: a forward pass returns one number whatever its batch.
/// Throws std::invalid_argument if a price is not positive and finite (a traversal may be free) or share is not in (0, 1).
[[nodiscard]] inline std::size_t recommended_batch(const Prices& prices, double share = 0.25) {
    require_setting(prices.forward_per_example > 0 && std::isfinite(prices.forward_per_example), "forward_per_example",
                    prices.forward_per_example, "positive and finite");
    require_setting(prices.traversal >= 0 && std::isfinite(prices.traversal), "traversal", prices.traversal,
                    "zero or positive, and finite");
    require_setting(share > 0 && share < 1, "share", share, "over 0 and under 1");
    const double batch = std::ceil(prices.traversal / prices.forward_per_example * ((1 - share) / share));
    require_setting(batch < 0x1p53, "the batch", batch, "under 2^53");
    return batch > 1 ? static_cast<std::size_t>(batch) : 1;
}

ZEROTH_END_NAMESPACE
