#pragma once

/// The CUDA backend: traversals of weights in a device's memory. Not part of zeroth.hpp: it is compiled by nvcc, and needs the CUDA runtime
/// and nothing else.

#include <zeroth/backends/backend.hpp>
#include <zeroth/cuda/device_bits.cuh>
#include <zeroth/cuda/device_memory.cuh>
#include <zeroth/cuda/directions.cuh>
#include <zeroth/cuda/launches.cuh>
#include <zeroth/cuda/worker.cuh>
#include <zeroth/ground/state_memory.hpp>

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <string>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

template <class Task>
__global__ void __launch_bounds__(Tuning::threads) run_task(const __grid_constant__ Task task, const std::uint64_t threads) {
    const std::uint64_t thread = std::uint64_t{blockIdx.x} * Tuning::threads + threadIdx.x;
    if (thread < threads) {
        task(thread);
    }
}

template <class Storage, class Operation, class R>
__global__ void __launch_bounds__(Tuning::threads) traverse_chunks(const __grid_constant__ Launch<Operation, R> launch) {
    const float* own = nullptr;
    if constexpr (ReadsNumbers<R>) {
        extern __shared__ float shared[];
        if (launch.shared().count != 0) {
            launch.shared().copy(shared, threadIdx.x, Tuning::threads);
            __syncthreads();
            own = shared;
        }
    }
    Worker<Storage, Operation, R>{launch, own}.run(blockIdx.x, gridDim.x, threadIdx.x, Tuning::threads);
}

/// A backend on a device: weights in its memory are traversed there, to Reference's bits (a NaN's payload apart). Compile without
/// -use_fast_math and -ftz=true: they flush subnormal numbers to zero, and the code cannot tell.
///
/// Traversals go to the stream that it is made with and return before they are done; a loss that reads the weights runs on the same stream
/// or waits for it. One launch for as many tensors of a type as a kernel's parameters hold (Launch::max_tensors): 406 with one key of a
/// plain direction, 338 with two, 168 with eight. Nothing is allocated or waited for, so a CUDA graph may capture them; but those that gather
/// results (a measurement, an update under Exact) wait for each launch, and cannot be captured.
/// Several devices: a backend for each, with the same keys. Blocks are added with MemorySpace::device.
///
/// Directions: all there are, masked (by Bernoulli, or DeviceBits for a BitMask) or scaled. Restore policies and rules: all (Exact not with
/// Sphere); what Snapshot, Momentum, Adam and HiZOO keep is taken on the device, once. Snapshot goes home by a copy for each tensor. What is
/// not for a device does not compile (is_device_copyable).
///
/// Tables (ReusePool, LfsrBank) and LowRank's V are formed anew for each traversal, in stream order, in memory that a cursor takes when it is
/// made. So graphs and other traversals may alternate. Tables are the host's, copied by value, a launch for each 31 KB; a launch that reads one
/// table of at most 48 KiB has it in shared memory. V is formed on the device alone, by a launch for each epoch and 256 blocks. Memory is taken
/// in a step where the host's would be, too: when a traversal first needs more tables or epochs than those reserved for; graphs captured before
/// must then be captured anew.
/// Sphere's norms are summed on the device when its key is first used, by three launches for each 256 blocks, and kept by the cursor while
/// it is in use; so capture from the settled weights on.
/// Memory: 8 KB of the device's for results.
/// Throws std::runtime_error where the CUDA runtime reports an error, std::invalid_argument for more keys than a launch holds (Launch).
template <class Scalars = AllScalarTypes>
class Backend {
  public:
    using Types = Scalars;
    static constexpr MemorySpace space = MemorySpace::device;
    template <class D>
    using Rays = DeviceRays<D>;

    /// On the device that is current.
    explicit Backend(cudaStream_t stream = nullptr) : stream_{stream} {
        require_success(cudaGetDevice(&device_), "cudaGetDevice");
        require_success(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, device_), "cudaDeviceGetAttribute");
        results_ = StateMemory{Tuning::result_bytes, state_allocator()};
    }

    [[nodiscard]] std::string name() const { return "cuda device " + std::to_string(device_); }
    [[nodiscard]] cudaStream_t stream() const noexcept { return stream_; }
    /// For what is kept beside the weights: the device's memory.
    [[nodiscard]] StateAllocator state_allocator() const noexcept { return cuda::state_allocator(device_, stream_); }
    /// The device's memory that results take.
    [[nodiscard]] std::size_t state_bytes() const noexcept { return results_.size(); }

    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const {
        const CurrentDevice current{device_};
        traverse_on(static_cast<Types*>(nullptr), *this, traversal);
    }
    /// Starts task(thread) for each thread, in the order of the traversals; the task is copied by value.
    template <class Task>
    void run(std::uint64_t threads, const Task& task) const {
        static_assert(sizeof(Task) + sizeof threads <= Tuning::parameter_bytes, "a kernel's parameters");
        const CurrentDevice current{device_};
        const auto grid = static_cast<unsigned>((threads + Tuning::threads - 1) / Tuning::threads);
        run_task<<<grid, Tuning::threads, 0, stream_>>>(task, threads);
        require_success(cudaGetLastError(), "launching what a direction forms");
    }
    /// Starts one launch of a traversal; waits for its results, if it has any.
    template <class Storage, class Operation, Ray R>
    void launch(Launch<Operation, R>& launch) const {
        static_assert(sizeof(Launch<Operation, R>) <= Tuning::parameter_bytes, "a kernel's parameters");
        std::byte* const on_host = launch.results();
        launch.set_results(results_.data());
        if constexpr (has_results<Operation>) {
            copy(launch.results(), on_host, launch.result_bytes(), cudaMemcpyHostToDevice);
        }
        const std::uint64_t most = static_cast<std::uint64_t>(multiprocessors_) * Tuning::blocks_per_multiprocessor;
        const auto grid = static_cast<unsigned>(launch.chunks() < most ? launch.chunks() : most);
        traverse_chunks<Storage><<<grid, Tuning::threads, launch.shared().count * sizeof(float), stream_>>>(launch);
        require_success(cudaGetLastError(), "launching a traversal");
        if constexpr (has_results<Operation>) {
            copy(on_host, launch.results(), launch.result_bytes(), cudaMemcpyDeviceToHost);
            require_success(cudaStreamSynchronize(stream_), "waiting for a traversal's results");
        }
        launch.set_results(on_host);
    }

  private:
    void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) const {
        require_success(cudaMemcpyAsync(to, from, bytes, kind, stream_), "copying a traversal's results");
    }

    cudaStream_t stream_ = nullptr;
    int device_ = 0;
    int multiprocessors_ = 0;
    /// A launch's.
    StateMemory results_{};
};

} // namespace cuda
ZEROTH_END_NAMESPACE
