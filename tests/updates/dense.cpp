// Each rule, with each estimator, against a plain dense computation that knows nothing of the library but its directions.

#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

using namespace zeroth;

namespace {

using Vector = std::vector<double>;

constexpr std::uint64_t seed = 31;
constexpr double epsilon = 1e-2;
constexpr std::uint32_t queries = 2;

/// Weights in two blocks, and a loss of all of them.
struct Problem {
    Vector weights;
    std::size_t first;
    double (*loss)(const Vector&);
};

double quadratic(const Vector& w) {
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const double error = w[i] - std::sin(static_cast<double>(3 * i));
        sum += (1 + static_cast<double>(i % 5)) * error * error / 2;
    }
    return sum / static_cast<double>(w.size());
}

/// 2 inputs, 6 units of tanh and a bias each, 1 output; learns x y.
double small_network(const Vector& w) {
    double sum = 0;
    for (int x = -2; x <= 2; ++x) {
        for (int y = -2; y <= 2; ++y) {
            double out = 0;
            for (std::size_t h = 0; h < 6; ++h) {
                out += w[18 + h] * std::tanh(w[3 * h] * x + w[3 * h + 1] * y + w[3 * h + 2]);
            }
            sum += (out - x * y) * (out - x * y) / 50;
        }
    }
    return sum;
}

Problem problem(int which) {
    Problem result = which == 0 ? Problem{Vector(37), 20, quadratic} : Problem{Vector(24), 18, small_network};
    for (std::size_t i = 0; i < result.weights.size(); ++i) {
        result.weights[i] = 0.8 * std::cos(static_cast<double>(i * i + 1));
    }
    return result;
}

/// z of a query, over both blocks.
Vector direction(const Problem& at, std::uint64_t step, std::uint32_t query) {
    const BlockIdentity identity[2] = {{hash_name("a"), at.first, 1}, {hash_name("b"), at.weights.size() - at.first, 1}};
    Vector z;
    for (std::size_t i = 0; i < at.weights.size(); ++i) {
        const bool second = i >= at.first;
        z.push_back(static_cast<double>(Gaussian{}(Key{seed, step, query}, identity[second ? 1 : 0], second ? i - at.first : i)));
    }
    return z;
}

Vector moved(Vector w, double by, const Vector& along) {
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] += by * along[i];
    }
    return w;
}

/// The projected gradients and their directions.
struct Gradients {
    std::vector<Vector> z;
    Vector c;

    Vector sum() const {
        Vector g(z[0].size());
        for (std::size_t k = 0; k < z.size(); ++k) {
            g = moved(g, c[k], z[k]);
        }
        return g;
    }
};

Gradients dense_estimate(const Problem& at, const TwoSidedRge<>&, std::uint64_t step) {
    Gradients result;
    for (std::uint32_t q = 0; q < queries; ++q) {
        result.z.push_back(direction(at, step, q));
        const double above = at.loss(moved(at.weights, epsilon, result.z[q]));
        const double below = at.loss(moved(at.weights, -epsilon, result.z[q]));
        result.c.push_back((above - below) / (2 * epsilon) / queries);
    }
    return result;
}
Gradients dense_estimate(const Problem& at, const OneSidedRge<>&, std::uint64_t step) {
    Gradients result;
    for (std::uint32_t q = 0; q < queries; ++q) {
        result.z.push_back(direction(at, step, q));
        result.c.push_back((at.loss(moved(at.weights, epsilon, result.z[q])) - at.loss(at.weights)) / epsilon / queries);
    }
    return result;
}

/// The plain computation of a rule: step(problem, gradients) changes the weights.
template <class Rule>
struct Dense;

constexpr double eta = 0.01;
constexpr double decay = 0.1;

void decay_weights(Vector& w, const Vector& before) {
    for (std::size_t i = 0; i < w.size(); ++i) {
        w[i] -= eta * decay * before[i];
    }
}

