#pragma once

#include <zeroth/any/any_direction.hpp>
#include <zeroth/any/any_loss.hpp>
#include <zeroth/estimators/coordinate_wise.hpp>
#include <zeroth/estimators/estimate.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/estimators/kernel_rge.hpp>
#include <zeroth/estimators/one_sided_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

ZEROTH_BEGIN_NAMESPACE

/// An estimator chosen at run time, along a direction chosen at run time: so that what it is part of is compiled for one type.
class AnyEstimator {
  public:
    static constexpr std::string_view name = "any";
    /// Without a default constructor: a variant asks its first type for one, and that of an estimator whose direction has none does not compile.
    template <class E>
    struct Made {
        E estimator;

        Made(E made) : estimator{std::move(made)} {}
    };
    template <class... E>
    using OneOf = std::variant<Made<E>...>;
    using Kind = OneOf<TwoSidedRge<AnyDirection>, OneSidedRge<AnyDirection>, Fzoo<AnyDirection>, KernelRge<2, AnyDirection>,
                       KernelRge<4, AnyDirection>, KernelRge<6, AnyDirection>, ForwardGradient<AnyDirection>, CoordinateWise>;

    AnyDirection direction;
    Kind kind;
    /// 0 without one.
    double epsilon;

    /// direction: the estimator's own, or for CoordinateWise that of its Coordinate.
    template <class E>
    AnyEstimator(AnyDirection along, E estimator) : direction{std::move(along)}, kind{Made<E>{estimator}}, epsilon{0} {
        if constexpr (requires { estimator.epsilon; }) {
            epsilon = estimator.epsilon;
        }
    }

    template <class F>
    static constexpr bool accepts = std::same_as<std::remove_cvref_t<F>, AnyLoss>;

    /// Whether it is called with a DirectionalFn.
    [[nodiscard]] bool needs_tangent() const noexcept { return std::holds_alternative<Made<ForwardGradient<AnyDirection>>>(kind); }
    void validate() const {
        std::visit([](const auto& made) { made.estimator.validate(); }, kind);
    }
    [[nodiscard]] std::size_t max_terms() const {
        return std::visit([](const auto& made) { return made.estimator.max_terms(); }, kind);
    }
    [[nodiscard]] std::size_t forward_passes() const {
        return std::visit([](const auto& made) { return made.estimator.forward_passes(); }, kind);
    }
    [[nodiscard]] double reach() const {
        return std::visit([](const auto& made) { return made.estimator.reach(); }, kind);
    }
    template <class Cursor>
    void operator()(Cursor& cursor, const AnyLoss& loss, const Key& key, Estimate& estimate) const {
        std::visit([&](const auto& made) { made.estimator(cursor, loss, key, estimate); }, kind);
    }
};

ZEROTH_END_NAMESPACE
