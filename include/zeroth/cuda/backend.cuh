#pragma once

/// The CUDA backend: traversals of weights in a device's memory. Not part of zeroth.hpp: it is compiled by nvcc, and needs the CUDA runtime
/// and nothing else.

#include <zeroth/ground/array.hpp>
#include <zeroth/backends/backend.hpp>
#include <zeroth/cuda/directions.cuh>
#include <zeroth/ground/state_memory.hpp>

#include <cuda_runtime.h>

#include <cstddef>
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

template <class Word>
__global__ void fill_words(Word* to, const Word word, const std::uint64_t words) {
    for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < words; i += std::uint64_t{gridDim.x} * blockDim.x) {
        to[i] = word;
    }
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
    result.device = device;
    result.stream = stream;
    return result;
}

/// Memory that traversals form numbers in, each anew; more is taken when one needs more. Of copies, each takes its own.
class Workspace {
  public:
    Workspace() = default;
    explicit Workspace(const StateAllocator& allocator) noexcept : allocator_{allocator} {}
    Workspace(const Workspace& other) noexcept : allocator_{other.allocator_} {}
    Workspace& operator=(const Workspace& other) noexcept {
        if (this != &other) {
            allocator_ = other.allocator_;
            memory_ = StateMemory{};
        }
        return *this;
    }
    ~Workspace() = default;

    [[nodiscard]] std::byte* of(std::size_t bytes) {
        if (bytes > memory_.size()) {
            memory_ = StateMemory{}; // first, so that both are not held
            memory_ = StateMemory{bytes, allocator_};
        }
        return memory_.data();
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return memory_.size(); }

  private:
    StateAllocator allocator_{};
    StateMemory memory_{};
};

template <class Task>
__global__ void __launch_bounds__(Tuning::threads) run_task(const __grid_constant__ Task task, const std::uint64_t threads) {
    const std::uint64_t thread = std::uint64_t{blockIdx.x} * Tuning::threads + threadIdx.x;
    if (thread < threads) {
        task(thread);
    }
}

template <class Storage, class Kernel, class Operation>
__global__ void __launch_bounds__(Tuning::threads)
    traverse_chunks(const __grid_constant__ Launch<Operation> launch, const Kernel direction) {
    Kernel own = direction;
    if constexpr (requires { own.shared(); }) {
        extern __shared__ float shared[];
        if (own.shared() != 0) {
            SharedNumbers::copy(shared, own.numbers(), own.shared(), threadIdx.x, Tuning::threads);
            __syncthreads();
            own.numbers() = shared;
        }
    }
    Worker<Storage, Kernel, Operation>{launch, own}.run(blockIdx.x, gridDim.x, threadIdx.x, Tuning::threads);
}

