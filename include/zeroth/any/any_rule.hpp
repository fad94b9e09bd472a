#pragma once

#include <zeroth/any/any_step.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/conservative.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/updates/normalized.hpp>
#include <zeroth/updates/sgd.hpp>
#include <zeroth/updates/sign_sgd.hpp>
#include <zeroth/updates/update_rule.hpp>
#include <zeroth/updates/windowed_adam.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

ZEROTH_BEGIN_NAMESPACE

/// An update rule chosen at run time: so that what it is part of is compiled for one type of rule. What it does is the rule's own.
class AnyRule {
  public:
    static constexpr std::string_view name = "any";
    using Step = AnyStep;
    using Kind = std::variant<Sgd, SignSgd, ScalarSignSgd, Momentum, WindowedMomentum, Conservative, Adam, WindowedAdam, Normalized<Sgd>,
                              Normalized<SignSgd>, Normalized<Momentum>, Normalized<WindowedMomentum>>;

    Kind kind{};
    std::size_t state_bytes_per_parameter = 0;

    AnyRule() = default;
    template <class Rule>
        requires std::constructible_from<Kind, Rule>
    AnyRule(Rule rule) : kind{std::move(rule)}, state_bytes_per_parameter{Rule::state_bytes_per_parameter} {}

    void validate() const {
        std::visit([](const auto& rule) { rule.validate(); }, kind);
    }
    [[nodiscard]] double rate(std::uint64_t step) const {
        return std::visit([&](const auto& rule) { return rule.rate(step); }, kind);
    }
    void set_learning_rate(Schedule learning_rate) {
        std::visit([&](auto& rule) { give_learning_rate(rule, std::move(learning_rate)); }, kind);
    }
    [[nodiscard]] std::size_t max_terms(std::size_t of_estimate) const {
        return std::visit([&](const auto& rule) { return max_terms_of(rule, of_estimate); }, kind);
    }
    /// Of a rule that looks ahead; 0 for others.
    [[nodiscard]] std::size_t forward_passes() const noexcept {
        const auto* const conservative = std::get_if<Conservative>(&kind);
        return conservative != nullptr ? conservative->forward_passes() : 0;
    }

    /// The rule's own state, and the terms that it hands to its step.
    class State {
      public:
        State(const AnyRule& rule, std::span<const Block> blocks, std::size_t max_terms, const StateAllocator& allocator)
            : kind_{std::visit([&](const auto& own) { return make(own, blocks, max_terms, allocator); }, rule.kind)} {}

        void point(AnyStep& step) const noexcept {
            std::visit(
                [](const auto& made, auto& own) {
                    if constexpr (requires { made.state.point(own); }) {
                        made.state.point(own);
                    }
                },
                kind_, step.kind);
        }
        template <class Fields>
        void for_each_field(Fields& fields) {
            std::visit(
                [&](auto& made) {
                    if constexpr (requires { made.state.for_each_field(fields); }) {
                        made.state.for_each_field(fields);
                    }
                },
                kind_);
        }

      private:
        friend class AnyRule;
        template <class Rule>
        struct Made {
            typename Rule::State state;
            Gradient<typename Rule::Step> gradient;
        };
        template <class Kinds>
        struct OfEach;
        template <class... Rules>
        struct OfEach<std::variant<Rules...>> {
            using type = std::variant<Made<Rules>...>;
        };
        using OfKind = typename OfEach<Kind>::type;

        template <class Rule>
        static OfKind make(const Rule& rule, std::span<const Block> blocks, std::size_t max_terms, const StateAllocator& allocator) {
            Made<Rule> made{{rule, blocks, max_terms, allocator}, {}};
            made.gradient.reserve(max_terms_of(rule, max_terms));
            return OfKind{std::move(made)};
        }

        OfKind kind_;
    };

    template <class Cursor, ForwardFn F>
    void choose(Cursor& cursor, F& forward, Estimate& estimate, const Key& key, State& state) const {
        if (const auto* const conservative = std::get_if<Conservative>(&kind)) {
            conservative->choose(cursor, forward, estimate, key, std::get<State::Made<Conservative>>(state.kind_).state);
        }
    }
    [[nodiscard]] Descend<AnyStep> move(const Estimate& estimate, const Key& key, State& state, Gradient<AnyStep>& gradient) const {
        return std::visit(
            [&]<class Rule>(const Rule& rule) -> Descend<AnyStep> {
                auto& made = std::get<State::Made<Rule>>(state.kind_);
                made.gradient.clear();
                const auto move = rule.move(estimate, key, made.state, made.gradient);
                for (const auto& term : made.gradient) {
                    GradientTerm<AnyStep::coefficients> wide{term.key, {}};
                    for (int i = 0; i < Rule::Step::coefficients; ++i) {
                        wide.coefficient[i] = term.coefficient[i];
                    }
                    gradient.push_back(wide);
                }
                return {.rate = move.rate, .weight_decay = move.weight_decay, .towards = move.towards, .key = move.key, .step = {move.step}};
            },
            kind);
    }

  private:
    template <class Rule>
    static std::size_t max_terms_of(const Rule& rule, std::size_t of_estimate) {
        if constexpr (LongRule<Rule>) {
            return rule.max_terms(of_estimate);
        } else {
            return of_estimate;
        }
    }
};

ZEROTH_END_NAMESPACE
