#pragma once

#include <zeroth/cuda/tuning.cuh>
#include <zeroth/ground/state_memory.hpp>

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Throws std::runtime_error for what the CUDA runtime calls an error.
inline void require_success(cudaError_t status, const char* what) {
    if (status != cudaSuccess) {
        throw std::runtime_error{std::string{"zeroth: "} + what + ": " + cudaGetErrorString(status)};
    }
}

/// Makes a device the thread's current one, until the end of the scope.
class CurrentDevice {
  public:
    explicit CurrentDevice(int device) {
        require_success(cudaGetDevice(&before_), "cudaGetDevice");
        if (before_ != device) {
            require_success(cudaSetDevice(device), "cudaSetDevice");
            changed_ = true;
        }
    }
    CurrentDevice(const CurrentDevice&) = delete;
    CurrentDevice& operator=(const CurrentDevice&) = delete;
    ~CurrentDevice() {
        if (changed_) {
            static_cast<void>(cudaSetDevice(before_));
        }
    }

  private:
    int before_ = 0;
    bool changed_ = false;
};

template <class Word>
__global__ void fill_words(Word* to, const Word word, const std::uint64_t words) {
    for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < words; i += std::uint64_t{gridDim.x} * blockDim.x) {
        to[i] = word;
    }
}

/// Behind what is on the stream, and done when it returns.
inline void copy_and_wait(const StateAllocator& on, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    const CurrentDevice current{on.device};
    const auto stream = static_cast<cudaStream_t>(on.stream);
    require_success(cudaMemcpyAsync(to, from, bytes, kind, stream), "cudaMemcpyAsync");
    require_success(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
}

/// A device's memory, written and copied on a stream: taken by cudaMalloc, and given back by cudaFree, which waits for the device.
[[nodiscard]] inline StateAllocator state_allocator(int device, cudaStream_t stream) noexcept {
    StateAllocator result;
    result.allocate = [](const StateAllocator& own, std::size_t bytes) {
        const CurrentDevice current{own.device};
        void* memory = nullptr;
        require_success(cudaMalloc(&memory, bytes), "cudaMalloc");
        return memory;
    };
    result.release = [](const StateAllocator&, void* memory) noexcept { static_cast<void>(cudaFree(memory)); };
    result.fill = [](const StateAllocator& own, void* to, std::uint32_t word, std::size_t words) {
        const CurrentDevice current{own.device};
        const auto on = static_cast<cudaStream_t>(own.stream);
        if (word == 0) {
            require_success(cudaMemsetAsync(to, 0, words * sizeof word, on), "cudaMemsetAsync");
        } else {
            fill_words<<<Tuning::fill_blocks, Tuning::threads, 0, on>>>(static_cast<std::uint32_t*>(to), word, words);
            require_success(cudaGetLastError(), "filling memory");
        }
    };
    result.copy = [](const StateAllocator& own, void* to, const void* from, std::size_t bytes) {
        const CurrentDevice current{own.device};
        require_success(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, static_cast<cudaStream_t>(own.stream)),
                        "cudaMemcpyAsync");
    };
    result.copy_to_host = [](const StateAllocator& own, void* to, const void* from, std::size_t bytes) {
        copy_and_wait(own, to, from, bytes, cudaMemcpyDeviceToHost);
    };
    result.copy_from_host = [](const StateAllocator& own, void* to, const void* from, std::size_t bytes) {
        copy_and_wait(own, to, from, bytes, cudaMemcpyHostToDevice);
    };
    result.device = device;
    result.stream = stream;
    return result;
}

} // namespace cuda
ZEROTH_END_NAMESPACE