/// A backend on a device: weights in its memory are traversed there, to Reference's bits (a NaN's payload apart). Compile without
/// -use_fast_math and -ftz=true: they flush subnormal numbers to zero, and the code cannot tell.
///
/// Traversals go to the stream that it is made with and return before they are done; a loss that reads the weights runs on the same stream
/// or waits for it. One launch for up to 256 tensors of a type (200 with Snapshot and Adam; of m moves with scales 768 / m). Nothing is allocated or waited for, so a CUDA
/// graph may capture them; but those that gather results (a measurement, an update under Exact) wait for each launch, and cannot be
/// captured.
/// Several devices: a backend for each, with the same keys. Blocks are added with MemorySpace::device.
///
/// Directions: all there are, masked (by Bernoulli, or DeviceBits for a BitMask) or scaled. Restore policies and rules: all (Exact not with
/// Sphere); what Snapshot,
/// Momentum, Adam and HiZOO keep is taken on the device, once. Snapshot goes home by a copy for each tensor. What it does not know does not
/// compile (is_whole, DeviceForm).
///
/// What a direction's numbers are read from is formed anew by each traversal, in stream order, in memory that reserve() takes, which a
/// cursor calls when it is made. So graphs and other traversals may alternate. Tables (ReusePool, LfsrBank, MixedPool) are the host's, copied
/// by value, a launch for each 31 KB; a traversal that needs one table of at most 48 KiB has it in shared memory. LowRank's V is formed on
/// the device alone, by a launch for each epoch and 256 blocks. Memory is taken in a step where the host's would be, too: when a traversal
/// first needs more tables or epochs than those reserved for; graphs captured before must then be captured anew.
/// Sphere's norms are summed on the device when its key is first used, by three launches for each 256 blocks, and kept by the cursor while
/// it is in use; so capture from the settled weights on.
/// Memory: 8 KB of the device's for results.
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
        results_ = StateMemory{Tuning::result_bytes, state_allocator()};
        workspace_ = Workspace{state_allocator()};
    }

    [[nodiscard]] std::string name() const { return "cuda device " + std::to_string(device_); }
    [[nodiscard]] cudaStream_t stream() const noexcept { return stream_; }
    /// Of what is kept beside the weights: the device's memory.
    [[nodiscard]] StateAllocator state_allocator() const noexcept { return cuda::state_allocator(device_, stream_); }

    template <class D, class Operation>
    void traverse(std::span<const Block> blocks, const D& direction, std::span<const Move<Operation::coefficients>> moves,
                  const Operation& operation) const {
        const CurrentDevice current{device_};
        traverse_on(static_cast<Types*>(nullptr), Queue{*this}, blocks, direction, moves, operation,
                    [&](std::size_t bytes) { return workspace_.of(bytes); });
    }

    /// Makes the direction ready for traversals of so many keys, in place of its own reserve(), and takes what they need on the device.
    template <class D>
    void reserve(D& direction, std::span<const Block> blocks, std::size_t max_keys) const {
        const CurrentDevice current{device_};
        if constexpr (requires { direction.reserve(blocks, max_keys, state_allocator()); }) {
            direction.reserve(blocks, max_keys, state_allocator());
        }
        static_cast<void>(workspace_.of(DeviceForm<D>::reserve(direction, blocks, max_keys)));
    }
    /// Of the device's memory, for what traversals form and their results.
    [[nodiscard]] std::size_t state_bytes() const noexcept { return workspace_.bytes() + results_.size(); }

    /// A normalised direction's factors of a move in the blocks, in the device's memory.
    template <NormalisedDirection D>
    void form_factors(std::span<const Block> blocks, const D& direction, const Move<1>& move, double* factors) const {
        const CurrentDevice current{device_};
        cuda::form_factors(Queue{*this}, blocks, direction, move.philox,
                           reinterpret_cast<std::int64_t*>(workspace_.of(blocks.size() * sizeof(std::int64_t))), factors);
    }

  private:
    struct Queue {
        const Backend& backend;

        template <class Task>
        void run(std::uint64_t threads, const Task& task) const {
            static_assert(sizeof(Task) + sizeof threads <= 32764, "a kernel's parameters");
            const auto grid = static_cast<unsigned>((threads + Tuning::threads - 1) / Tuning::threads);
            run_task<<<grid, Tuning::threads, 0, backend.stream_>>>(task, threads);
            require_success(cudaGetLastError(), "launching what a direction forms");
        }
        template <class Storage, class Operation, class Kernel>
        void traverse(Launch<Operation>& launch, const Kernel& kernel) const {
            backend.template start<Storage>(launch, kernel);
        }
    };

    template <class Storage, class Operation, class Kernel>
    void start(Launch<Operation>& launch, const Kernel& direction) const {
        static_assert(sizeof(Launch<Operation>) + sizeof(Kernel) <= 32764, "a kernel's parameters");
        static_assert(Launch<Operation>::result_bytes <= Tuning::result_bytes);
        std::byte* const on_host = launch.results;
        launch.results = results_.data();
        if constexpr (has_results<Operation>) {
            copy(launch.results, on_host, launch.result_bytes, cudaMemcpyHostToDevice);
        }
        const std::uint64_t most = static_cast<std::uint64_t>(multiprocessors_) * Tuning::blocks_per_multiprocessor;
        const auto grid = static_cast<unsigned>(launch.chunks() < most ? launch.chunks() : most);
        std::size_t shared = 0;
        if constexpr (requires { direction.shared(); }) {
            shared = direction.shared() * sizeof(float);
        }
        traverse_chunks<Storage><<<grid, Tuning::threads, shared, stream_>>>(launch, direction);
        require_success(cudaGetLastError(), "launching a traversal");
        if constexpr (has_results<Operation>) {
            copy(on_host, launch.results, launch.result_bytes, cudaMemcpyDeviceToHost);
            require_success(cudaStreamSynchronize(stream_), "waiting for a traversal's results");
        }
        launch.results = on_host;
    }

    void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) const {
        require_success(cudaMemcpyAsync(to, from, bytes, kind, stream_), "copying a traversal's results");
    }

    cudaStream_t stream_ = nullptr;
    int device_ = 0;
    int multiprocessors_ = 0;
    /// A launch's results.
    StateMemory results_{};
    mutable Workspace workspace_{};
};

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
    [[nodiscard]] DeviceBitMask mask() const& noexcept { return {{{words_.data(), words_.size()}, host_.blocks}}; }
    DeviceBitMask mask() && = delete;
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
