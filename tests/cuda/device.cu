// On a machine with a device: what it makes of weights against the reference, bit by bit. Exits with 4 where there is none.

#include "../prepared.hpp"
#include "../rates.hpp"

#include <zeroth/cuda/backend.cuh>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/directions/coordinate.hpp>
#include <zeroth/directions/scaled.hpp>
#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/zeroth.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace zeroth;

int failures = 0;

template <class T>
std::vector<T> weights(std::size_t n) {
    std::vector<T> w(n);
    for (std::size_t i = 0; i < n; ++i) {
        w[i] = T(static_cast<float>(static_cast<int>(i * 7919 % 1009) - 504) * 0.001f);
    }
    return w;
}

/// Memory of the device's.
class DeviceMemory {
  public:
    explicit DeviceMemory(std::size_t bytes) { cuda::require_success(cudaMalloc(&data_, bytes), "cudaMalloc"); }
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;
    ~DeviceMemory() { static_cast<void>(cudaFree(data_)); }
    [[nodiscard]] void* data() const noexcept { return data_; }

  private:
    void* data_ = nullptr;
};

/// Two tensors of n and n / 2 + 1 weights, `offset` elements from an aligned address, moved by both backends.
template <class T, class D, class Operation>
void check(const char* what, std::size_t n, std::size_t offset, int count, const Operation& operation) {
    const std::size_t total = n + n / 2 + 1 + offset;
    std::vector<T> expected = weights<T>(total);
    DeviceMemory memory{total * sizeof(T)};
    cuda::require_success(cudaMemcpy(memory.data(), expected.data(), total * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
    const auto blocks_of = [&](T* w) {
        return std::vector<Block>{{"first", w + offset, scalar_traits<T>::type, {hash_name("first"), n, 1}},
                                  {"second", w + offset + n, scalar_traits<T>::type, {hash_name("second"), n / 2 + 1, 1}}};
    };
    std::vector<Key> keys;
    std::vector<double> rows;
    for (int k = 0; k < count; ++k) {
        keys.push_back(Key{11, 5, static_cast<std::uint32_t>(k)});
        for (int c = 0; c < Operation::coefficients; ++c) {
            rows.push_back((k % 2 == 0 ? 1e-3 : -7e-4) * (1 + k + 0.3 * c));
        }
    }
    zeroth_test::traverse(Reference{}, blocks_of(expected.data()), D{}, keys, rows, operation);
    zeroth_test::traverse(cuda::Backend<ScalarTypes<T>>{}, blocks_of(static_cast<T*>(memory.data())), D{}, keys, rows, operation);
    std::vector<T> result(total);
    cuda::require_success(cudaMemcpy(result.data(), memory.data(), total * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    if (std::memcmp(result.data(), expected.data(), total * sizeof(T)) != 0) {
        std::printf("FAIL %s: %zu elements, offset %zu, %d moves\n", what, n, offset, count);
        ++failures;
    }
}

template <class T, class D>
void check_direction(const char* what) {
    for (const std::size_t n : {0, 1, 7, 129, 8191, 8192, 100001, 3000001}) {
        for (const std::size_t offset : {0, 1, 4}) {
            for (const int count : {0, 1, 3}) {
                check<T, D>(what, n, offset, count, DisplaceBase{Key{1, 2, 3}});
            }
        }
    }
}

/// What a reduction finds in tensors of up to n weights, one of them without any.
template <class T>
void check_scale(const char* what, std::size_t n, bool poisoned) {
    std::vector<T> w = weights<T>(2 * n + 1);
    if (poisoned) {
        w[n / 2] = T(-std::numeric_limits<float>::infinity());
    }
    DeviceMemory memory{w.size() * sizeof(T)};
    cuda::require_success(cudaMemcpy(memory.data(), w.data(), w.size() * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
    const auto blocks_of = [&](T* at, MemorySpace space) {
        return std::vector<Block>{{"a", at + 1, scalar_traits<T>::type, {hash_name("a"), n, 1}, {.space = space}},
                                  {"b", at, scalar_traits<T>::type, {hash_name("b"), 0, 1}, {.space = space}},
                                  {"c", at + n + 1, scalar_traits<T>::type, {hash_name("c"), n, 1}, {.space = space}}};
    };
    const WeightScale expected{blocks_of(w.data(), MemorySpace::host), Reference{}};
    const WeightScale scale{blocks_of(static_cast<T*>(memory.data()), MemorySpace::device), cuda::Backend<ScalarTypes<T>>{}};
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    bool equal = same(scale.of_all, expected.of_all) && std::isnan(scale.of_all) == poisoned;
    for (std::size_t b = 0; b < 3; ++b) {
        equal = equal && same(scale.of_block[b], expected.of_block[b]);
    }
    if (!equal) {
        std::printf("FAIL %s: the scale of %zu elements\n", what, n);
        ++failures;
    }
}

/// The weights after some steps of an optimizer, by a backend of the host's or the device's; before one of the steps it may be saved, for
/// another one to go on with its state.
template <class T, class B, class E, class Rule, class Restore>
std::vector<T> run_steps(const B& backend, const E& estimator, const Rule& rule, const Restore& restore, int stop = -1) {
    std::vector<T> w = weights<T>(70001);
    const std::size_t bytes = w.size() * sizeof(T);
    DeviceMemory memory{bytes};
    cuda::require_success(cudaMemcpy(memory.data(), w.data(), bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
    constexpr bool on_device = memory_space_of<B> == MemorySpace::device;
    T* const at = on_device ? static_cast<T*>(memory.data()) : w.data();
    const auto fetch = [&] {
        if (on_device) {
            cuda::require_success(cudaMemcpy(w.data(), at, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
        }
    };
    {
        Parameters parameters;
        parameters.add("first", std::span{at + 1, 60000}, {}, {.space = memory_space_of<B>});
        parameters.add("second", std::span{at + 60001, 10000}, {}, {.space = memory_space_of<B>});
        const Settings<Restore> settings{.seed = 3, .restore = restore};
        Optimizer optimizer{parameters, estimator, rule, settings, backend};
        for (int step = 0; step < 5; ++step) {
            if (step == stop) {
                std::vector<std::byte> state;
                optimizer.save([&](std::span<const std::byte> piece) { state.insert(state.end(), piece.begin(), piece.end()); });
                const auto source = [&state, at = std::size_t{0}](std::span<std::byte> piece) mutable {
                    const std::size_t size = piece.size() < state.size() - at ? piece.size() : state.size() - at;
                    std::memcpy(piece.data(), state.data() + at, size);
                    at += size;
                    return size;
                };
                optimizer = Optimizer{parameters, estimator, rule, settings, backend, Resume{source}};
            }
            optimizer.step([&] {
                fetch();
                double sum = 0;
                for (const T& x : w) {
                    const double error = static_cast<double>(static_cast<float>(x)) - 0.1;
                    sum += error * error;
                }
                return sum;
            });
        }
    }
    fetch();
    return w;
}

template <class T, class Rule, class Restore = InPlace, class E = TwoSidedRge<>>
void check_rule(const char* what, const Rule& rule, const Restore& restore = {}, const E& estimator = {.epsilon = 1e-2, .queries = 2}) {
    const auto expected = run_steps<T>(Reference{}, estimator, rule, restore);
    const auto result = run_steps<T>(cuda::Backend<ScalarTypes<T>>{}, estimator, rule, restore);
    if (std::memcmp(result.data(), expected.data(), expected.size() * sizeof(T)) != 0) {
        std::printf("FAIL %s: steps of an optimizer, restoring %s\n", what, std::string{Restore::name}.c_str());
        ++failures;
    }
    const auto resumed = run_steps<T>(cuda::Backend<ScalarTypes<T>>{}, estimator, rule, restore, 3);
    if (std::memcmp(resumed.data(), expected.data(), expected.size() * sizeof(T)) != 0) {
        std::printf("FAIL %s: steps of an optimizer that was resumed, restoring %s\n", what, std::string{Restore::name}.c_str());
        ++failures;
    }
}

template <class T>
void check_type(const char* what) {
    for (const std::size_t n : {0, 1, 129, 8192, 3000001}) {
        check_scale<T>(what, n, false);
        check_scale<T>(what, n, n != 0);
    }
    check_rule<T>(what, Adam{.learning_rate = 1e-3});
    check_rule<T>(what, Momentum{.learning_rate = 1e-5, .weight_decay = 0.1}, Snapshot{});
    if constexpr (!has_16_bits<T>) {
        check_rule<T>(what, Adam{.learning_rate = 1e-3}, Exact{});
    }
    check_rule<T>(what, HizooSgd{.learning_rate = 1e-3, .smoothing = 0.05}, Snapshot{}, HizooRge<>{.epsilon = 1e-2, .queries = 2});
    check_direction<T, Gaussian>(what);
    check_direction<T, Rademacher>(what);
    check_direction<T, Uniform>(what);
    check<T, Gaussian>(what, 100001, 1, 2, UpdateInPlace<Descend<PlainStep>>{zeroth_test::some_rates.move(Key{1, 2, 3})});
    check<T, Gaussian>(what, 100001, 1, 2, UpdateInPlace<Descend<SignStep>>{zeroth_test::some_rates.move<SignStep>(Key{1, 2, 3})});
}

/// Tensors in the host's memory and in the device's, of the same names and shapes.
template <class T>
class TwoModels {
  public:
    explicit TwoModels(const std::vector<Shape>& shapes) : expected_{weights<T>(size_of(shapes))}, memory_{expected_.size() * sizeof(T)} {
        const std::size_t bytes = expected_.size() * sizeof(T);
        cuda::require_success(cudaMemcpy(memory_.data(), expected_.data(), bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
        std::size_t before = 0;
        for (std::size_t b = 0; b < shapes.size(); ++b) {
            const std::size_t size = shapes[b].rows * shapes[b].columns;
            const std::string name = std::string{"w"}.append(std::to_string(b));
            on_host.add(name, std::span{expected_}.subspan(before, size), shapes[b]);
            on_device.add(name, std::span{static_cast<T*>(memory_.data()) + before, size}, shapes[b], {.space = MemorySpace::device});
            before += size;
        }
    }
    void compare(const char* what) const {
        std::vector<T> result(expected_.size());
        cuda::require_success(cudaMemcpy(result.data(), memory_.data(), result.size() * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
        if (std::memcmp(result.data(), expected_.data(), result.size() * sizeof(T)) != 0) {
            std::printf("FAIL %s\n", what);
            ++failures;
        }
    }

    Parameters on_host{};
    Parameters on_device{};

  private:
    static std::size_t size_of(const std::vector<Shape>& shapes) {
        std::size_t size = 0;
        for (const Shape& shape : shapes) {
            size += shape.rows * shape.columns;
        }
        return size;
    }

    std::vector<T> expected_;
    DeviceMemory memory_;
};

/// Of rows longer and shorter than a register, a group of them and a tile; vectors; a large one; and more than a launch takes.
std::vector<Shape> model_shapes() {
    std::vector<Shape> shapes{{40, 64}, {64, 172}, {7, 37}, {700, 5}, {33, 16}, {1000, 3}, {2100, 1}, {5, 2500}, {1024, 4096}};
    shapes.insert(shapes.end(), 600, Shape{3, 7});
    return shapes;
}

/// A few steps of a cursor, each with two keys.
template <class D, class B>
void make_steps(Cursor<D, InPlace, B>& cursor) {
    for (std::uint64_t step = 0; step < 4; ++step) {
        const Key first{5, step, 0};
        const Key second{5, step, 1};
        cursor.stand_at(Term{first, 1e-2});
        cursor.stand_at(Term{second, -1e-2});
        cursor.update(zeroth_test::descend(0.999, -1e-3, Key{5, step, 2}), std::vector<Term>{{first, 0.5}, {second, -0.25}});
        cursor.settle();
    }
}

/// The same steps on host and device; on the device one after the other, and as one CUDA graph.
template <class T, class D>
void check_steps(const char* what, const D& direction) {
    using OnHost = Cursor<D, InPlace, Reference>;
    using Device = cuda::Backend<ScalarTypes<T>>;
    for (const bool in_graph : {false, true}) {
        TwoModels<T> models{model_shapes()};
        {
            OnHost cursor{models.on_host, direction, {}, Reference{}, 1e-2, 2, 2};
            make_steps(cursor);
        }
        cudaStream_t stream = nullptr;
        cuda::require_success(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
        {
            Cursor<D, InPlace, Device> cursor{models.on_device, direction, {}, Device{stream}, 1e-2, 2, 2};
            if (in_graph) {
                cudaGraph_t graph = nullptr;
                cudaGraphExec_t executable = nullptr;
                cuda::require_success(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
                make_steps(cursor);
                cuda::require_success(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
                cuda::require_success(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
                cuda::require_success(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
                cuda::require_success(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
                static_cast<void>(cudaGraphExecDestroy(executable));
                static_cast<void>(cudaGraphDestroy(graph));
            } else {
                make_steps(cursor);
                cuda::require_success(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
            }
        }
        static_cast<void>(cudaStreamDestroy(stream));
        models.compare(what);
    }
}

template <class T>
void check_directions() {
    const TwoModels<T> models{model_shapes()};
    check_steps<T>("ReusePool", ReusePool{});
    check_steps<T>("ReusePool drawn anew", ReusePool{.refresh_every = 2, .running_index = true});
    check_steps<T>("ReusePool too large to be shared", ReusePool{.index_bits = 14, .power_of_two = true});
    check_steps<T>("LfsrBank", LfsrBank{});
    check_steps<T>("MixedPool", MixedPool{});
    check_steps<T>("LowRank<2>", LowRank<2>{.refresh_every = 2});
    check_steps<T>("LowRank<5>", LowRank<5>{});
    check_steps<T>("Sphere", Sphere{});
    check_steps<T>("Coordinate", Coordinate{models.on_host, CoordinateOrder::random});
    check_steps<T>("Masked Gaussian", Masked{Gaussian{}, Bernoulli{.keep = 0.3, .refresh_every = 2}});
    check_steps<T>("Masked ReusePool", Masked{ReusePool{}, Bernoulli{.keep = 0.3}});
    check_steps<T>("Masked LowRank", Masked{LowRank<2>{}, Bernoulli{.keep = 0.3}});
    std::vector<double> scales;
    for (std::size_t b = 0; b < models.on_host.blocks().size(); ++b) {
        scales.push_back(0.5 + static_cast<double>(b) / 64);
    }
    check_steps<T>("Scaled ReusePool", Scaled{ReusePool{}, models.on_host, std::span<const double>{scales}});
}

/// Bits in the device's memory against the host's; few of them leave stretches alone.
template <class T>
void check_bits(double share) {
    TwoModels<T> models{model_shapes()};
    BitMasks masks{models.on_host};
    masks.keep_largest(share);
    const cuda::DeviceBits bits{masks.mask()};
    const std::vector<Key> keys{{1, 2, 0}, {1, 2, 1}};
    const std::vector<double> rows{1e-3, -2e-3};
    zeroth_test::traverse(Reference{}, models.on_host.blocks(), Masked{Rademacher{}, masks.mask()}, keys, rows, Displace{});
    zeroth_test::traverse(cuda::Backend<ScalarTypes<T>>{}, models.on_device.blocks(), Masked{Rademacher{}, bits.mask()}, keys, rows,
                          Displace{});
    models.compare("Masked with bits");
}

} // namespace

int main() {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        std::printf("SKIP: no CUDA device\n");
        return 4;
    }
    check_type<float>("float");
    check_type<double>("double");
    check_type<bfloat16>("bfloat16");
    check_type<float16>("float16");
    check_directions<float>();
    check_steps<bfloat16>("bfloat16 Masked ReusePool", Masked{ReusePool{.refresh_every = 2}, Bernoulli{.keep = 0.3}});
    check_steps<bfloat16>("bfloat16 LowRank", LowRank<2>{.refresh_every = 2});
    check_steps<double>("double Sphere", Sphere{});
    check_bits<float>(0.3);
    check_bits<float>(1e-4);
    check_bits<bfloat16>(0.3);
    std::printf(failures == 0 ? "the device gives the reference's bits\n" : "%d traversals differ\n", failures);
    return failures == 0 ? 0 : 1;
}
