// Methods drawn at random against a plain derivation of them: dense vectors of doubles that know a direction's numbers and nothing else of the
// library. And refused steps of each give the weights back, bit for bit where the policy promises it.

#include <zeroth/any/any_optimizer.hpp>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/directions/coordinate.hpp>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/parameters/block_scales.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace zeroth;

namespace {

using Vector = std::vector<double>;

/// Some blocks of doubles, laid end to end in the plain derivation.
struct Problem {
    std::vector<Vector> blocks;
    std::vector<Shape> shapes;
    std::vector<BlockOptions> options;

    [[nodiscard]] Parameters parameters() {
        Parameters result;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            result.add("block." + std::to_string(b), std::span{blocks[b]}, shapes[b], options[b]);
        }
        return result;
    }
    [[nodiscard]] Vector dense() const {
        Vector all;
        for (const Vector& block : blocks) {
            all.insert(all.end(), block.begin(), block.end());
        }
        return all;
    }
};

double loss_of(const Vector& w) {
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const double error = w[i] - 0.5 + 0.01 * static_cast<double>(i % 17);
        sum += error * error / 2 + 0.1 * std::sin(3 * w[i]);
    }
    return 1 + sum / std::sqrt(static_cast<double>(w.size()));
}

/// z(key) over all blocks, under the method's mask and factors.
using Numbers = std::function<Vector(const Key&)>;

template <class D>
Numbers numbers_of(const D& direction, const Method& method, Problem& problem) {
    const Parameters parameters = problem.parameters();
    const Array<double> scales = method.scales_of(parameters);
    const MaskChoice choice = method.mask_choice();
    std::vector<bool> is_set;
    if (choice.kind == MaskKind::magnitude) {
        BitMasks bits{parameters};
        bits.keep_largest(choice.share);
        for (std::size_t b = 0; b < problem.blocks.size(); ++b) {
            for (std::size_t i = 0; i < problem.blocks[b].size(); ++i) {
                is_set.push_back(bits.test(b, i));
            }
        }
    }
    const Bernoulli drawn{.keep = choice.share, .refresh_every = choice.every};
    return [=, factors = Vector(scales.data(), scales.data() + scales.size())](const Key& key) {
        Vector z;
        for (std::size_t b = 0; b < parameters.blocks().size(); ++b) {
            const BlockIdentity& identity = parameters.blocks()[b].identity;
            for (std::uint64_t i = 0; i < identity.size(); ++i) {
                const bool is_in = choice.kind == MaskKind::bernoulli ? drawn(key, identity, i) : is_set.empty() || is_set[z.size()];
                z.push_back(is_in ? factors[b] * static_cast<double>(direction(key, identity, i)) : 0.0);
            }
        }
        return z;
    };
}
/// Sphere's, whose own numbers are rounded to floats.
Numbers numbers_on_spheres(Problem& problem) {
    return [parameters = problem.parameters()](const Key& key) {
        Vector z;
        for (const Block& block : parameters.blocks()) {
            std::int64_t units = 0;
            for (std::uint64_t i = 0; i < block.size(); ++i) {
                units += squared_units(Gaussian{}(key, block.identity, i));
            }
            for (std::uint64_t i = 0; i < block.size(); ++i) {
                z.push_back(Sphere::scale(units, block.size()) * static_cast<double>(Gaussian{}(key, block.identity, i)));
            }
        }
        return z;
    };
}
Numbers numbers_of(const Method& method, Problem& problem) {
    const std::string& name = method.direction;
    if (method.estimator == "coordinate") {
        return numbers_of(Coordinate{problem.parameters(), CoordinateOrder::random}, method, problem);
    }
    return name == "gaussian"     ? numbers_of(Gaussian{}, method, problem)
           : name == "rademacher" ? numbers_of(Rademacher{}, method, problem)
           : name == "uniform"    ? numbers_of(Uniform{}, method, problem)
           : name == "sphere"     ? numbers_on_spheres(problem)
           : name == "pool"       ? numbers_of(ReusePool{}, method, problem)
           : name == "lfsr"       ? numbers_of(LfsrBank{}, method, problem)
           : name == "mixed-pool" ? numbers_of(MixedPool{}, method, problem)
                                  : numbers_of(LowRank<2>{}, method, problem);
}

/// The method, derived from its formulas over whole vectors.
class Dense {
  public:
    Dense(const Method& method, const Problem& problem, Numbers numbers, std::uint64_t seed)
        : method_{method}, numbers_{std::move(numbers)}, seed_{seed}, w_{problem.dense()}, m_(w_.size()), v_(w_.size()) {
        for (std::size_t b = 0; b < problem.blocks.size(); ++b) {
            rate_.insert(rate_.end(), problem.blocks[b].size(), problem.options[b].rate);
            decay_.insert(decay_.end(), problem.blocks[b].size(), problem.options[b].weight_decay);
        }
    }
    [[nodiscard]] const Vector& weights() const { return w_; }

