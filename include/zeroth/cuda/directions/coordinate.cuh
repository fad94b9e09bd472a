#pragma once

#include <zeroth/cuda/directions/device_form.cuh>
#include <zeroth/directions/coordinate.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Coordinate: the number of the key's weight in the block.
struct CoordinateKernel {
    static constexpr float largest = Coordinate::largest;
    static constexpr int groups = Coordinate::groups;
    static constexpr int vectors = Coordinate::vectors;
    template <class Lanes>
    using Draw = Coordinate::Draw<Lanes>;

    struct Ready {
        std::uint64_t element;
    };

    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept { stream.element = ready.element; }

    float operator()(const Key&, const BlockIdentity&, std::uint64_t) const;
};
template <>
class DeviceForm<Coordinate> {
  public:
    using Kernel = CoordinateKernel;

    static std::size_t reserve(const Coordinate&, std::span<const Block>, std::size_t) noexcept { return 0; }
    template <class Moves>
    DeviceForm(const Coordinate& direction, std::span<const Block>, const Moves&) noexcept : direction_{direction} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
    template <class Queue>
    void form(const Queue&, std::byte*) const noexcept {}
    [[nodiscard]] Kernel kernel() const noexcept { return {}; }
    void begin_block(const Block& block, std::size_t index) noexcept {
        block_ = block.identity;
        index_ = index;
    }
    template <class MoveType>
    [[nodiscard]] Kernel::Ready ready(const MoveType& move, std::size_t) const noexcept {
        return Kernel::Ready{prepared_stream(direction_, move, block_, index_).element};
    }

  private:
    const Coordinate& direction_;
    BlockIdentity block_{};
    std::size_t index_ = 0;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
