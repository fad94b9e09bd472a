#pragma once

#include <zeroth/cuda/device_memory.cuh>
#include <zeroth/directions/masks.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// The bits of a BitMask in the memory of a device: mask() is for the same blocks there. They are copied when it is made, and again by
/// copy().
///
///     zeroth::BitMasks chosen{on_host};   // by magnitudes or scores of the weights while the host reaches them
///     chosen.keep_largest(0.1);
///     zeroth::cuda::DeviceBits bits{chosen.mask()};
///     zeroth::Masked direction{zeroth::Gaussian{}, bits.mask()};
///
/// Memory: 1/8 byte a parameter on the device. Throws std::runtime_error where the CUDA runtime reports an error.
class DeviceBits {
  public:
    /// On the device that is current; stream: the backend's. The host's mask must outlive this, and its blocks.
    explicit DeviceBits(const BitMask& mask, cudaStream_t stream = nullptr) : host_{mask}, stream_{stream}, words_(mask.blocks.size()) {
        std::size_t size = 0;
        for (const BlockIdentity& block : mask.blocks) {
            size += words_of(block);
        }
        int device = 0;
        require_success(cudaGetDevice(&device), "cudaGetDevice");
        bits_ = StateMemory{size * sizeof(std::uint32_t), state_allocator(device, stream)};
        std::size_t before = 0;
        for (std::size_t b = 0; b < words_.size(); ++b) {
            words_[b] = reinterpret_cast<const std::uint32_t*>(bits_.data()) + before;
            before += words_of(mask.blocks[b]);
        }
        copy();
    }
    DeviceBits(const DeviceBits&) = delete;
    DeviceBits& operator=(const DeviceBits&) = delete;

    /// A view, which this must outlive.
    [[nodiscard]] BitMask mask() const& noexcept { return {{words_.data(), words_.size()}, host_.blocks, MemorySpace::device}; }
    BitMask mask() && = delete;
    /// The host's bits as they are now, after what the stream has begun. Waits for it.
    void copy() {
        std::size_t before = 0;
        for (std::size_t b = 0; b < words_.size(); ++b) {
            const std::size_t size = words_of(host_.blocks[b]) * sizeof(std::uint32_t);
            const cudaError_t status =
                cudaMemcpyAsync(bits_.data() + before, host_.words[b], size, cudaMemcpyHostToDevice, stream_);
            require_success(status, "copying a mask");
            before += size;
        }
        require_success(cudaStreamSynchronize(stream_), "copying a mask");
    }

  private:
    [[nodiscard]] static std::size_t words_of(const BlockIdentity& block) noexcept {
        return static_cast<std::size_t>((block.size() + 31) / 32);
    }

    BitMask host_;
    cudaStream_t stream_;
    StateMemory bits_{};
    Array<const std::uint32_t*> words_;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