template <>
struct Dense<Sgd> {
    static Sgd rule() { return {.learning_rate = eta, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        at.weights = moved(before, -eta, estimate.sum());
        decay_weights(at.weights, before);
    }
};
template <>
struct Dense<SignSgd> {
    static SignSgd rule() { return {.learning_rate = eta, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        const Vector g = estimate.sum();
        for (std::size_t i = 0; i < g.size(); ++i) {
            at.weights[i] -= eta * static_cast<double>((g[i] > 0) - (g[i] < 0));
        }
        decay_weights(at.weights, before);
    }
};
template <>
struct Dense<ScalarSignSgd> {
    static ScalarSignSgd rule() { return {.learning_rate = eta, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        for (std::size_t k = 0; k < estimate.c.size(); ++k) {
            at.weights = moved(at.weights, estimate.c[k] > 0 ? -eta / 2 : eta / 2, estimate.z[k]);
        }
        decay_weights(at.weights, before);
    }
};
template <>
struct Dense<Momentum> {
    static Momentum rule() { return {.learning_rate = eta, .momentum = 0.8, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    Vector m;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        const Vector g = estimate.sum();
        m.resize(g.size());
        for (std::size_t i = 0; i < g.size(); ++i) {
            m[i] = 0.8 * m[i] + g[i];
        }
        at.weights = moved(before, -eta, m);
        decay_weights(at.weights, before);
    }
};
template <>
struct Dense<WindowedMomentum> {
    static WindowedMomentum rule() { return {.learning_rate = eta, .momentum = 0.8, .window = 5, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    std::vector<Vector> past;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        past.insert(past.begin(), estimate.sum());
        past.resize(std::min<std::size_t>(past.size(), 5));
        for (std::size_t k = 0; k < past.size(); ++k) {
            at.weights = moved(at.weights, -eta * std::pow(0.8, k), past[k]);
        }
        decay_weights(at.weights, before);
    }
};
template <>
struct Dense<Adam> {
    static Adam rule() { return {.learning_rate = eta, .beta1 = 0.8, .beta2 = 0.95, .delta = 1e-3, .weight_decay = decay}; }
    static constexpr std::size_t forward_passes = 0;

    Vector m, v;
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
        decay_weights(at.weights, before);
    }
};
template <>
struct Dense<WindowedAdam> {
    static WindowedAdam rule() {
        return {.learning_rate = eta, .beta1 = 0.8, .beta2 = 0.95, .delta = 1e-3, .window = 4, .weight_decay = decay};
    }
    static constexpr std::size_t forward_passes = 0;

    std::vector<Vector> past;

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
        decay_weights(at.weights, before);
    }
};
template <>
struct Dense<Conservative> {
    static Conservative rule() { return {.learning_rate = 100 * eta, .weight_decay = decay / 100}; }
    static constexpr std::size_t forward_passes = 3;

    int kept = 0;

