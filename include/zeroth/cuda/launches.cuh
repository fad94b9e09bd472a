#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/traversal.hpp>
#include <zeroth/cuda/launch.cuh>
#include <zeroth/ground/device_copyable.hpp>
#include <zeroth/parameters/block.hpp>

#include <cstddef>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Calls launch(Launch<Operation, R>&) for the blocks stored as Storage, in as few launches as hold them. Where the operation has results,
/// they are to be in the host's memory again, at launch.results(), when it returns.
/// Throws std::invalid_argument for more keys than a launch holds (Launch::max_keys).
template <class Storage, class Operation, Ray R, class Call>
void for_each_launch(std::span<const Block> blocks, const Operation& operation, const Moves<R>& moves, const Call& launch) {
    using What = Launch<Operation, R>;
    std::size_t keys = 0;
    if constexpr (Operation::sums != 0) {
        keys = moves.size();
    }
    bool has_scales = false;
    for (std::size_t k = 0; k < keys; ++k) {
        has_scales = has_scales || moves.rays.scales(k) != nullptr;
    }
    alignas(8) std::byte results[What::max_result_bytes + 1];
    What what{operation, keys, has_scales};
    for (std::size_t k = 0; k < keys; ++k) {
        what.set_coefficients(static_cast<int>(k), moves.of(k));
    }
    std::size_t next = 0;
    while (next < blocks.size()) {
        what.clear();
        for (; next < blocks.size() && !what.is_full(); ++next) {
            if (blocks[next].type == scalar_traits<Storage>::type && blocks[next].size() != 0) {
                what.add(blocks[next], next, moves);
            }
        }
        if (what.tensors() == 0) {
            break;
        }
        what.gather_tables(results);
        launch(what);
        what.scatter_results(results);
    }
}

/// A traversal by a device, or what stands for one: queue.launch<Storage>(Launch&) has each launch carried out.
template <class... Storage, class Operation, Ray R, class Queue>
void traverse_on(ScalarTypes<Storage...>*, const Queue& queue, const Traversal<Operation, R>& traversal) {
    static_assert(is_device_copyable<Operation>,
                  "zeroth: the operation, restore policy or rule is not for a device: it does not say is_device_copyable");
    static_assert(is_device_copyable<R>, "zeroth: the direction or its mask is not for a device: its ray does not say is_device_copyable");
    const auto traverse_type = [&]<class S>(S*) {
        if constexpr (StoragesOf<Operation>::type::template contains<S>) {
            using Own = OperationOn<Operation, S>;
            for_each_launch<S>(traversal.blocks, Own::of(traversal.operation), traversal.moves,
                               [&](auto& launch) { queue.template launch<S>(launch); });
        }
    };
    (traverse_type(static_cast<Storage*>(nullptr)), ...);
}

} // namespace cuda
ZEROTH_END_NAMESPACE
