#pragma once

// Each rule against a plain dense computation that knows nothing of the library but its directions: what the translation units share, one
// for each group of estimators.

#include "reference_of.hpp"

#include <zeroth/first_order/dual.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace zeroth_test {

using namespace zeroth;

using Vector = std::vector<double>;

constexpr std::uint64_t seed = 31;
constexpr double epsilon = 1e-2;

using Doubles = ReferenceOf<double>;

/// Weights in two blocks, and a loss of all of them, with its gradient and in dual numbers.
struct Problem {
    Vector weights;
    std::size_t first;
    double (*loss)(const Vector&);
    Vector (*gradient)(const Vector&);
    Dual<double> (*dual)(const std::vector<Dual<double>>&);

    [[nodiscard]] BlockIdentity identity(bool second) const {
        return second ? BlockIdentity{hash_name("b"), weights.size() - first, 1} : BlockIdentity{hash_name("a"), first, 1};
    }
    Parameters parameters() {
        Parameters result;
        result.add("a", std::span{weights}.first(first));
        result.add("b", std::span{weights}.subspan(first));
        return result;
    }
};

template <class T>
T quadratic(const std::vector<T>& w) {
    T sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const T error = w[i] - std::sin(static_cast<double>(3 * i));
        sum += (1 + static_cast<double>(i % 5)) * error * error / 2.0;
    }
    return sum / static_cast<double>(w.size());
}
inline Vector quadratic_gradient(const Vector& w) {
    Vector result;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const double error = w[i] - std::sin(static_cast<double>(3 * i));
        result.push_back((1 + static_cast<double>(i % 5)) * error / static_cast<double>(w.size()));
    }
    return result;
}

/// 2 inputs, 6 units of tanh and a bias each, 1 output; learns x y.
template <class T>
T small_network(const std::vector<T>& w) {
    using std::tanh;
    T sum = 0;
    for (int x = -2; x <= 2; ++x) {
        for (int y = -2; y <= 2; ++y) {
            T out = 0;
            for (std::size_t h = 0; h < 6; ++h) {
                out += w[18 + h] * tanh(w[3 * h] * static_cast<double>(x) + w[3 * h + 1] * static_cast<double>(y) + w[3 * h + 2]);
            }
            const T error = out - static_cast<double>(x * y);
            sum += error * error / 50.0;
        }
    }
    return sum;
}
inline Vector small_network_gradient(const Vector& w) {
    Vector result(w.size());
    for (int x = -2; x <= 2; ++x) {
        for (int y = -2; y <= 2; ++y) {
            double unit[6];
            double out = 0;
            for (std::size_t h = 0; h < 6; ++h) {
                unit[h] = std::tanh(w[3 * h] * x + w[3 * h + 1] * y + w[3 * h + 2]);
                out += w[18 + h] * unit[h];
            }
            for (std::size_t h = 0; h < 6; ++h) {
                const double of_out = (out - x * y) / 25;
                const double of_sum = of_out * w[18 + h] * (1 - unit[h] * unit[h]);
                result[3 * h] += of_sum * x;
                result[3 * h + 1] += of_sum * y;
                result[3 * h + 2] += of_sum;
                result[18 + h] += of_out * unit[h];
            }
        }
    }
    return result;
}

inline Problem problem(int which) {
    Problem result = which == 0 ? Problem{Vector(37), 20, quadratic<double>, quadratic_gradient, quadratic<Dual<double>>}
                                : Problem{Vector(24), 18, small_network<double>, small_network_gradient, small_network<Dual<double>>};
    for (std::size_t i = 0; i < result.weights.size(); ++i) {
        result.weights[i] = 0.8 * std::cos(static_cast<double>(i * i + 1));
    }
    return result;
}

/// z of a key, over both blocks.
template <class D>
Vector materialised(const Problem& at, const D& direction, const Key& key) {
    Vector z;
    for (std::size_t i = 0; i < at.weights.size(); ++i) {
        const bool second = i >= at.first;
        z.push_back(static_cast<double>(direction(key, at.identity(second), second ? i - at.first : i)));
    }
    return z;
}

