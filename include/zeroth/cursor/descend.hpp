#pragma once

#include <zeroth/backends/between.hpp>
#include <zeroth/backends/operation.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/ground/device_copyable.hpp>
#include <zeroth/parameters/block.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// What an update descends along, element by element: u, of the base, of sums over the gradient's terms and, if it keeps some, of numbers of its
/// own.
///
///     struct MyStep {
///         static constexpr int coefficients;  // of each gradient term
///         static constexpr int scaled;        // the first of them are factors of z, the others are not
///         static constexpr int sums;          // formed from the terms, in their order
///         template <class Lanes, class Storage> struct Bound {
///             Bound(const MyStep&, const BlockView&, std::size_t block_index);
///             template <bool First> void accumulate(Real* sum, Real z, const Real* coefficient);
///             Real u(const Real& base, const Real* sum, std::uint64_t element, AllLanes or SomeLanes);
///         };
///     };
///
/// u is called once for each element of each update, so it may read and write state of its own there. A step may also be a SizedStep, and
/// should be a BoundedStep. One with tables, arrays of an entry for each block, names them by for_each_table(visit), which calls visit(pointer) for each: backends
/// elsewhere than on the host ask for it. One with numbers of its own names those by for_each_number(visit), so that it can be saved.
template <class U>
concept Step = std::copyable<U> && requires {
    { U::coefficients } -> std::convertible_to<int>;
    { U::scaled } -> std::convertible_to<int>;
    { U::sums } -> std::convertible_to<int>;
};

/// A step that knows its size: the root mean square of u along independent directions with E z^2 = 1 times a factor, that of a block-scaled
/// direction in a block.
template <class U>
concept SizedStep = Step<U> && requires(const U& step, std::span<const GradientTerm<U::coefficients>> gradient, double factor) {
    { step.size(gradient, factor) } -> std::same_as<double>;
};

/// What a step's numbers are at most where |z| is at most some number: so a move that could leave the range of what weights are computed in
/// is known before a weight is written.
struct StepBound {
    /// |u| is at most this times z, and at most the cap.
    double slope = 0;
    double cap = std::numeric_limits<double>::infinity();
    /// What it forms on the way: at most this times z, and this times z^2.
    double formed = 0;
    double squares = 0;

    [[nodiscard]] double u(double z) const noexcept {
        const double linear = z == 0 ? 0 : slope * z;
        return linear < cap ? linear : cap;
    }
    [[nodiscard]] bool stays_under(double limit, double z) const noexcept {
        return u(z) < limit && (z == 0 || (formed * z < limit && squares * z * z < limit));
    }
};

/// A step that knows its bound. One that does not is made whatever it comes to, and cut where Exact's grid does not hold it.
template <class U>
concept BoundedStep = Step<U> && requires(const U& step, std::span<const GradientTerm<U::coefficients>> gradient) {
    { step.bound(gradient) } -> std::same_as<StepBound>;
};

/// An operation or a step may have tables or not.
template <class T, class Visitor>
ZEROTH_HOST_DEVICE constexpr void for_each_table_of(T& of, Visitor& visit) {
    if constexpr (requires { of.for_each_table(visit); }) {
        of.for_each_table(visit);
    }
}

/// A step may have numbers of its own or not.
template <class U, class Visitor>
void for_each_number_of(U& step, Visitor& visit) {
    if constexpr (requires { step.for_each_number(visit); }) {
        step.for_each_number(visit);
    }
}

/// The mean square of g = sum c z over such directions; c is the first of a term's coefficients.
template <int Coefficients>
[[nodiscard]] double sum_of_squares(std::span<const GradientTerm<Coefficients>> gradient) noexcept {
    double sum = 0;
    for (const GradientTerm<Coefficients>& term : gradient) {
        sum += term.coefficient[0] * term.coefficient[0];
    }
    return sum;
}

[[nodiscard]] inline double sum_of_squares(std::span<const GradientTerm<1>> gradient) noexcept { return sum_of_squares<1>(gradient); }

/// |g| is at most this times the largest |z|.
template <int Coefficients>
[[nodiscard]] double sum_of_magnitudes(std::span<const GradientTerm<Coefficients>> gradient) noexcept {
    double sum = 0;
    for (const GradientTerm<Coefficients>& term : gradient) {
        sum += std::abs(term.coefficient[0]);
    }
    return sum;
}

/// The accumulate of steps that need g = sum c z alone.
template <class Lanes, class Storage>
struct PlainSum {
    using Real = typename Lanes::template Real<ComputeType<Storage>>;

    template <bool First>
    ZEROTH_INLINE static void accumulate(Real* sum, const Real& z, const Real* coefficient) noexcept {
        const Real part = Lanes::product(coefficient[0], z);
        if constexpr (First) {
            sum[0] = part;
        } else {
            sum[0] = sum[0] + part;
        }
    }
};

