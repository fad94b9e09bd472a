/// Traversals of weights in a device's memory, in turn with a copy of as many bytes within it: the least that takes their traffic. Times are
/// the device's, between events on the stream. Without a device it says so and measures nothing.

#include "increment.hpp"

#include <zeroth/cuda/backend.cuh>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using zeroth::cuda::require_success;

/// Weights in the device's memory, all 0; each tensor begins at a multiple of 256 bytes, as cudaMalloc's do.
template <class Storage>
class Weights {
  public:
    Weights(std::size_t tensors, std::uint64_t size) : Weights(std::vector<std::uint64_t>(tensors, size)) {}
    explicit Weights(const std::vector<std::uint64_t>& sizes) {
        for (const std::uint64_t size : sizes) {
            bytes_ += spaced(size);
        }
        require_success(cudaMalloc(&data_, bytes_), "cudaMalloc");
        require_success(cudaMemset(data_, 0, bytes_), "cudaMemset");
        std::uint64_t before = 0;
        for (const std::uint64_t size : sizes) {
            parameters_.add("tensor " + std::to_string(parameters_.blocks().size()),
                            std::span{reinterpret_cast<Storage*>(static_cast<char*>(data_) + before), size}, {}, {.space = zeroth::MemorySpace::device});
            before += spaced(size);
        }
    }
    Weights(const Weights&) = delete;
    Weights& operator=(const Weights&) = delete;
    ~Weights() { static_cast<void>(cudaFree(data_)); }

    [[nodiscard]] std::span<const zeroth::Block> blocks() const noexcept { return parameters_.blocks(); }
    [[nodiscard]] std::size_t size() const noexcept { return parameters_.size(); }

    /// Half of them over the other half, twice: every byte of the memory's is read once and written once, as by a traversal.
    void copy() const {
        char* const second = static_cast<char*>(data_) + bytes_ / 2;
        for (int i = 0; i < 2; ++i) {
            require_success(cudaMemcpyAsync(data_, second, bytes_ / 2, cudaMemcpyDeviceToDevice), "cudaMemcpyAsync");
        }
    }

  private:
    static std::uint64_t spaced(std::uint64_t size) { return (size * sizeof(Storage) + 255) / 256 * 256; }

    void* data_ = nullptr;
    std::uint64_t bytes_ = 0;
    zeroth::Parameters parameters_;
};

/// Whether so many bytes fit; else the benchmark says why it is left out.
bool fits(benchmark::State& state, std::uint64_t bytes) {
    std::size_t available = 0;
    std::size_t all = 0;
    require_success(cudaMemGetInfo(&available, &all), "cudaMemGetInfo");
    if (bytes + (std::uint64_t{1} << 28) > available) {
        state.SkipWithError("the device has too little memory for it");
        return false;
    }
    return true;
}