inline Vector moved(Vector w, double by, const Vector& along) {
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] += by * along[i];
    }
    return w;
}

/// The projected gradients, shared among the queries, and their directions.
struct Gradients {
    std::vector<Vector> z{};
    Vector c{};

    [[nodiscard]] Vector sum() const {
        Vector g(z[0].size());
        for (std::size_t k = 0; k < z.size(); ++k) {
            g = moved(g, c[k], z[k]);
        }
        return g;
    }
};

constexpr double eta = 0.01;

/// The plain computation of a rule with a weight decay: step(problem, gradients) changes the weights.
template <class Rule>
struct Dense;

inline void decay_weights(Vector& w, const Vector& before, double decay) {
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] -= eta * decay * before[i];
    }
}

template <>
struct Dense<Sgd> {
    double decay = 0;

    Sgd rule() const { return {.learning_rate = eta, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        at.weights = moved(before, -eta, estimate.sum());
        decay_weights(at.weights, before, decay);
    }
};
template <>
struct Dense<SignSgd> {
    double decay = 0;

    SignSgd rule() const { return {.learning_rate = eta, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        const Vector g = estimate.sum();
        for (std::size_t i = 0; i < g.size(); ++i) {
            at.weights[i] -= eta * static_cast<double>((g[i] > 0) - (g[i] < 0));
        }
        decay_weights(at.weights, before, decay);
    }
};
template <>
struct Dense<ScalarSignSgd> {
    double decay = 0;

    ScalarSignSgd rule() const { return {.learning_rate = eta, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        for (std::size_t k = 0; k < estimate.c.size(); ++k) {
            const double share = eta / static_cast<double>(estimate.c.size());
            at.weights = moved(at.weights, estimate.c[k] > 0 ? -share : share, estimate.z[k]);
        }
        decay_weights(at.weights, before, decay);
    }
};
template <>
struct Dense<Momentum> {
    double decay = 0;

    Momentum rule() const { return {.learning_rate = eta, .momentum = 0.8, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    Vector m{};

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        const Vector g = estimate.sum();
        m.resize(g.size());
        for (std::size_t i = 0; i < g.size(); ++i) {
            m[i] = 0.8 * m[i] + g[i];
        }
        at.weights = moved(before, -eta, m);
        decay_weights(at.weights, before, decay);
    }
};
template <>
struct Dense<WindowedMomentum> {
    double decay = 0;

    WindowedMomentum rule() const { return {.learning_rate = eta, .momentum = 0.8, .window = 5, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    std::vector<Vector> past{};

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        past.insert(past.begin(), estimate.sum());
        past.resize(std::min<std::size_t>(past.size(), 5));
        for (std::size_t k = 0; k < past.size(); ++k) {
            at.weights = moved(at.weights, -eta * std::pow(0.8, k), past[k]);
        }
        decay_weights(at.weights, before, decay);
    }
};
template <>
struct Dense<Adam> {
    double decay = 0;

    Adam rule() const { return {.learning_rate = eta, .beta1 = 0.8, .beta2 = 0.95, .delta = 1e-3, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    Vector m{}, v{};
    int t = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        const Vector g = estimate.sum();
        m.resize(g.size());
        v.resize(g.size());
        ++t;
        for (std::size_t i = 0; i < g.size(); ++i) {
            m[i] = 0.8 * m[i] + 0.2 * g[i];
            v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i];
            at.weights[i] -= eta * (m[i] / (1 - std::pow(0.8, t))) / (std::sqrt(v[i] / (1 - std::pow(0.95, t))) + 1e-3);
        }
        decay_weights(at.weights, before, decay);
    }
};
template <>
struct Dense<WindowedAdam> {
    double decay = 0;

    WindowedAdam rule() const {
        return {.learning_rate = eta, .beta1 = 0.8, .beta2 = 0.95, .delta = 1e-3, .window = 4, .weight_decay = decay};
    }
    static constexpr std::size_t forward_passes = 0;

