#pragma once

#include <zeroth/cursor/term.hpp>
#include <zeroth/ground/setting.hpp>
#include <zeroth/ground/stopwatch.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Anything callable that returns the loss of the weights as they stand in memory: `double loss = forward()`. Give the loss in float or
/// better: in a 16-bit type the difference of two losses is mostly rounding.
template <class F>
concept ForwardFn = requires(F& forward) {
    { forward() } -> std::convertible_to<double>;
};

/// A gradient estimate: g = sum_k terms[k].coefficient * z(terms[k].key), and what it took to make it.
struct Estimate {
    std::vector<Term> terms;
    /// In the order they were evaluated.
    std::vector<double> losses;
    /// Along each term's direction, each query's share: half of z' H z. From estimators that measure it, which say measures_curvature.
    std::vector<double> curvatures;
    /// The loss to report: the mean of the losses, or the base's own where it was evaluated.
    double loss = 0;
    /// False once a loss was NaN or infinite, or the difference of two overflowed; the terms are then not to be used.
    bool finite = true;
    /// The update rule found no candidate better than the base.
    bool kept = false;
    /// The rule's candidates lie beyond what the restore policy holds: they were not evaluated.
    bool out_of_reach = false;
    /// Projected gradients whose magnitude was clipped.
    int clipped = 0;
    /// The losses differ by less than they are rounded by, so the estimate is less than its estimator promises.
    bool floored = false;
    /// In the losses.
    double seconds = 0;

    void clear() noexcept {
        terms.clear();
        losses.clear();
        curvatures.clear();
        loss = 0;
        finite = true;
        kept = false;
        out_of_reach = false;
        clipped = 0;
        floored = false;
        seconds = 0;
    }

    /// Evaluates the loss, and notes it.
    template <ForwardFn F>
    double evaluate(F& forward) {
        const double begin = seconds_now();
        const double value = static_cast<double>(forward());
        seconds += seconds_now() - begin;
        losses.push_back(value);
        finite = finite && std::isfinite(value);
        return value;
    }

    /// Adds a term for a projected gradient of which there are `count` to be averaged.
    void add(const Key& key, double projected, double count, double clip) {
        if (std::abs(projected) > clip) {
            projected = std::copysign(clip, projected);
            ++clipped;
        }
        finite = finite && std::isfinite(projected);
        terms.push_back({key, projected / count});
    }
    /// The same for a curvature.
    void add_curvature(double curvature, double count) {
        finite = finite && curvature < 0x1p100; // so that its products with float's numbers are numbers
        curvatures.push_back(curvature / count);
    }
};

ZEROTH_END_NAMESPACE
