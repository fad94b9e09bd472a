#pragma once

#include <zeroth/cuda/formed_anew.cuh>
#include <zeroth/cuda/shared_numbers.cuh>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/table_rays.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

template <>
struct NumbersOf<TableRay> {
    ZEROTH_INLINE static const float*& address(TableRay& ray) noexcept { return ray.numbers; }
    static std::uint32_t count(const TableRay& ray) noexcept { return ray.size + static_cast<std::uint32_t>(table_stretch); }
};
template <>
struct NumbersOf<MixedPool::Ray> {
    ZEROTH_INLINE static const float*& address(MixedPool::Ray& ray) noexcept { return ray.numbers; }
    static std::uint32_t count(const MixedPool::Ray&) noexcept { return WhiteNumbers::size + WhiteNumbers::stretch; }
};
template <ReadsNumbers R, class MaskRay>
struct NumbersOf<MaskedRay<R, MaskRay>> {
    ZEROTH_INLINE static const float*& address(MaskedRay<R, MaskRay>& ray) noexcept { return NumbersOf<R>::address(ray.inner); }
    static std::uint32_t count(const MaskedRay<R, MaskRay>& ray) noexcept { return NumbersOf<R>::count(ray.inner); }
};

/// Rays of ReusePool and LfsrBank on a device: the host's tables, those of a traversal's keys copied there by value for each traversal.
template <class D>
class DeviceTableRays : public TableRays<D> {
  public:
    template <class B>
    DeviceTableRays(const D& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : TableRays<D>{direction, blocks, max_keys, backend}, size_{size_of(direction)},
          tables_{state_allocator_of(backend), size_, max_keys, reserved(direction, max_keys)} {}

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) {
        TableRays<D>::prepare(keys, blocks, backend);
        if (blocks.empty()) {
            return;
        }
        // A table's name is the address of the host's.
        tables_.prepare(keys.size(), [this](std::size_t k) { return TableRays<D>::ray(k, 0).numbers; });
        for (std::size_t t = 0; t < tables_.size(); ++t) {
            if (tables_.name(t) != nullptr) { // there are weights
                copy_numbers(backend, tables_.value(t), tables_.name(t), size_);
            }
        }
    }
    [[nodiscard]] TableRay ray(std::size_t k, std::size_t b) const noexcept {
        TableRay ray = TableRays<D>::ray(k, b);
        ray.numbers = tables_.of(k);
        return ray;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return TableRays<D>::bytes() + tables_.bytes(); }

  private:
    static std::size_t size_of(const D& direction) noexcept { return static_cast<std::size_t>(direction.layout().size() + table_stretch); }
    static std::size_t reserved(const D& direction, std::size_t max_keys) noexcept {
        const TableLayout layout = direction.layout();
        const std::size_t different = std::size_t{layout.columns} * (layout.refresh_every == 0 ? 1 : 2);
        return max_keys < different ? max_keys : different;
    }

    /// Floats of a table.
    std::size_t size_;
    FormedAnew<const float*> tables_;
};

/// Rays of a MixedPool on a device: its one table is copied there when they are made.
class DeviceMixedPoolRays : public PhiloxRays<MixedPool> {
  public:
    template <class B>
    DeviceMixedPoolRays(const MixedPool& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : PhiloxRays<MixedPool>{direction, blocks, max_keys, backend}, numbers_{size * sizeof(float), state_allocator_of(backend)} {
        copy_numbers(backend, reinterpret_cast<float*>(numbers_.data()), WhiteNumbers::table().numbers, size);
    }
    [[nodiscard]] MixedPool::Ray ray(std::size_t k, std::size_t b) const noexcept {
        return {bits(k, b), reinterpret_cast<const float*>(numbers_.data())};
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return numbers_.size(); }

  private:
    static constexpr std::size_t size = WhiteNumbers::size + WhiteNumbers::stretch;

    StateMemory numbers_;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