    void step(std::uint64_t t) {
        std::vector<Term> terms = estimate(t);
        const double eta = method_.schedule_of(*method_.learning_rate)(t);
        if (method_.normalize) {
            double squares = 0;
            for (const Term& term : terms) {
                squares += term.coefficient * term.coefficient;
            }
            square_ = 0.99 * square_ + 0.01 * squares;
            power_ *= 0.99;
            for (Term& term : terms) {
                term.coefficient /= std::sqrt(square_ / (1 - power_)) + 1e-8;
            }
        }
        const Vector g = sum(terms);
        Vector u = g;
        double towards = 1;
        if (method_.update == "sign") {
            for (double& x : u) {
                x = x > 0 ? 1 : x < 0 ? -1 : 0;
            }
        } else if (method_.update == "sign-scalar") {
            for (Term& term : terms) {
                term.coefficient = (term.coefficient > 0 ? 1.0 : -1.0) / static_cast<double>(terms.size());
            }
            u = sum(terms);
        } else if (method_.update == "conservative") {
            const double here = loss_of(w_);
            const double down = loss_of(moved(g, -eta));
            const double up = loss_of(moved(g, eta));
            if (here <= down && here <= up) {
                return;
            }
            towards = down <= up ? 1 : -1;
        } else if (method_.update == "momentum") {
            past_.push_back(g);
            const double mu = method_.momentum.value_or(0.9);
            if (method_.window == 0) {
                for (std::size_t i = 0; i < u.size(); ++i) {
                    m_[i] = mu * m_[i] + g[i];
                }
                u = m_;
            } else {
                u.assign(u.size(), 0);
                for (std::size_t age = 0; age < std::min(method_.window, past_.size()); ++age) {
                    for (std::size_t i = 0; i < u.size(); ++i) {
                        u[i] += std::pow(mu, static_cast<double>(age)) * past_[past_.size() - 1 - age][i];
                    }
                }
            }
        } else if (method_.update == "adam" || method_.update == "adamw") {
            past_.push_back(g);
            const bool has_window = method_.window != 0;
            const double b1 = has_window ? 0.7 : 0.9;
            const double b2 = has_window ? 0.9 : 0.999;
            const std::size_t ages = has_window ? std::min(method_.window, past_.size()) : past_.size();
            for (std::size_t i = 0; i < u.size(); ++i) {
                double mean = 0, square = 0, sum1 = 0, sum2 = 0;
                for (std::size_t age = 0; age < ages; ++age) {
                    const double of = past_[past_.size() - 1 - age][i];
                    mean += std::pow(b1, static_cast<double>(age)) * of;
                    square += std::pow(b2, static_cast<double>(age)) * of * of;
                    sum1 += std::pow(b1, static_cast<double>(age));
                    sum2 += std::pow(b2, static_cast<double>(age));
                }
                u[i] = mean / sum1 / (std::sqrt(square / sum2) + 1e-8);
            }
        }
        const double lambda = method_.weight_decay.value_or(method_.update == "adamw" ? 0.01 : 0.0);
        for (std::size_t i = 0; i < w_.size(); ++i) {
            const double own = eta * rate_[i];
            w_[i] = w_[i] - towards * own * u[i] - own * lambda * decay_[i] * w_[i];
        }
    }

  private:
    [[nodiscard]] Vector moved(const Vector& along, double by) const {
        Vector there = w_;
        for (std::size_t i = 0; i < there.size(); ++i) {
            there[i] += by * along[i];
        }
        return there;
    }
    [[nodiscard]] Vector sum(const std::vector<Term>& terms) const {
        Vector g(w_.size());
        for (const Term& term : terms) {
            const Vector z = numbers_(term.key);
            for (std::size_t i = 0; i < g.size(); ++i) {
                g[i] += term.coefficient * z[i];
            }
        }
        return g;
    }
    [[nodiscard]] std::vector<Term> estimate(std::uint64_t t) const {
        const double eps = *method_.epsilon;
        const std::uint32_t q = *method_.queries;
        const double base = loss_of(w_);
        std::vector<Term> terms;
        std::vector<double> losses;
        for (std::uint32_t j = 0; j < q; ++j) {
            const bool by_coordinates = method_.estimator == "coordinate";
            const Key key = by_coordinates ? Key{seed_, t * q + j, 0} : Key{seed_, t, j};
            const Vector z = numbers_(key);
            const double above = loss_of(moved(z, eps));
            losses.push_back(above);
            if (method_.estimator == "two-sided") {
                terms.push_back({key, (above - loss_of(moved(z, -eps))) / (2 * eps) / q});
            } else if (by_coordinates) {
                terms.push_back({key, (above - loss_of(moved(z, -eps))) / (2 * eps)});
            } else if (method_.estimator == "one-sided") {
                terms.push_back({key, (above - base) / eps / q});
            } else {
                terms.push_back({key, (above - base) / q});
            }
        }
        if (method_.estimator == "fzoo") {
            double mean = 0, squares = 0;
            for (const double loss : losses) {
                mean += loss / q;
            }
            for (const double loss : losses) {
                squares += (loss - mean) * (loss - mean);
            }
            for (Term& term : terms) {
                term.coefficient /= std::max(std::sqrt(squares / (q - 1)), 0x1p-22 * std::abs(base));
            }
        }
        return terms;
    }

