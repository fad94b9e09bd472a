#pragma once

#include <zeroth/backends/reference.hpp>
#include <zeroth/backends/weight_scale.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/ground/setting.hpp>
#include <zeroth/updates/sgd.hpp>

#include <chrono>
#include <cmath>
#include <concepts>
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
/// Every backend and number of threads gives the same bits.
/// Forward passes: none. Traversals: two, which read.
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

/// Whether weights of some block have 16 bits: InPlace would not give them back as they were.
[[nodiscard]] inline bool has_16_bit_block(const Parameters& parameters) noexcept {
    for (const Block& block : parameters.blocks()) {
        if (block.type == ScalarType::bfloat16 || block.type == ScalarType::float16) {
            return true;
        }
    }
    return false;
}

/// The same with a rate from the loss, which knows more than the weights do: in place of wander_of(scheme) rms
///
///   r, at most rms, with mean (L(theta + r z) + L(theta - r z)) / 2 = 1.1 L(theta)
///
/// so that the steps' random walk by itself, without the descent, would cost about a tenth of the loss at a constant rate of half the first.
/// The mean is over 4 directions at each of the radii epsilon, 3 epsilon, ... and rms, up to the first that costs as much; between radii
/// the cost goes with their squares. The scheme does not matter, unless the loss is not finite.
///
/// `forward` is to be the loss of a batch, the same in each call, that speaks for the task.
/// Forward passes: 1 + 8 for each radius, of which there are 6 at most. Traversals: as many, and two which read.
/// The weights are given back as settings.restore does, but 16-bit ones, which in place would come back changed, bit for bit: by Snapshot.
/// Memory: the restore policy's, for the time of the call; the weights once more where it is InPlace and some of them have 16 bits.
/// Throws std::invalid_argument as above and as Cursor does. Where the weights' own loss is not finite, or none beside it, the rate is from
/// the weights alone.
/// Source: ours; the share is the one that fits rates which were searched for (docs/methods/recommended.md).
template <ForwardFn F, class Restore = InPlace, Backend B = Reference>
[[nodiscard]] Recommendation recommended(const Parameters& parameters, TuningScheme scheme, std::uint64_t steps, F&& forward,
                                         const Settings<Restore>& settings = {}, const B& backend = {}) {
    if constexpr (std::same_as<Restore, InPlace>) {
        if (has_16_bit_block(parameters)) {
            return recommended(parameters, scheme, steps, forward, Settings{.seed = settings.seed, .restore = Snapshot{}}, backend);
        }
    }
    Recommendation result = recommended(parameters, scheme, steps, backend);
    const double per_distance = 2 * std::sqrt(result.estimator.queries / static_cast<double>(steps));
    const double rms = result.learning_rate / (wander_of(scheme) * per_distance);
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
    const double cost = 0.1 * std::abs(base);
    double reached = 0;
    double reached_rise = 0;
    // Keys that no run comes to.
    Key key{settings.seed, ~std::uint64_t{0}, 0};
    for (double radius = result.estimator.epsilon; reached < rms; radius = std::fmin(3 * radius, rms)) {
        constexpr int directions = 4;
        double rise = 0;
        for (int k = 0; k < directions; ++k, ++key.query) {
            for (const double side : {1.0, -1.0}) {
                cursor.stand_at(Term{key, side * radius});
                rise += (loss() - base) / (2 * directions);
            }
        }
        if (!std::isfinite(rise)) {
            break;
        }
        if (rise > cost) {
            const double part = (cost - reached_rise) / (rise - reached_rise);
            reached = std::sqrt(reached * reached + part * (radius * radius - reached * reached));
            break;
        }
        reached = radius;
        reached_rise = rise;
    }
    cursor.settle();
    if (reached > 0) {
        result.learning_rate = reached * per_distance;
        result.rule.learning_rate = Linear{.rate = result.learning_rate, .steps = steps};
    }
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
/// Forward passes: 4. Traversals: 9 or less. The weights are given back, and memory is taken, as by recommended().
/// Throws std::invalid_argument if examples is 0, and as Cursor does.
template <ForwardFn F, class Restore = InPlace, Backend B = Reference>
[[nodiscard]] Prices measure_prices(const Parameters& parameters, std::size_t examples, F&& forward, const Settings<Restore>& settings = {},
                                    const B& backend = {}) {
    require_setting(examples > 0, "examples", static_cast<double>(examples), "at least 1");
    if constexpr (std::same_as<Restore, InPlace>) {
        if (has_16_bit_block(parameters)) {
            return measure_prices(parameters, examples, forward, Settings{.seed = settings.seed, .restore = Snapshot{}}, backend);
        }
    }
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
