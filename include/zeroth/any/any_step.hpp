#pragma once

#include <zeroth/cursor/descend.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/updates/sign_sgd.hpp>
#include <zeroth/updates/windowed_adam.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <variant>

ZEROTH_BEGIN_NAMESPACE

/// What a rule chosen at run time descends along: one of these steps, which the backend is handed as what it is.
struct AnyStep {
    using Kind = std::variant<PlainStep, SignStep, MomentumStep, AdamStep, WindowedAdamStep>;

    /// As many as any of them has; the others' are 0.
    static constexpr int coefficients = WindowedAdamStep::coefficients;
    static constexpr int scaled = 1;
    static constexpr int sums = WindowedAdamStep::sums;

    Kind kind{};

    [[nodiscard]] bool is_plain() const noexcept { return std::holds_alternative<PlainStep>(kind); }
    [[nodiscard]] double size(std::span<const GradientTerm<coefficients>> gradient, double factor) const noexcept {
        return std::visit([&](const auto& step) { return step.size(gradient, factor); }, kind);
    }
    [[nodiscard]] StepBound bound(std::span<const GradientTerm<coefficients>> gradient) const noexcept {
        return std::visit([&](const auto& step) { return step.bound(gradient); }, kind);
    }
    /// Which it is goes first.
    template <class Visitor>
    void for_each_number(Visitor& visit) {
        auto index = static_cast<double>(kind.index());
        visit(index);
        if (index != static_cast<double>(kind.index())) {
            choose(index, std::make_index_sequence<std::variant_size_v<Kind>>{});
        }
        std::visit([&](auto& step) { for_each_number_of(step, visit); }, kind);
    }

  private:
    template <std::size_t... I>
    void choose(double index, std::index_sequence<I...>) {
        bool is_known = false;
        static_cast<void>(((index == static_cast<double>(I) && (kind.template emplace<I>(), is_known = true)) || ...));
        if (!is_known) {
            throw std::runtime_error{"zeroth: the state's 'step' is of no known kind"};
        }
    }
};

ZEROTH_END_NAMESPACE
