#pragma once

// Runs of the problem, by a backend and a restore policy: all that the reference makes, and parts of it that other backends are compared by.
// Unnamed, so that each translation unit has them compiled for its own instruction set.

#include "answers.hpp"
#include "problem.hpp"

#include <zeroth/cursor.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/estimators/coordinate_wise.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/estimators/kernel_rge.hpp>
#include <zeroth/estimators/one_sided_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/updates/windowed_adam.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/conservative.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/updates/normalized.hpp>
#include <zeroth/updates/sgd.hpp>
#include <zeroth/updates/sign_sgd.hpp>
#include <zeroth/updates/windowed_adam.hpp>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace {

using namespace zeroth;
using golden::Answers;
using golden::Largest;
using golden::Problem;
using golden::Types;

constexpr std::uint64_t run_seed = 0x9E3779B97F4A7C15u;
/// The five steps cross 2^32.
constexpr std::uint64_t run_first_step = 0xFFFFFFFEu;
constexpr double run_epsilon = 0x1p-10;

/// A forward pass, or one with a derivative.
struct Loss {
    const Problem* problem;

    double operator()() const { return problem->loss(); }
    DirectionalLoss operator()(const Tangent& tangent) const { return problem->loss(tangent); }
};

template <class Restore>
constexpr const char* name_of() {
    return std::is_same_v<Restore, Exact> ? "exact" : std::is_same_v<Restore, Snapshot> ? "snapshot" : "in_place";
}
template <class Restore>
constexpr Types all_types = std::is_same_v<Restore, Exact> ? Types::floats : Types::mixed;

/// Five steps of a method from the problem's first weights.
template <class Restore, class E, class Rule, class B>
void run(Answers& out, const std::string& method, Problem& problem, const E& estimator, const Rule& rule, Settling settling, const B& backend) {
    problem.reset();
    std::vector<double> coefficients;
    std::vector<std::size_t> begins;
    const Loss loss{&problem};
    {
        Optimizer optimizer{problem.parameters(), estimator, rule,
                            Settings<Restore>{.seed = run_seed, .first_step = run_first_step, .restore = {}, .settling = settling}, backend};
        for (int step = 0; step < 5; ++step) {
            const StepReport report = optimizer.step(loss);
            if (report.reason != Reason::updated && report.reason != Reason::kept) {
                throw std::runtime_error{method + ": a step ended with " + std::string{to_string(report.reason)}};
            }
            begins.push_back(coefficients.size());
            for (const Term& term : report.terms) {
                coefficients.push_back(term.coefficient);
            }
        }
        optimizer.settle();
    }
    const std::string name = method + " " + name_of<Restore>() + (settling == Settling::lazily ? " lazily" : " each_step");
    problem.add_weights(out, name);
    problem.add_coefficients(out, name, coefficients, begins);
}

template <class Restore, class E, class Rule, class B>
void run_both(Answers& out, const std::string& method, Problem& problem, const E& estimator, const Rule& rule, const B& backend) {
    run<Restore>(out, method, problem, estimator, rule, Settling::each_step, backend);
    run<Restore>(out, method, problem, estimator, rule, Settling::lazily, backend);
}

/// One of the estimators that take any direction, so that an optimizer is compiled once for all of them.
struct AnyEstimator {
    Gaussian direction{};
    std::variant<TwoSidedRge<>, OneSidedRge<>, Fzoo<Gaussian>, KernelRge<4>, ForwardGradient<>> chosen{};

    template <class F>
    static constexpr bool accepts = ForwardFn<F> && DirectionalFn<F>;

    void validate() const {
        std::visit([](const auto& e) { e.validate(); }, chosen);
    }
    [[nodiscard]] std::size_t max_terms() const {
        return std::visit([](const auto& e) { return e.max_terms(); }, chosen);
    }
    [[nodiscard]] std::size_t forward_passes() const {
        return std::visit([](const auto& e) { return e.forward_passes(); }, chosen);
    }
    [[nodiscard]] double reach() const {
        return std::visit([](const auto& e) { return e.reach(); }, chosen);
    }
    template <class Cursor, class F>
    void operator()(Cursor& cursor, F& forward, const Key& key, Estimate& estimate) const {
        std::visit([&](const auto& e) { e(cursor, forward, key, estimate); }, chosen);
    }
};

