#pragma once

/// Every direction's form on a device, and traversals with them.

#include <zeroth/cuda/directions/coordinate.cuh>
#include <zeroth/cuda/directions/device_form.cuh>
#include <zeroth/cuda/directions/low_rank.cuh>
#include <zeroth/cuda/directions/masked.cuh>
#include <zeroth/cuda/directions/preconditioned.cuh>
#include <zeroth/cuda/directions/sphere.cuh>
#include <zeroth/cuda/directions/tables.cuh>

#include <cstddef>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// A traversal on a device, or what stands for one: forms what the direction needs in memory(bytes), then has each launch carried out,
/// by queue.traverse<Storage>(launch, kernel).
template <class... Storage, class D, class Operation, class Queue, class Memory>
void traverse_on(ScalarTypes<Storage...>*, const Queue& queue, std::span<const Block> blocks, const D& direction,
                 std::span<const Move<Operation::coefficients>> moves, const Operation& operation, const Memory& memory) {
    static_assert(is_whole<Operation>, "zeroth: the CUDA backend does not know this operation, restore policy or rule");
    DeviceForm<D> form{direction, blocks, moves};
    form.form(queue, memory(form.bytes()));
    const auto traverse_type = [&]<class S>(S*) {
        using Own = OperationOn<Operation, S>;
        for_each_launch<S>(blocks, moves, Own::of(operation), form,
                           [&](auto& launch) { queue.template traverse<S>(launch, form.kernel()); });
    };
    (traverse_type(static_cast<Storage*>(nullptr)), ...);
}

} // namespace cuda
ZEROTH_END_NAMESPACE