    Method method_;
    Numbers numbers_;
    std::uint64_t seed_;
    Vector w_, m_, v_, rate_, decay_;
    std::vector<Vector> past_;
    double square_ = 0;
    double power_ = 1;
};

/// One of some.
template <std::size_t N>
std::string pick(std::mt19937_64& random, const char* const (&of)[N]) {
    return of[random() % N];
}

Method random_method(std::mt19937_64& random) {
    Method method;
    method.estimator = pick(random, {"two-sided", "two-sided", "one-sided", "fzoo", "coordinate"});
    method.direction = pick(random, {"gaussian", "rademacher", "uniform", "sphere", "pool", "lfsr", "mixed-pool", "low-rank"});
    method.update = pick(random, {"sgd", "sign", "sign-scalar", "momentum", "conservative", "adam", "adamw"});
    method.restore = pick(random, {"in-place", "exact", "snapshot"});
    if (method.estimator == "coordinate") {
        method.direction = "gaussian"; // which it has not
    }
    const bool has_scales = method.estimator != "coordinate" && method.direction != "sphere";
    if (has_scales) {
        method.mask = pick(random, {"none", "none", "bernoulli:0.5", "magnitude:0.4"});
        method.mask_every = method.mask == "bernoulli:0.5" ? random() % 3 : 0;
        method.scales = pick(random, {"none", "rms", "*0=0.5,*1=2"});
    }
    const bool has_window = method.update == "momentum" || method.update == "adam" || method.update == "adamw";
    method.window = has_window && random() % 2 == 0 ? 3 : 0;
    const bool can_normalize = method.update == "sgd" || method.update == "sign" || method.update == "momentum";
    method.normalize = can_normalize && random() % 3 == 0;
    method.queries = 1 + random() % 4 + (method.estimator == "fzoo" ? 1 : 0);
    method.epsilon = random() % 2 == 0 ? 1e-3 : 1e-2;
    method.learning_rate = random() % 2 == 0 ? 1e-2 : 1e-3;
    method.schedule = pick(random, {"constant", "linear", "trapezoid:2"});
    method.steps = 8;
    if (random() % 2 == 0) {
        method.weight_decay = 0.1;
    }
    return method;
}

Problem random_problem(std::mt19937_64& random) {
    Problem problem;
    for (std::size_t b = 0; b < 2 + random() % 3; ++b) {
        const std::size_t rows = 1 + random() % 9;
        const std::size_t columns = 1 + random() % 40;
        Vector& block = problem.blocks.emplace_back(rows * columns);
        const double scale = random() % 4 == 0 ? 0 : random() % 2 == 0 ? 1 : 1e-3;
        for (double& w : block) {
            w = scale * (static_cast<double>(random() % 2001) - 1000) / 1000;
        }
        problem.shapes.push_back({rows, columns});
        problem.options.push_back({.rate = random() % 3 == 0 ? 0.5 : 1, .weight_decay = random() % 3 == 0 ? 0.0 : 1.0});
    }
    return problem;
}

} // namespace

TEST_CASE("Two hundred methods drawn at random move weights as their formulas say") {
    constexpr std::uint64_t methods = 200;
    for (std::uint64_t number = 0; number < methods; ++number) {
        std::mt19937_64 random{number};
        Problem problem = random_problem(random);
        const Method method = random_method(random);
        const Settling settling = random() % 2 == 0 ? Settling::each_step : Settling::lazily;
        INFO("method " << number << ": " << method.description() << (settling == Settling::lazily ? ", lazily" : ""));
        Dense dense{method, problem, numbers_of(method, problem), 21};
        AnyOptimizer optimizer{problem.parameters(), method, {.seed = 21, .settling = settling, .threads = 1 + static_cast<int>(random() % 3)}};
        for (std::uint64_t step = 0; step < 6; ++step) {
            const Reason reason = optimizer.step([&] { return loss_of(problem.dense()); }).reason;
            if (reason == Reason::out_of_reach) { // a candidate beyond the grid: the step is as if it had not been
                REQUIRE((method.update == "conservative" && method.restore == "exact"));
                continue;
            }
            REQUIRE((reason == Reason::updated || reason == Reason::kept));
            dense.step(step);
        }
        optimizer.settle();
        double apart = 0;
        for (std::size_t i = 0; i < dense.weights().size(); ++i) {
            apart = std::max(apart, std::abs(problem.dense()[i] - dense.weights()[i]));
        }
        REQUIRE(apart < 1e-9);

        // Each of its losses fails in turn.
        for (std::size_t failing = 0; failing < optimizer.forward_passes(); ++failing) {
            const Vector before = problem.dense();
            std::size_t call = 0;
            const StepReport report = optimizer.step(
                [&] { return call++ == failing ? std::numeric_limits<double>::infinity() : loss_of(problem.dense()); });
            REQUIRE((report.reason == Reason::non_finite_loss || report.reason == Reason::out_of_reach));
            for (std::size_t i = 0; i < before.size(); ++i) {
                const double now = problem.dense()[i];
                REQUIRE((method.restore == "in-place" ? std::abs(now - before[i]) < 1e-12 : now == before[i]));
            }
        }
    }
}
