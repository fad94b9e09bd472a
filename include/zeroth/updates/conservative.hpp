#pragma once

#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Conservative descent: the best of standing still, a step and a step back, on the same batch.
///
///   theta <- argmin { L(theta), L(theta - eta g), L(theta + eta g) };  then theta <- theta - eta weight_decay theta
///
/// Where the base is the best it stays, without decay, and the step's report says so. Candidates lie on the lines of the probes: they are
/// displacements, and nothing is copied.
/// Where Exact's grid does not hold the candidates, of which nothing is known before they are tried, the step is refused (out_of_reach).
/// Forward passes: 3 beyond the estimator's (5 with two-sided RGE of one query). Traversals: one for each of them. State: 0 bytes a parameter.
/// Throws std::invalid_argument if the rate of a step is negative or not finite, or weight_decay is.
/// Source: ZO-SGD-Cons of Zhang et al., arXiv 2402.11592, whose code steps with AdamW.
struct Conservative {
    static constexpr std::string_view name = "conservative";
    using Step = PlainStep;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    Schedule learning_rate = 1e-6;
    double weight_decay = 0;

    void validate() const {
        require_decay(weight_decay);
        static_cast<void>(rate(0));
    }
    /// The candidate, and which was chosen.
    struct State {
        std::vector<Term> candidate{};
        double towards = 0;

        State(const Conservative&, std::span<const Block>, std::size_t max_terms, const StateAllocator&) { candidate.reserve(max_terms); }
    };
    [[nodiscard]] std::size_t forward_passes() const noexcept { return 3; }
    [[nodiscard]] double rate(std::uint64_t step) const { return require_rate(learning_rate(step)); }

    /// Evaluates the candidates, the farthest last.
    template <class Cursor, ForwardFn F>
    void choose(Cursor& cursor, F& forward, Estimate& estimate, const Key& key, State& state) const {
        const double eta = rate(key.step);
        state.towards = 0;
        cursor.stand_at_base();
        double least = estimate.evaluate(forward);
        for (const double towards : {-1.0, 1.0}) {
            if (!estimate.finite) {
                return;
            }
            state.candidate.clear();
            for (const Term& term : estimate.terms) {
                state.candidate.push_back({term.key, ScalarLanes::product(towards * eta, term.coefficient)});
            }
            if constexpr (requires { cursor.holds(state.candidate); }) {
                if (!cursor.holds(state.candidate)) {
                    estimate.out_of_reach = true;
                    return;
                }
            }
            cursor.stand_at(state.candidate);
            const double loss = estimate.evaluate(forward);
            if (loss < least) {
                least = loss;
                state.towards = towards;
            }
        }
        estimate.kept = state.towards == 0;
    }
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State& state, Gradient<Step>& gradient) const {
        append_terms(estimate, gradient);
        return {.rate = rate(key.step), .weight_decay = weight_decay, .towards = state.towards, .key = key};
    }
};

ZEROTH_END_NAMESPACE