/// The rules that change weights by an operation of their own, a rule each; descent: a rate for those that go along the estimate as it is.
template <class Visit>
void visit_moves(double descent, const Visit& visit) {
    const Linear falling{.rate = descent, .final_rate = descent / 8, .steps = run_first_step + 10, .hold = run_first_step + 1};
    visit("sgd/decay", Sgd{.learning_rate = falling, .weight_decay = 4});
    visit("adam", Adam{.learning_rate = 0x1p-9, .weight_decay = 4});
    visit("sign_sgd", SignSgd{.learning_rate = 0x1p-9, .weight_decay = 4});
    visit("momentum", Momentum{.learning_rate = descent / 2, .weight_decay = 4});
    visit("windowed_adam", WindowedAdam{.learning_rate = 0x1p-9, .window = 3, .weight_decay = 4});
}
template <class Visit>
void visit_rules(double descent, const Visit& visit) {
    visit_moves(descent, visit);
    visit("sgd", Sgd{.learning_rate = descent});
    visit("scalar_sign_sgd", ScalarSignSgd{.learning_rate = 0x1p-9, .weight_decay = 4});
    visit("windowed_momentum", WindowedMomentum{.learning_rate = descent / 2, .momentum = 0.75, .window = 3, .weight_decay = 4});
    visit("conservative", Conservative{.learning_rate = descent, .weight_decay = 4});
    visit("normalized_sgd", Normalized<Sgd>{.rule = {.learning_rate = 0x1p-9, .weight_decay = 4}, .beta = 0.75});
    visit("normalized_adam", Normalized<Adam>{.rule = {.learning_rate = 0x1p-9, .weight_decay = 4}, .beta = 0.75});
}

template <class Restore, class B>
void run_hizoo(Answers& out, Types types, const B& backend) {
    Problem problem{types};
    run_both<Restore>(out, "hizoo_sgd/hizoo_3", problem, HizooRge<>{.epsilon = run_epsilon, .queries = 3},
                      HizooSgd{.learning_rate = 0x1p-15, .smoothing = 0x1p-6, .weight_decay = 4}, backend);
}

template <class Restore, class B>
void run_rules(Answers& out, const B& backend) {
    Problem mixed{all_types<Restore>};
    constexpr double rate = 0x1p-15;
    const auto run_estimator = [&](Problem& problem, const char* name, const auto& estimator, double descent) {
        visit_rules(descent, [&](const char* rule_name, const auto& rule) {
            run_both<Restore>(out, std::string{rule_name} + "/" + name, problem, estimator, rule, backend);
        });
    };
    run_estimator(mixed, "two_sided_1", AnyEstimator{.chosen = TwoSidedRge<>{.epsilon = run_epsilon}}, rate);
    run_estimator(mixed, "two_sided_3", AnyEstimator{.chosen = TwoSidedRge<>{.epsilon = run_epsilon, .queries = 3}}, rate);
    run_estimator(mixed, "one_sided_3", AnyEstimator{.chosen = OneSidedRge<>{.epsilon = run_epsilon, .queries = 3}}, rate);
    run_estimator(mixed, "fzoo_3", AnyEstimator{.chosen = Fzoo<Gaussian>{.epsilon = run_epsilon, .queries = 3}}, 0x1p-9);
    run_estimator(mixed, "kernel_4", AnyEstimator{.chosen = KernelRge<4>{.epsilon = run_epsilon, .queries = 2}}, rate);
    run_estimator(mixed, "forward_gradient_2", AnyEstimator{.chosen = ForwardGradient<>{.queries = 2}}, rate);
    const Coordinate coordinate{mixed.parameters(), CoordinateOrder::random};
    run_estimator(mixed, "coordinate_wise_3", CoordinateWise{.direction = coordinate, .epsilon = run_epsilon, .coordinates = 3}, 0x1p-3);
    if constexpr (!std::is_same_v<Restore, Exact>) {
        run_hizoo<Restore>(out, all_types<Restore>, backend);
        run_hizoo<Restore>(out, Types::float32, backend);
    }
    for (const Types type : {Types::float32, Types::float64, Types::bfloat16, Types::float16}) {
        if (!std::is_same_v<Restore, Exact> || type == Types::float32 || type == Types::float64) {
            Problem alone{type};
            run_estimator(alone, "two_sided_3", AnyEstimator{.chosen = TwoSidedRge<>{.epsilon = run_epsilon, .queries = 3}}, rate);
        }
    }
}