class Timer {
  public:
    Timer() {
        require_success(cudaEventCreate(&begin_), "cudaEventCreate");
        require_success(cudaEventCreate(&end_), "cudaEventCreate");
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() {
        static_cast<void>(cudaEventDestroy(begin_));
        static_cast<void>(cudaEventDestroy(end_));
    }

    /// Seconds that the device takes for what `work` starts on the default stream.
    template <class Work>
    double operator()(const Work& work) const {
        require_success(cudaEventRecord(begin_), "cudaEventRecord");
        work();
        require_success(cudaEventRecord(end_), "cudaEventRecord");
        require_success(cudaEventSynchronize(end_), "cudaEventSynchronize");
        float milliseconds = 0;
        require_success(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
        return 1e-3 * static_cast<double>(milliseconds);
    }

  private:
    cudaEvent_t begin_ = nullptr;
    cudaEvent_t end_ = nullptr;
};

constexpr zeroth::Key key{1, 2, 0};

template <class Direction, class Storage>
class Traversals {
  public:
    explicit Traversals(const Weights<Storage>& weights) : weights_{weights}, rays_{Direction{}, weights.blocks(), 1, backend_} {}

    void displace(double by) { traverse(by, zeroth::Displace{}); }
    /// Those of a two-sided step: to one side, to the other, and back with the update.
    void step() {
        displace(1e-3);
        displace(-2e-3);
        traverse(1e-3 - 1e-6, zeroth::DisplaceBase{key});
    }

  private:
    using Backend = zeroth::cuda::Backend<zeroth::ScalarTypes<Storage>>;
    using Rays = zeroth::RaysOf<Direction, Backend>;
    using Ray = zeroth::RayIn<Rays>;

    template <class Operation>
    void traverse(double coefficient, const Operation& operation) {
        rays_.prepare({&key, 1}, weights_.blocks(), backend_);
        backend_.traverse(zeroth::Traversal{weights_.blocks(), operation,
                                            zeroth::Moves<Ray>{zeroth::RaysView<Ray>{rays_, 1}, &coefficient, 1}});
    }

    const Weights<Storage>& weights_;
    Backend backend_{};
    Rays rays_;
};

/// One traversal of 4 GB of weights.
template <class Direction, class Storage>
void cuda_displace(benchmark::State& state) {
    constexpr std::uint64_t bytes = std::uint64_t{1} << 32;
    if (!fits(state, bytes)) {
        return;
    }
    const Weights<Storage> weights{1, bytes / sizeof(Storage)};
    Traversals<Direction, Storage> traversals{weights};
    const Timer timer;
    double by = 1e-3;
    bench::Rounds rounds{state, [&] { return timer([&] { weights.copy(); }); }, [&] {
                             by = -by;
                             return timer([&] { traversals.displace(by); });
                         }};
    rounds.report(state, weights.size(), 1, "copy");
    state.counters["bytes_element"] = sizeof(Storage);
}

/// The traversals of a step over 200 tensors of 4,096 weights, in turn with those over one tensor of as many.
template <class Direction>
void cuda_small(benchmark::State& state) {
    constexpr std::size_t tensors = 200;
    constexpr std::uint64_t size = 4096;
    const Weights<float> many{tensors, size};
    const Weights<float> one{1, tensors * size};
    Traversals<Direction, float> over_many{many};
    Traversals<Direction, float> over_one{one};
    const Timer timer;
    bench::Rounds rounds{state, [&] { return timer([&] { over_one.step(); }); }, [&] { return timer([&] { over_many.step(); }); }};
    rounds.report(state, many.size(), 1, "one");
}

/// The tensors of Llama-2-7B: 6,738,415,616 parameters.
std::vector<std::uint64_t> llama_7b() {
    constexpr std::uint64_t width = 4096;
    std::vector<std::uint64_t> sizes{32000 * width, width, 32000 * width};
    for (int layer = 0; layer < 32; ++layer) {
        sizes.insert(sizes.end(), 4, width * width);
        sizes.insert(sizes.end(), 3, width * 11008);
        sizes.insert(sizes.end(), 2, width);
    }
    return sizes;
}

/// The traversals of a step over 7 billion weights in bfloat16: 13.5 GB.
template <class Direction>
void cuda_7b(benchmark::State& state) {
    if (!fits(state, std::uint64_t{6738415616} * sizeof(zeroth::bfloat16))) {
        return;
    }
    const Weights<zeroth::bfloat16> weights{llama_7b()};
    Traversals<Direction, zeroth::bfloat16> traversals{weights};
    const Timer timer;
    bench::Rounds rounds{state, [&] { return timer([&] { weights.copy(); }); }, [&] { return timer([&] { traversals.step(); }); }};
    rounds.report(state, weights.size(), 3, "copy");
}

using zeroth::bfloat16;
using zeroth::Gaussian;
using zeroth::Rademacher;
using zeroth::ReusePool;
using zeroth::Uniform;

BENCHMARK(cuda_displace<Rademacher, float>)->Iterations(51)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_displace<Uniform, float>)->Iterations(51)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_displace<ReusePool, float>)->Iterations(51)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_displace<Gaussian, float>)->Iterations(51)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_displace<Rademacher, bfloat16>)->Iterations(51)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_displace<Uniform, bfloat16>)->Iterations(51)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_displace<ReusePool, bfloat16>)->Iterations(51)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_displace<Gaussian, bfloat16>)->Iterations(51)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_small<Rademacher>)->Iterations(301)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(cuda_small<Gaussian>)->Iterations(301)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(cuda_7b<Rademacher>)->Iterations(11)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cuda_7b<Gaussian>)->Iterations(11)->UseManualTime()->Unit(benchmark::kMillisecond);

/// "NVIDIA H200 (132 multiprocessors, 141 GB), CUDA 13.0"
std::string name_of_device() {
    int device = 0;
    int version = 0;
    cudaDeviceProp properties{};
    require_success(cudaGetDevice(&device), "cudaGetDevice");
    require_success(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    require_success(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
    return std::string{properties.name} + " (" + std::to_string(properties.multiProcessorCount) + " multiprocessors, " +
           std::to_string((properties.totalGlobalMem + 500000000) / 1000000000) + " GB), CUDA " + std::to_string(version / 1000) + "." +
           std::to_string(version % 1000 / 10);
}

} // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        std::puts("bench: there is no CUDA device; its rows are left out");
        return 0;
    }
    benchmark::AddCustomContext("device", name_of_device());
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
