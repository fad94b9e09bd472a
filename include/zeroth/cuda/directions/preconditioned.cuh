#pragma once

#include <zeroth/cuda/directions/device_form.cuh>
#include <zeroth/directions/preconditioned.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Preconditioned: the address of the block's factors.
template <class D>
struct FactoredKernel : FactoredDraws<D> {
    struct Ready {
        const float* numbers;
    };

    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept { stream.numbers = ready.numbers; }
};
template <class D>
class DeviceForm<Preconditioned<D>> {
  public:
    static_assert(is_whole<D>, "zeroth: the CUDA backend does not know this direction");
    using Kernel = FactoredKernel<D>;

    /// The factors are the direction's own, in the backend's memory.
    static std::size_t reserve(const Preconditioned<D>&, std::span<const Block>, std::size_t) noexcept { return 0; }
    template <class Moves>
    DeviceForm(const Preconditioned<D>& direction, std::span<const Block>, const Moves&) noexcept : direction_{direction} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
    template <class Queue>
    void form(const Queue&, std::byte*) const noexcept {}
    [[nodiscard]] Kernel kernel() const noexcept { return {{direction_.raw}}; }
    void begin_block(const Block&, std::size_t index) noexcept { index_ = index; }
    template <class MoveType>
    [[nodiscard]] typename Kernel::Ready ready(const MoveType&, std::size_t) const noexcept {
        return {direction_.factors_of(index_)};
    }

  private:
    const Preconditioned<D>& direction_;
    std::size_t index_ = 0;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
