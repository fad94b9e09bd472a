#pragma once

#include <zeroth/any/any_kernel.hpp>
#include <zeroth/any/any_step.hpp>
#include <zeroth/any/sources/inner.hpp>
#include <zeroth/first_order/first_order_optimizer.hpp>

#include <concepts>
#include <variant>

ZEROTH_BEGIN_NAMESPACE

/// A move of the step that an AnyStep is.
template <class S>
[[nodiscard]] Descend<S> move_along(const Descend<AnyStep>& move, const S& step) noexcept {
    return {.rate = move.rate,
            .weight_decay = move.weight_decay,
            .towards = move.towards,
            .key = move.key,
            .step = step,
            .of_block = move.of_block,
            .is_uniform = move.is_uniform};
}
/// The operation that makes it.
template <class M>
[[nodiscard]] UpdateInPlace<M> operation_of(const UpdateInPlace<Descend<AnyStep>>&, const M& move) noexcept {
    return {move};
}
template <class M>
[[nodiscard]] UpdateOnGrid<M> operation_of(const UpdateOnGrid<Descend<AnyStep>>& any, const M& move) noexcept {
    return {any.quantum, any.largest, move};
}
template <class M>
[[nodiscard]] UpdateFrom<M> operation_of(const UpdateFrom<Descend<AnyStep>>& any, const M& move) noexcept {
    return {any.base, move};
}
template <class M>
[[nodiscard]] ApplyGradient<M> operation_of(const ApplyGradient<Descend<AnyStep>>& any, const M& move) noexcept {
    return {any.gradient, move};
}

template <class Operation, Ray R>
void AnyBackend::traverse(const Traversal<Operation, R>& traversal) const {
    if constexpr (requires { requires std::same_as<decltype(traversal.operation.move), Descend<AnyStep>>; }) {
        std::visit(
            [&]<class S>(const S& step) {
                if constexpr (Operation::sums > 0 || S::sums == 1) { // a gradient that is read is one sum
                    const auto operation = operation_of(traversal.operation, move_along(traversal.operation.move, step));
                    inner(*this).traverse(Traversal{traversal.blocks, operation, traversal.moves});
                }
            },
            traversal.operation.move.step.kind);
    } else {
        inner(*this).traverse(traversal);
    }
}

// What all policies need is compiled with the optimizer.
extern template void AnyBackend::traverse(const Traversal<LargestMagnitude>&) const;
extern template void AnyBackend::traverse(const Traversal<SquaredWeights>&) const;
extern template void AnyBackend::traverse(const Traversal<ApplyGradient<Descend<AnyStep>>>&) const;

ZEROTH_END_NAMESPACE
