#pragma once

/// The CUDA backend: traversals of weights in a device's memory. Not part of zeroth.hpp: it is compiled by nvcc, and needs the CUDA runtime
/// and nothing else.

#include <zeroth/backends/backend.hpp>
#include <zeroth/cuda/launch.cuh>

#include <cuda_runtime.h>

#include <cstdint>
#include <span>
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

template <class Storage, class D, class Operation>
__global__ void __launch_bounds__(Tuning::threads) traverse_chunks(const __grid_constant__ Launch<Operation> launch, const D direction) {
    Worker<Storage, D, Operation>{launch, direction}.run(blockIdx.x, gridDim.x, threadIdx.x, Tuning::threads);
}

/// A backend on a device: weights in its memory are traversed there, to Reference's bits (a NaN's payload apart). Compile without
/// -use_fast_math and -ftz=true: they flush subnormal numbers to zero, and the code cannot tell.
///
/// Traversals go to the stream that it is made with and return before they are done; a loss that reads the weights runs on the same stream
/// or waits for it. One launch for up to 256 tensors of a type. Nothing is allocated or waited for, so a CUDA graph may capture them.
/// Several devices: a backend for each, with the same keys. Blocks are added with MemorySpace::device.
///
/// Directions: Gaussian, Rademacher, Uniform. Restore policy: InPlace. Rules: those of LinearMove (Sgd, ScalarSignSgd, Conservative,
/// WindowedMomentum), SignSgd, WindowedAdam. Others do not compile (is_whole).
/// Throws std::runtime_error where the CUDA runtime reports an error, std::invalid_argument for more moves than a launch holds (Launch).
template <class Scalars = AllScalarTypes>
class Backend {
  public:
    using Types = Scalars;
    static constexpr MemorySpace space = MemorySpace::device;

    /// On the device that is current.
    explicit Backend(cudaStream_t stream = nullptr) : stream_{stream} {
        require_success(cudaGetDevice(&device_), "cudaGetDevice");
        require_success(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, device_), "cudaDeviceGetAttribute");
    }

    [[nodiscard]] std::string name() const { return "cuda device " + std::to_string(device_); }
    [[nodiscard]] cudaStream_t stream() const noexcept { return stream_; }

    template <class D, class Operation>
    void traverse(std::span<const Block> blocks, const D& direction, std::span<const Move<Operation::coefficients>> moves,
                  const Operation& operation) const {
        static_assert(is_whole<D>, "zeroth: the CUDA backend does not know this direction");
        static_assert(is_whole<Operation>, "zeroth: the CUDA backend does not know this operation, restore policy or rule");
        const CurrentDevice current{device_};
        const auto traverse_type = [&]<class Storage>(Storage*) {
            using Own = OperationOn<Operation, Storage>;
            for_each_launch<Storage>(blocks, moves, Own::of(operation), [&](const auto& launch) { start<Storage>(launch, direction); });
        };
        for_each_type(static_cast<Types*>(nullptr), traverse_type);
    }

  private:
    template <class... Storage, class Visitor>
    static void for_each_type(ScalarTypes<Storage...>*, const Visitor& visitor) {
        (visitor(static_cast<Storage*>(nullptr)), ...);
    }

    template <class Storage, class D, class Operation>
    void start(const Launch<Operation>& launch, const D& direction) const {
        static_assert(sizeof(Launch<Operation>) + sizeof(D) <= 32764, "a kernel's parameters");
        const std::uint64_t most = static_cast<std::uint64_t>(multiprocessors_) * Tuning::blocks_per_multiprocessor;
        const auto grid = static_cast<unsigned>(launch.chunks() < most ? launch.chunks() : most);
        traverse_chunks<Storage><<<grid, Tuning::threads, 0, stream_>>>(launch, direction);
        require_success(cudaGetLastError(), "launching a traversal");
    }

    cudaStream_t stream_ = nullptr;
    int device_ = 0;
    int multiprocessors_ = 0;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
