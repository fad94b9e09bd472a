#pragma once

#include <cstddef>
#include <utility>
#include <variant>

#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/estimators/kernel_rge.hpp>
#include <zeroth/estimators/one_sided_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>

#include "method.hpp"

namespace finetune {

/// An estimator from losses, chosen at run time: so that each rule's optimizer is compiled for one type, not for each of them.
template <class Direction>
struct AnyEstimator {
    /// Without a default constructor: a variant asks its first type for one, and that of an estimator whose direction has none does not compile.
    template <class Estimator>
    struct Made {
        Estimator estimator;

        Made(Estimator made) : estimator(std::move(made)) {}
    };
    using Kind = std::variant<Made<zeroth::TwoSidedRge<Direction>>, Made<zeroth::OneSidedRge<Direction>>, Made<zeroth::Fzoo<Direction>>,
                              Made<zeroth::KernelRge<2, Direction>>, Made<zeroth::KernelRge<4, Direction>>, Made<zeroth::KernelRge<6, Direction>>>;

    Direction direction;
    Kind kind;

    AnyEstimator(const Direction& along, const Method& method) : direction(along), kind(kind_of(along, method)) {}

    void validate() const {
        std::visit([](const auto& made) { made.estimator.validate(); }, kind);
    }
    std::size_t max_terms() const {
        return std::visit([](const auto& made) { return made.estimator.max_terms(); }, kind);
    }
    std::size_t forward_passes() const {
        return std::visit([](const auto& made) { return made.estimator.forward_passes(); }, kind);
    }
    double reach() const {
        return std::visit([](const auto& made) { return made.estimator.reach(); }, kind);
    }
    template <class Cursor, zeroth::ForwardFn F>
    void operator()(Cursor& cursor, F& forward, const zeroth::Key& key, zeroth::Estimate& estimate) const {
        std::visit([&](const auto& made) { made.estimator(cursor, forward, key, estimate); }, kind);
    }

private:
    template <int Order>
    static Kind kernel(const Direction& along, const Method& method) {
        using Kernel = zeroth::KernelRge<Order, Direction>;
        return Made(Kernel{.direction = along, .epsilon = method.epsilon(), .queries = method.queries, .scale = Kernel::variance_matched_scale()});
    }
    static Kind kind_of(const Direction& along, const Method& method) {
        const double epsilon = method.epsilon();
        switch (method.estimator) {
        case EstimatorKind::one_sided: return Made(zeroth::OneSidedRge<Direction>{.direction = along, .epsilon = epsilon, .queries = method.queries});
        case EstimatorKind::fzoo: return Made(zeroth::Fzoo<Direction>{.direction = along, .epsilon = epsilon, .queries = method.queries});
        case EstimatorKind::kernel:
            // An odd order's kernel is that of the even one above it.
            return method.kernel_order <= 2 ? kernel<2>(along, method) : method.kernel_order <= 4 ? kernel<4>(along, method) : kernel<6>(along, method);
        default: return Made(zeroth::TwoSidedRge<Direction>{.direction = along, .epsilon = epsilon, .queries = method.queries});
        }
    }
};

}  // namespace finetune
