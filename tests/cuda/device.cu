// On a machine with a device: what it makes of weights against the reference, bit by bit. Exits with 4 where there is none.

#include <zeroth/cuda/backend.cuh>
#include <zeroth/zeroth.hpp>

#include <cstdio>
#include <cstring>
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
    std::vector<Move<Operation::coefficients>> moves;
    for (int k = 0; k < count; ++k) {
        Move<Operation::coefficients> move{Key{11, 5, static_cast<std::uint32_t>(k)}, {}};
        for (int c = 0; c < Operation::coefficients; ++c) {
            move.coefficient[c] = (k % 2 == 0 ? 1e-3 : -7e-4) * (1 + k + 0.3 * c);
        }
        moves.push_back(move);
    }
    using Moves = std::span<const Move<Operation::coefficients>>;
    Reference{}.traverse(blocks_of(expected.data()), D{}, Moves{moves}, operation);
    cuda::Backend<ScalarTypes<T>>{}.traverse(blocks_of(static_cast<T*>(memory.data())), D{}, Moves{moves}, operation);
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

template <class T>
void check_type(const char* what) {
    check_direction<T, Gaussian>(what);
    check_direction<T, Rademacher>(what);
    check_direction<T, Uniform>(what);
    check<T, Gaussian>(what, 100001, 1, 2, UpdateInPlace<LinearMove>{{0.999, -0.5, Key{1, 2, 3}}});
    check<T, Gaussian>(what, 100001, 1, 2, UpdateInPlace<SignMove>{{0.999, -0.5, Key{1, 2, 3}}});
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
    std::printf(failures == 0 ? "the device gives the reference's bits\n" : "%d traversals differ\n", failures);
    return failures == 0 ? 0 : 1;
}