    void step(Problem& at, const Gradients& estimate) {
        const Vector before = at.weights;
        const Vector down = moved(before, -100 * eta, estimate.sum());
        const Vector up = moved(before, 100 * eta, estimate.sum());
        const double here = at.loss(before), below = at.loss(down), above = at.loss(up);
        if (here <= below && here <= above) {
            ++kept;
            return;
        }
        at.weights = below <= above ? down : up;
        decay_weights(at.weights, before);
    }
};

template <class Rule, class Estimator, class Restore>
void compare(const Estimator& estimator, double tolerance) {
    for (const int which : {0, 1}) {
        Problem dense = problem(which);
        Problem ours = dense;
        Parameters parameters;
        parameters.add("a", std::span{ours.weights}.first(ours.first));
        parameters.add("b", std::span{ours.weights}.subspan(ours.first));
        Dense<Rule> plain;
        Optimizer optimizer{parameters, estimator, Dense<Rule>::rule(), Settings<Restore>{.seed = seed}};
        const double before = dense.loss(dense.weights);
        for (std::uint64_t step = 0; step < 200; ++step) {
            const StepReport report = optimizer.step([&] { return ours.loss(ours.weights); });
            REQUIRE((report.reason == Reason::updated || report.reason == Reason::kept));
            const std::size_t passes = estimator.forward_passes() + Dense<Rule>::forward_passes;
            REQUIRE(report.forward_passes == passes);
            REQUIRE(optimizer.forward_passes() == passes);
            // n + 1 traversals; the one-sided estimator's first pass finds the weights at home already.
            const bool at_home = std::same_as<Estimator, OneSidedRge<>>;
            REQUIRE(report.traversals == passes + (at_home ? 0 : 1));
            plain.step(dense, dense_estimate(dense, estimator, step));
            for (std::size_t i = 0; i < dense.weights.size(); ++i) {
                INFO("problem " << which << ", step " << step << ", weight " << i);
                REQUIRE(std::abs(ours.weights[i] - dense.weights[i]) < tolerance);
            }
        }
        CHECK(dense.loss(dense.weights) < before);
        if constexpr (std::same_as<Rule, Conservative>) {
            CHECK(plain.kept > 0);
        }
    }
}

} // namespace

TEMPLATE_TEST_CASE("Two hundred steps are those of the dense computation", "", Sgd, SignSgd, ScalarSignSgd, Momentum,
                   WindowedMomentum, Adam, WindowedAdam, Conservative) {
    // A sign is decided by rounding where g is near 0: never here.
    compare<TestType, TwoSidedRge<>, InPlace>({.epsilon = epsilon, .queries = queries}, 1e-9);
    compare<TestType, OneSidedRge<>, Snapshot>({.epsilon = epsilon, .queries = queries}, 1e-9);
}

TEMPLATE_TEST_CASE("A rule's state is what its page says", "", Sgd, SignSgd, ScalarSignSgd, Momentum, WindowedMomentum, Adam,
                   WindowedAdam, Conservative) {
    std::vector<bfloat16> half(100);
    std::vector<float> single(10);
    std::vector<double> wide(7);
    Parameters parameters;
    parameters.add("half", std::span{half});
    parameters.add("single", std::span{single});
    parameters.add("wide", std::span{wide});
    const Optimizer optimizer{parameters, TwoSidedRge{}, TestType{}};
    const std::size_t numbers = std::same_as<TestType, Adam> ? 2 : std::same_as<TestType, Momentum> ? 1 : 0;
    CHECK(optimizer.state_bytes() == numbers * (110 * 4 + 7 * 8));
    CHECK(TestType::state_bytes_per_parameter == 4 * numbers);
}

TEST_CASE("Windows as long as the run are their stateful twins") {
    const auto run = [](auto rule) {
        Problem at = problem(0);
        Parameters parameters;
        parameters.add("a", std::span{at.weights});
        Optimizer optimizer{parameters, TwoSidedRge{.epsilon = epsilon}, rule, Settings{.seed = 5}};
        for (int step = 0; step < 60; ++step) {
            optimizer.step([&] { return at.loss(at.weights); });
        }
        return at.weights;
    };
    const auto distance = [](const Vector& left, const Vector& right) {
        double sum = 0;
        for (std::size_t i = 0; i < left.size(); ++i) {
            sum += (left[i] - right[i]) * (left[i] - right[i]);
        }
        return std::sqrt(sum);
    };
    const Vector start = problem(0).weights;
    const Vector momentum = run(Momentum{.learning_rate = eta});
    CHECK(distance(run(WindowedMomentum{.learning_rate = eta, .window = 60}), momentum) < 1e-12);
    // What is older than the window is mu^window of it.
    for (const std::size_t window : {10u, 20u, 40u}) {
        const double off = distance(run(WindowedMomentum{.learning_rate = eta, .window = window}), momentum);
        CHECK(off > 0);
        CHECK(off < 3 * std::pow(0.9, window) * distance(start, momentum));
    }
    const Adam adam{.learning_rate = eta, .beta1 = 0.7, .beta2 = 0.9};
    const Vector expected = run(adam);
    CHECK(distance(run(WindowedAdam{.learning_rate = eta, .window = 60}), expected) < 1e-9);
    const double off = distance(run(WindowedAdam{.learning_rate = eta, .window = 30}), expected);
    CHECK(off > 0);
    CHECK(off < 3 * std::pow(0.9, 30) * distance(start, expected));
}