    std::vector<Vector> past{};

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        past.insert(past.begin(), estimate.sum());
        past.resize(std::min<std::size_t>(past.size(), 4));
        for (std::size_t i = 0; i < at.weights.size(); ++i) {
            double m = 0, v = 0, m_weight = 0, v_weight = 0;
            for (std::size_t k = 0; k < past.size(); ++k) {
                m += std::pow(0.8, k) * past[k][i];
                v += std::pow(0.95, k) * past[k][i] * past[k][i];
                m_weight += std::pow(0.8, k);
                v_weight += std::pow(0.95, k);
            }
            at.weights[i] -= eta * (m / m_weight) / (std::sqrt(v / v_weight) + 1e-3);
        }
        decay_weights(at.weights, before, decay);
    }
};
template <>
struct Dense<Conservative> {
    double decay = 0;

    // Long enough to keep the base at times; ten times as long, the plain computation spreads a difference of 1e-13 to 1e-9.
    Conservative rule() const { return {.learning_rate = 10 * eta, .weight_decay = decay / 10}; }
    static constexpr std::size_t forward_passes = 3;

    int kept = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        const Vector down = moved(before, -10 * eta, estimate.sum());
        const Vector up = moved(before, 10 * eta, estimate.sum());
        const double here = at.loss(before), below = at.loss(down), above = at.loss(up);
        if (here <= below && here <= above) {
            ++kept;
            return;
        }
        at.weights = below <= above ? down : up;
        decay_weights(at.weights, before, decay);
    }
};

/// Steps at which Conservative kept the base, of all comparisons.
inline int kept_steps = 0;

/// Two hundred steps of a rule, each compared with the plain computation. estimate(problem, step) is the plain one, loss_of(problem) what the
/// library's step takes, and a step has so many traversals beyond its forward passes; or just one, for a loss that is not displaced.
template <class Rule, class Restore, class MakeEstimator, class DenseEstimate, class LossOf>
void compare(const MakeEstimator& make_estimator, const DenseEstimate& estimate, const LossOf& loss_of, bool starts_at_base,
             bool displaces = true) {
    for (const int which : {0, 1}) {
        for (const double decay : {0.1, 0.0}) {
            Problem dense = problem(which);
            Problem ours = dense;
            const Parameters parameters = ours.parameters();
            Dense<Rule> plain{.decay = decay};
            const auto estimator = make_estimator(parameters);
            Optimizer optimizer{parameters, estimator, plain.rule(), Settings<Restore>{.seed = seed}, Doubles{}};
            const auto loss = loss_of(ours);
            const double before = dense.loss(dense.weights);
            for (std::uint64_t step = 0; step < 200; ++step) {
                const StepReport report = optimizer.step(loss);
                REQUIRE((report.reason == Reason::updated || report.reason == Reason::kept));
                const std::size_t passes = estimator.forward_passes() + Dense<Rule>::forward_passes;
                REQUIRE(report.forward_passes == passes);
                REQUIRE(optimizer.forward_passes() == passes);
                // n + 1 traversals; the first pass of an estimator that starts at the base finds the weights there.
                REQUIRE(report.traversals == (displaces ? passes + (starts_at_base ? 0 : 1) : 1));
                plain.step(dense, estimate(dense, step));
                for (std::size_t i = 0; i < dense.weights.size(); ++i) {
                    INFO("problem " << which << ", decay " << decay << ", step " << step << ", weight " << i);
                    REQUIRE(std::abs(ours.weights[i] - dense.weights[i]) < 1e-9);
                }
            }
            CHECK((decay != 0 || dense.loss(dense.weights) < before));
            if constexpr (std::same_as<Rule, Conservative>) {
                kept_steps += plain.kept;
            }
        }
    }
}

/// What the library's step takes: the loss of the weights as they stand.
inline auto forward_of(const Problem& at) {
    return [&at] { return at.loss(at.weights); };
}

} // namespace zeroth_test