/// What an update is in one block: base <- base + scale u + shrink base.
struct BlockRate {
    double scale = 0;
    double shrink = 0;

    friend constexpr bool operator==(const BlockRate&, const BlockRate&) = default;
};

/// The largest number of a type that weights are computed in.
template <class Compute>
inline constexpr double largest_finite = static_cast<double>((std::numeric_limits<Compute>::max)()); // max may be a macro

/// The move of the base: in each block b, with its factors of the learning rate and of the weight decay (BlockOptions),
///
///   base <- base + towards eta_b u - eta_b lambda_b base,   eta_b = rate rate_b,  lambda_b = weight_decay weight_decay_b
///
/// A rule is its u, and whatever says the rest.
template <Step U>
struct Descend {
    static constexpr int coefficients = U::coefficients;
    static constexpr int scaled = U::scaled;
    static constexpr int sums = U::sums;
    static constexpr bool is_device_copyable = zeroth::is_device_copyable<U>;

    /// eta
    double rate = 0;
    double weight_decay = 0;
    /// -1: down, 1: up, 0: nowhere.
    double towards = -1;
    /// Names the bits of stochastic rounding.
    Key key{};
    U step{};
    /// What it is in each block, as of() has it: set by what carries the move out.
    const BlockRate* of_block = nullptr;
    /// The same in all.
    bool is_uniform = false;

    [[nodiscard]] BlockRate of(const Block& block) const noexcept {
        const double eta = rate * block.options.rate;
        const double decay = 1 - ScalarLanes::product(eta, weight_decay * block.options.weight_decay);
        return {towards * eta, decay - 1};
    }
    /// Works out what it is in each of the blocks; rates has an entry for each, and must outlive it.
    void take_rates(std::span<const Block> blocks, BlockRate* rates) noexcept {
        is_uniform = true;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            rates[b] = of(blocks[b]);
            is_uniform = is_uniform && rates[b] == rates[0];
        }
        of_block = rates;
    }

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(of_block);
        for_each_table_of(step, visit);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Compute = ComputeType<Storage>;
        using Real = typename Lanes::template Real<Compute>;

        Real scale;
        Real shrink;
        Real largest;
        typename U::template Bound<Lanes, Storage> step;

        ZEROTH_HOST_DEVICE Bound(const Descend& move, const BlockView& block, std::size_t index) noexcept
            : scale{Lanes::template broadcast_real<Compute>(move.of_block[index].scale)},
              shrink{Lanes::template broadcast_real<Compute>(move.of_block[index].shrink)},
              largest{Lanes::template broadcast_real<Compute>(largest_finite<Compute>)}, step{move.step, block, index} {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real* sum, const Real& z, const Real* coefficient) noexcept {
            step.template accumulate<First>(sum, z, coefficient);
        }
        template <class Count>
        ZEROTH_INLINE Real increment(const Real& base, const Real* sum, std::uint64_t element, Count count) noexcept {
            // An infinity stays one: without decay 0 times it would be NaN.
            return Lanes::product(scale, step.u(base, sum, element, count)) + Lanes::product(shrink, between<Lanes, Compute>(base, largest));
        }
    };
};

/// u = g.
struct PlainStep {
    static constexpr int coefficients = 1;
    static constexpr int scaled = 1;
    static constexpr int sums = 1;
    static constexpr bool is_device_copyable = true;

    template <int Coefficients>
    [[nodiscard]] double size(std::span<const GradientTerm<Coefficients>> gradient, double factor) const noexcept {
        return factor * std::sqrt(sum_of_squares(gradient));
    }
    template <int Coefficients>
    [[nodiscard]] StepBound bound(std::span<const GradientTerm<Coefficients>> gradient) const noexcept {
        const double sum = sum_of_magnitudes(gradient);
        return {.slope = sum, .formed = sum};
    }

    template <class Lanes, class Storage>
    struct Bound : PlainSum<Lanes, Storage> {
        using Real = typename PlainSum<Lanes, Storage>::Real;

        ZEROTH_HOST_DEVICE Bound(const PlainStep&, const BlockView&, std::size_t) noexcept {}

        template <class Count>
        ZEROTH_INLINE Real u(const Real&, const Real* sum, std::uint64_t, Count) const noexcept {
            return sum[0];
        }
    };
};

/// Whether u = g: of a step's type, or of one that is chosen at run time and says it by is_plain().
template <Step U>
[[nodiscard]] constexpr bool is_plain([[maybe_unused]] const U& step) noexcept {
    if constexpr (requires { step.is_plain(); }) {
        return step.is_plain();
    } else {
        return std::same_as<U, PlainStep>;
    }
}

ZEROTH_END_NAMESPACE