/// One rule for each operation on the weights.
template <class Restore, class B>
void run_moves(Answers& out, Types types, const B& backend) {
    Problem problem{types};
    visit_moves(0x1p-15, [&](const char* name, const auto& rule) {
        run_both<Restore>(out, std::string{name} + "/two_sided_3", problem, TwoSidedRge<>{.epsilon = run_epsilon, .queries = 3}, rule, backend);
    });
}
/// Some of them.
template <class Restore, class... Rules, class B>
void run_some(Answers& out, Types types, const B& backend) {
    Problem problem{types};
    visit_moves(0x1p-15, [&](const char* name, const auto& rule) {
        if constexpr ((std::is_same_v<std::remove_cvref_t<decltype(rule)>, Rules> || ...)) {
            run_both<Restore>(out, std::string{name} + "/two_sided_3", problem, TwoSidedRge<>{.epsilon = run_epsilon, .queries = 3}, rule, backend);
        }
    });
}

/// Descent along directions of a kind each, that other kinds of traversal may treat unlike.
template <class Restore, class B>
class DirectionRuns {
  public:
    DirectionRuns(Answers& out, Types types, const B& backend)
        : out_{out}, backend_{backend}, settling_{types == Types::mixed || types == Types::floats ? Settling::each_step : Settling::lazily},
          problem_{types, Largest::rademacher_tile}, masks_{problem_.parameters()} {
        masks_.keep_largest(0.3);
        for (std::size_t b = 0; b < problem_.parameters().blocks().size(); ++b) {
            scales_.push_back(b % 3 == 1 ? 0.3 : 1.7);
        }
    }

    /// One of each kind.
    void kinds() {
        along("rademacher", Rademacher{});
        along("sphere", Sphere{});
        along("reuse_pool", ReusePool{});
        along("low_rank_2", LowRank<2>{});
        along("gaussian*bernoulli", Masked{Gaussian{}, Bernoulli{.keep = 0.3, .refresh_every = 2}});
        along("scaled_gaussian", Scaled{Gaussian{}, problem_.parameters(), std::span<const double>{scales_}});
    }
    /// The other directions, and what else there is to choose in these.
    void others() {
        along("uniform", Uniform{});
        along("reuse_pool/power_of_two", ReusePool{.power_of_two = true});
        along("reuse_pool/refresh_every_3", ReusePool{.refresh_every = 3});
        along("reuse_pool/running_index", ReusePool{.running_index = true});
        along("lfsr_bank", LfsrBank{});
        along("lfsr_bank/refresh_every_3", LfsrBank{.refresh_every = 3});
        along("lfsr_bank/running_index", LfsrBank{.running_index = true});
        along("mixed_pool", MixedPool{});
        along("low_rank_2/refresh_every_1", LowRank<2>{.refresh_every = 1});
        along("scaled_reuse_pool", Scaled{ReusePool{}, problem_.parameters(), std::span<const double>{scales_}});
        along("scaled_gaussian*bernoulli", Scaled{Masked{Gaussian{}, Bernoulli{.keep = 0.3, .refresh_every = 2}}, problem_.parameters(),
                                                  std::span<const double>{scales_}});
    }
    void bit_masks() { along("rademacher*bit_mask", Masked{Rademacher{}, masks_.mask()}); }
    /// More of them with each other, and other ranks.
    void products() {
        along("low_rank_1", LowRank<1>{});
        along("low_rank_4", LowRank<4>{});
        along("gaussian*bit_mask", Masked{Gaussian{}, masks_.mask()});
        along("rademacher*bernoulli", Masked{Rademacher{}, Bernoulli{.keep = 0.3}});
        along("reuse_pool*bernoulli", Masked{ReusePool{}, Bernoulli{.keep = 0.3}});
        along("low_rank_2*bit_mask", Masked{LowRank<2>{}, masks_.mask()});
    }

  private:
    template <class D>
    void along(const char* name, const D& direction) {
        run<Restore>(out_, name, problem_, TwoSidedRge<D>{.direction = direction, .epsilon = run_epsilon, .queries = 3},
                     Sgd{.learning_rate = 0x1p-15, .weight_decay = 4}, settling_, backend_);
    }

    Answers& out_;
    const B& backend_;
    Settling settling_;
    Problem problem_;
    BitMasks masks_;
    std::vector<double> scales_;
};

} // namespace
