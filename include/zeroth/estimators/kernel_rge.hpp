#pragma once

#include <zeroth/directions/gaussian.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/random/philox.hpp>
#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/ground/setting.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// The odd kernel of an order: K(r) = sum_k coefficient[k] r^(2k+1), of which on r ~ U[-1, 1]
///
///   E[r K] = 1,  E[r^j K] = 0 for j = 0 and 2..order.
///
/// From Legendre polynomials: K = sum_m (2m + 1) P_m'(0) P_m(r) over odd m <= order. All numbers are multiples of powers of two, and exact.
template <int Order>
    requires(Order >= 1 && Order <= 12)
struct LegendreKernel {
    static constexpr int terms = (Order + 1) / 2;
    double coefficient[terms] = {};

    constexpr LegendreKernel() {
        double previous[Order + 2] = {1}, current[Order + 2] = {0, 1};
        for (int m = 1; m <= Order; ++m) {
            if (m % 2 != 0) {
                for (int power = 1; power <= m; power += 2) {
                    coefficient[power / 2] += (2 * m + 1) * current[1] * current[power];
                }
            }
            // (m + 1) P_(m+1) = (2m + 1) r P_m - m P_(m-1)
            double next[Order + 2] = {};
            for (int power = 0; power <= m; ++power) {
                next[power + 1] += (2 * m + 1) * current[power];
                next[power] -= m * previous[power];
            }
            for (int power = 0; power <= Order + 1; ++power) {
                previous[power] = current[power];
                current[power] = next[power] / (m + 1);
            }
        }
    }

    /// K(r).
    [[nodiscard]] double operator()(double r) const noexcept {
        const double square = ScalarLanes::product(r, r);
        double sum = 0;
        for (int k = terms - 1; k >= 0; --k) {
            sum = ScalarLanes::product(sum, square) + coefficient[k];
        }
        return ScalarLanes::product(sum, r);
    }
    /// E[r^2 K^2]: what the variance of the estimate along a direction is multiplied with.
    [[nodiscard]] constexpr double direction_variance() const noexcept {
        double sum = 0;
        for (int i = 0; i < terms; ++i) {
            for (int j = 0; j < terms; ++j) {
                sum += coefficient[i] * coefficient[j] / (2 * i + 2 * j + 5);
            }
        }
        return sum;
    }
};

/// Kernel-smoothed two-point estimate along q directions (KerZOO): each pair of probes stands at its own distance r eps, and a kernel weighs them so
/// that the smoothing's bias of lower orders cancels in the mean.
///
///   g = (scale/q) * sum_j K(r_j) [(L(theta + eps r_j z_j) - L(theta - eps r_j z_j)) / (2 eps)] z_j,   r_j ~ U[-1, 1] of the key
///
/// Bias: O(eps^(Order+1)) for odd orders, O(eps^Order) for even ones (2 eps in the divisor, not 2 eps r: K takes care of r). Variance: that of
/// TwoSidedRge times E[r^2 K^2] = 1.8, 6.25, 13.25 for orders 2, 4, 6; variance_matched_scale() undoes it, at the price of a gradient as much shorter.
/// It pays where eps is large, 1e-2 to 1e-1.
/// Forward passes: 2q a step. Traversals: 2q + 1 (2q settling lazily). State: 0 bytes a parameter.
/// Throws std::invalid_argument if epsilon or scale is not positive and finite, queries is 0 or clip is not positive.
/// Source: KerZOO, arXiv 2505.18886; its kernel of orders 3 and 4. The factor 195/64 printed elsewhere for orders 5 and 6 is 105/64 (E[r K] = 1).
template <int Order = 4, class D = Gaussian>
struct KernelRge {
    static constexpr std::string_view name = "kernel";
    static constexpr LegendreKernel<Order> kernel{};

    D direction{};
    /// Smoothing: how far the probes stand from the weights at most.
    double epsilon = 1e-2;
    /// Directions averaged in a step.
    std::uint32_t queries = 1;
    /// C: of the whole estimate.
    double scale = 1;
    /// Largest magnitude of a query's coefficient before it is averaged.
    double clip = std::numeric_limits<double>::infinity();

    /// The scale at which the variance is TwoSidedRge's: 0.745, 0.4, 0.275 for orders 2, 4, 6.
    [[nodiscard]] static double variance_matched_scale() noexcept {
        constexpr double variance = kernel.direction_variance();
        return 1 / std::sqrt(variance);
    }

    void validate() const {
        require_setting(epsilon > 0 && std::isfinite(epsilon), "epsilon", epsilon, "positive and finite");
        require_setting(scale > 0 && std::isfinite(scale), "scale", scale, "positive and finite");
        require_setting(queries > 0, "queries", queries, "at least 1");
        require_setting(clip > 0, "clip", clip, "positive");
    }
    [[nodiscard]] std::size_t max_terms() const noexcept { return queries; }
    [[nodiscard]] std::size_t forward_passes() const noexcept { return std::size_t{2} * queries; }
    /// Largest displacement of a weight.
    [[nodiscard]] double reach() const noexcept { return epsilon * static_cast<double>(direction.largest); }

    /// r of a key: one number for all weights, never 0.
    [[nodiscard]] static double radius(const Key& key) noexcept {
        const PhiloxWords words = philox4x32({{0, 0, 0, 0}}, philox_key(key, Purpose::kernel));
        return (static_cast<double>(words.word[0]) + 0.5) * 0x1p-31 - 1;
    }

    template <class Cursor, ForwardFn F>
    void operator()(Cursor& cursor, F& forward, Key key, Estimate& estimate) const {
        double total = 0;
        for (key.query = 0; estimate.finite && key.query < queries; ++key.query) {
            const double r = radius(key);
            const double distance = ScalarLanes::product(epsilon, r);
            cursor.stand_at(Term{key, distance});
            const double above = estimate.evaluate(forward);
            if (!estimate.finite) {
                return;
            }
            cursor.stand_at(Term{key, -distance});
            const double below = estimate.evaluate(forward);
            if (!estimate.finite) {
                return;
            }
            const double weight = ScalarLanes::product(scale, kernel(r));
            estimate.add(key, ScalarLanes::product(weight, (above - below) / (2 * epsilon)), queries, clip);
            total += (above + below) / 2;
        }
        estimate.loss = total / queries;
    }
};

ZEROTH_END_NAMESPACE
