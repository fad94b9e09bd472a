#pragma once

#include <zeroth/cuda/directions/device_form.cuh>
#include <zeroth/directions/masked.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// A BitMask whose words lie in a device's memory, as DeviceBits holds them; the two spans are the host's.
struct DeviceBitMask : BitMask {
    /// Throws std::invalid_argument unless there are bits for each of these blocks, and they lie on a device.
    template <class Blocks>
    void validate_for(const Blocks& trained) const {
        for (std::size_t b = 0; b < trained.size(); ++b) {
            if (trained[b].space != MemorySpace::device) {
                throw std::invalid_argument{"zeroth: the mask's bits lie in device memory, block '" + trained[b].name + "' in host memory"};
            }
        }
        BitMask::validate_for(trained);
    }
    /// Not for the host.
    bool operator()(const Key&, const BlockIdentity&, std::uint64_t) const {
        throw std::logic_error{"zeroth: a mask's bits in device memory are read there alone"};
    }
};

/// How a mask comes to a device: what of its stream a thread is told. Bernoulli and DeviceBitMask have one.
template <class M>
struct DeviceMask;
template <>
struct DeviceMask<Bernoulli> {
    struct Ready {
        std::uint32_t salt;
        std::uint32_t threshold;
    };
    [[nodiscard]] static Ready ready(const Stream& stream) noexcept { return {stream.salt, stream.threshold}; }
    ZEROTH_INLINE static void leave(Stream& stream, const Ready& ready) noexcept {
        stream.salt = ready.salt;
        stream.threshold = ready.threshold;
    }
};
template <>
struct DeviceMask<DeviceBitMask> {
    struct Ready {
        const std::uint32_t* bits;
    };
    [[nodiscard]] static Ready ready(const Stream& stream) noexcept { return {stream.bits}; }
    ZEROTH_INLINE static void leave(Stream& stream, const Ready& ready) noexcept { stream.bits = ready.bits; }
};

template <class Kernel, class M>
struct MaskedKernel : Masked<Kernel, M> {
    struct Ready : ReadyOf<Kernel> {
        typename DeviceMask<M>::Ready mask;
    };

    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept {
        if constexpr (requires { typename Kernel::Ready; }) {
            this->direction.leave(stream, static_cast<const typename Kernel::Ready&>(ready));
        } else if constexpr (requires { this->direction.leave(stream); }) {
            this->direction.leave(stream);
        }
        DeviceMask<M>::leave(stream, ready.mask);
    }
    [[nodiscard]] ZEROTH_INLINE std::uint32_t shared() const noexcept
        requires requires(const Kernel& kernel) { kernel.shared(); }
    {
        return this->direction.shared();
    }
    [[nodiscard]] ZEROTH_INLINE const float*& numbers() noexcept
        requires requires(Kernel& kernel) { kernel.numbers(); }
    {
        return this->direction.numbers();
    }
};
template <class D, class M>
class DeviceForm<Masked<D, M>> {
  public:
    static_assert(requires { typename DeviceMask<M>::Ready; },
                  "zeroth: the CUDA backend does not know this mask; for a BitMask there is DeviceBits");
    using Inner = DeviceForm<D>;
    using Kernel = MaskedKernel<typename Inner::Kernel, M>;

    static std::size_t reserve(Masked<D, M>& direction, std::span<const Block> blocks, std::size_t max_keys) {
        return Inner::reserve(direction.direction, blocks, max_keys);
    }
    template <class Moves>
    DeviceForm(const Masked<D, M>& direction, std::span<const Block> blocks, const Moves& moves)
        : inner_{direction.direction, blocks, moves}, mask_{direction.mask} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return inner_.bytes(); }
    template <class Queue>
    void form(const Queue& queue, std::byte* memory) {
        inner_.form(queue, memory);
    }
    [[nodiscard]] Kernel kernel() const noexcept { return {{inner_.kernel(), mask_}}; }
    void begin_block(const Block& block, std::size_t index) noexcept {
        if constexpr (requires { inner_.begin_block(block, index); }) {
            inner_.begin_block(block, index);
        }
        block_ = block.identity;
        index_ = index;
    }
    template <class MoveType>
    [[nodiscard]] typename Kernel::Ready ready(const MoveType& move, std::size_t k) const {
        const auto of_mask = DeviceMask<M>::ready(prepared_stream(mask_, move, block_, index_));
        if constexpr (requires { typename Inner::Kernel::Ready; }) {
            return {{inner_.ready(move, k)}, of_mask};
        } else {
            return {{}, of_mask};
        }
    }

  private:
    Inner inner_;
    const M& mask_;
    BlockIdentity block_{};
    std::size_t index_ = 0;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
