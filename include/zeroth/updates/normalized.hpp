#pragma once

#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/ground/setting.hpp>
#include <zeroth/updates/sgd.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Any rule, of estimates over their running size: one number in place of Adam's one for each weight.
///
///   v <- beta v + (1 - beta) sum_j c_j^2;   c_j <- c_j / (sqrt(v / (1 - beta^t)) + delta),   then the rule's own step
///
/// c_j are the coefficients of the estimate's terms, each query's share. Their sum of squares is the mean square of the estimate's numbers,
/// for directions of unit second moment: so Sgd moves a weight by about eta, as Adam does, whatever the scale of the loss, the number of
/// queries or of weights. t counts the updates made; a step that is refused, or kept by a rule that looks ahead, leaves v as it was.
/// Forward passes, traversals, state a parameter: the rule's; v is one number.
/// Throws std::invalid_argument if beta is not in [0, 1), delta is not positive and finite, and what the rule throws.
/// Source: MEAZO, Dbouk et al., arXiv 2605.03869, which squares the mean of the queries' projected gradients.
template <class Rule = Sgd>
struct Normalized {
    static constexpr std::string_view name = "normalized";
    static_assert(UpdateRule<Rule>, "zeroth: what is normalized must be an UpdateRule: Step, State, rate(), move(), validate()");
    static_assert(!needs_curvature<Rule>, "zeroth: curvatures have a scale of their own, which Normalized does not know");

    using Step = typename Rule::Step;
    static constexpr std::size_t state_bytes_per_parameter = Rule::state_bytes_per_parameter;

    /// Its learning rate is the size of a step: that of Adam.
    Rule rule{};
    /// One projected gradient's square varies by more than its mean: v is one of about 1 / (1 - beta) steps.
    double beta = 0.99;
    /// Keeps the quotient finite.
    double delta = 1e-8;

    void validate() const {
        require_setting(beta >= 0 && beta < 1, "beta", beta, "at least 0 and under 1");
        require_setting(delta > 0 && delta < 0x1p128, "delta", delta, "positive and finite");
        rule.validate();
    }
    /// v and beta^t, the estimate that the rule is given, and the rule's own.
    struct State {
        double square = 0;
        double power = 1;
        Estimate scaled{};
        typename Rule::State of_rule;

        State(const Normalized& normalized, std::span<const Block> blocks, std::size_t max_terms, const StateAllocator& allocator)
            : of_rule{normalized.rule, blocks, max_terms, allocator} {
            scaled.terms.reserve(max_terms);
        }
        void point(Step& step) const noexcept {
            if constexpr (requires { of_rule.point(step); }) {
                of_rule.point(step);
            }
        }
        template <class Fields>
        void for_each_field(Fields& fields) {
            fields.number("mean square of the estimates", square);
            fields.number("beta^t", power);
            if constexpr (requires { of_rule.for_each_field(fields); }) {
                of_rule.for_each_field(fields);
            }
        }
    };
    [[nodiscard]] std::size_t max_terms(std::size_t of_estimate) const noexcept {
        if constexpr (LongRule<Rule>) {
            return rule.max_terms(of_estimate);
        } else {
            return of_estimate;
        }
    }
    [[nodiscard]] std::size_t forward_passes() const noexcept
        requires LookaheadRule<Rule>
    {
        return rule.forward_passes();
    }
    [[nodiscard]] double rate(std::uint64_t step) const { return rule.rate(step); }

    /// The rule's candidates are those of the normalised estimate.
    template <class Cursor, ForwardFn F>
        requires LookaheadRule<Rule>
    void choose(Cursor& cursor, F& forward, Estimate& estimate, const Key& key, State& state) const {
        scale_terms(estimate, next_square(estimate, state), state.power * beta, state);
        std::swap(estimate.terms, state.scaled.terms);
        rule.choose(cursor, forward, estimate, key, state.of_rule);
        std::swap(estimate.terms, state.scaled.terms);
    }
    /// The rule sees the normalised terms, and of the losses only the one that is reported.
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State& state, Gradient<Step>& gradient) const {
        state.square = next_square(estimate, state);
        state.power *= beta;
        scale_terms(estimate, state.square, state.power, state);
        state.scaled.loss = estimate.loss;
        state.scaled.kept = estimate.kept;
        state.scaled.clipped = estimate.clipped;
        return rule.move(state.scaled, key, state.of_rule, gradient);
    }

  private:
    [[nodiscard]] double next_square(const Estimate& estimate, const State& state) const noexcept {
        double sum = 0;
        for (const Term& term : estimate.terms) {
            sum += ScalarLanes::product(term.coefficient, term.coefficient);
        }
        return ScalarLanes::product(beta, state.square) + ScalarLanes::product(1 - beta, sum);
    }
    void scale_terms(const Estimate& estimate, double of_square, double of_power, State& state) const {
        const double size = std::sqrt(of_square / (1 - of_power)) + delta;
        state.scaled.terms.clear();
        for (const Term& term : estimate.terms) {
            state.scaled.terms.push_back({term.key, term.coefficient / size});
        }
    }
};

ZEROTH_END_NAMESPACE
