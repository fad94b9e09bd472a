#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/cuda/pack.cuh>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/key.hpp>
#include <zeroth/random/philox.hpp>
#include <zeroth/random/scalar_lanes.hpp>

#include <cstdint>
#include <cstring>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Elementwise arithmetic on a few consecutive elements in one thread, on host and device; each function gives ScalarLanes' bits in every
/// lane, a NaN's payload apart.
template <int Width>
struct Lanes {
    static constexpr int width = Width;
    static_assert(tile_lanes % Width == 0);
    /// For what a thread forms beside its registers.
    using Narrow = ScalarLanes;

    using Float = Pack<float, Width>;
    using Word = Pack<std::uint32_t, Width>;
    template <class Compute>
    using Real = Pack<Compute, Width>;

    ZEROTH_INLINE static Float broadcast(float x) noexcept {
        return Float::of([&](int) { return x; });
    }
    ZEROTH_INLINE static Word broadcast_word(std::uint32_t x) noexcept {
        return Word::of([&](int) { return x; });
    }
    template <class Compute>
    ZEROTH_INLINE static Real<Compute> broadcast_real(double x) noexcept {
        const auto rounded = static_cast<Compute>(x);
        return Real<Compute>::of([&](int) { return rounded; });
    }
    template <class Compute>
    ZEROTH_INLINE static Real<Compute> widen(const Float& x) noexcept {
        return Real<Compute>::of([&](int l) { return static_cast<Compute>(x.lane[l]); });
    }
    ZEROTH_INLINE static Float load(const float* from) noexcept {
        return Float::of([&](int l) { return from[l]; });
    }
    ZEROTH_INLINE static void store(float* to, const Float& x) noexcept {
        ZEROTH_UNROLL
        for (int l = 0; l < Width; ++l) {
            to[l] = x.lane[l];
        }
    }

    ZEROTH_INLINE static Word bits(const Float& x) noexcept {
        return Word::of([&](int l) { return ScalarLanes::bits(x.lane[l]); });
    }
    ZEROTH_INLINE static Float from_bits(const Word& x) noexcept {
        return Float::of([&](int l) { return ScalarLanes::from_bits(x.lane[l]); });
    }
    template <int Count>
    ZEROTH_INLINE static Word shift_left(const Word& x) noexcept {
        return Word::of([&](int l) { return x.lane[l] << Count; });
    }
    template <int Count>
    ZEROTH_INLINE static Word shift_right(const Word& x) noexcept {
        return Word::of([&](int l) { return x.lane[l] >> Count; });
    }
    ZEROTH_INLINE static Float signed_to_float(const Word& x) noexcept {
        return Float::of([&](int l) { return ScalarLanes::signed_to_float(x.lane[l]); });
    }
    ZEROTH_INLINE static Word iota(std::uint32_t first) noexcept {
        return Word::of([&](int l) { return first + static_cast<std::uint32_t>(l); });
    }
    ZEROTH_INLINE static Word lane_bits() noexcept {
        return Word::of([](int l) { return std::uint32_t{1} << l; });
    }

    template <class T>
    ZEROTH_INLINE static Pack<T, Width> product(const Pack<T, Width>& a, const Pack<T, Width>& b) noexcept {
        return a * b;
    }
    template <class T>
    ZEROTH_INLINE static Pack<T, Width> sum_with_exact_product(const Pack<T, Width>& a, const Pack<T, Width>& b,
                                                               const Pack<T, Width>& c) noexcept {
        return Pack<T, Width>::of([&](int l) { return ScalarLanes::sum_with_exact_product(a.lane[l], b.lane[l], c.lane[l]); });
    }
    ZEROTH_INLINE static Float fma(const Float& a, const Float& b, const Float& c) noexcept {
        return Float::of([&](int l) { return ScalarLanes::fma(a.lane[l], b.lane[l], c.lane[l]); });
    }
    ZEROTH_INLINE static Float sqrt(const Float& x) noexcept { return square_root(x); }
    template <class T>
    ZEROTH_INLINE static Pack<T, Width> square_root(const Pack<T, Width>& x) noexcept {
        return Pack<T, Width>::of([&](int l) { return ScalarLanes::square_root(x.lane[l]); });
    }
    template <class T>
    ZEROTH_INLINE static Pack<T, Width> quotient(const Pack<T, Width>& a, const Pack<T, Width>& b) noexcept {
        return Pack<T, Width>::of([&](int l) { return ScalarLanes::quotient(a.lane[l], b.lane[l]); });
    }
    ZEROTH_INLINE static Float where_nan(const Float& x, const Float& a, const Float& b) noexcept {
        return Float::of([&](int l) { return ScalarLanes::where_nan(x.lane[l], a.lane[l], b.lane[l]); });
    }
    template <class T>
    ZEROTH_INLINE static Pack<T, Width> sign(const Pack<T, Width>& x) noexcept {
        return Pack<T, Width>::of([&](int l) { return ScalarLanes::sign(x.lane[l]); });
    }
    template <class T>
    ZEROTH_INLINE static Pack<T, Width> abs(const Pack<T, Width>& x) noexcept {
        return Pack<T, Width>::of([&](int l) { return ScalarLanes::abs(x.lane[l]); });
    }
    template <class T>
    ZEROTH_INLINE static Pack<T, Width> larger(const Pack<T, Width>& a, const Pack<T, Width>& b) noexcept {
        return Pack<T, Width>::of([&](int l) { return ScalarLanes::larger(a.lane[l], b.lane[l]); });
    }
    template <class T>
    ZEROTH_INLINE static Pack<T, Width> smaller(const Pack<T, Width>& a, const Pack<T, Width>& b) noexcept {
        return Pack<T, Width>::of([&](int l) { return ScalarLanes::smaller(a.lane[l], b.lane[l]); });
    }
    template <class T>
    ZEROTH_INLINE static T reduce_max(const Pack<T, Width>& x) noexcept {
        T result = x.lane[0];
        ZEROTH_UNROLL
        for (int l = 1; l < Width; ++l) {
            result = ScalarLanes::larger(result, x.lane[l]);
        }
        return result;
    }
    template <class T>
    ZEROTH_INLINE static T reduce_add(const Pack<T, Width>& x) noexcept {
        T result = x.lane[0];
        ZEROTH_UNROLL
        for (int l = 1; l < Width; ++l) {
            result = rounded_sum(result, x.lane[l]);
        }
        return result;
    }

    template <int Rounds, int N>
    ZEROTH_INLINE static void philox(const PhiloxBits* const (&bits)[N], const std::uint64_t (&counters)[N], Word (&out)[N][4]) noexcept {
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            ZEROTH_UNROLL
            for (int l = 0; l < Width; ++l) {
                const std::uint64_t counter = counters[n] + static_cast<std::uint64_t>(l);
                const PhiloxWords words = philox4x32<Rounds>(counter_words(counter, bits[n]->hash), bits[n]->key);
                ZEROTH_UNROLL
                for (int k = 0; k < 4; ++k) {
                    out[n][k].lane[l] = words.word[k];
                }
            }
        }
    }
};

} // namespace cuda

/// A pack is loaded and stored in one instruction where its address is a multiple of its bytes, else element by element.
template <int Width, class Storage>
struct Access<cuda::Lanes<Width>, Storage> {
    using Compute = ComputeType<Storage>;
    using Register = cuda::Pack<Compute, Width>;
    using Word = cuda::Pack<std::uint32_t, Width>;

    ZEROTH_INLINE static Register load(const Storage* from) noexcept {
        return is_aligned(from) ? values(load_stored(from)) : load_some(from, Width);
    }
    ZEROTH_INLINE static void store(Storage* to, const Register& x) noexcept {
        if (is_aligned(to)) {
            store_stored(to, stored(storable(x)));
        } else {
            store_some(to, x, Width);
        }
    }
    ZEROTH_INLINE static void store_upper(Storage* to, const Word& bits) noexcept {
        Stored upper{};
        ZEROTH_UNROLL
        for (int l = 0; l < Width; ++l) {
            put(upper, l, bits.lane[l] >> 16);
        }
        if (is_aligned(to)) {
            store_stored(to, upper);
        } else {
            ZEROTH_UNROLL
            for (int l = 0; l < Width; ++l) {
                store_one(to + l, __builtin_bit_cast(Storage, static_cast<std::uint16_t>(bits.lane[l] >> 16)));
            }
        }
    }
    ZEROTH_INLINE static Register load_some(const Storage* from, int count) noexcept {
        return Register::of([&](int l) { return l < count ? static_cast<Compute>(load_one(from + l)) : Compute{0}; });
    }
    ZEROTH_INLINE static void store_some(Storage* to, const Register& x, int count) noexcept {
        const Register held = storable(x);
        ZEROTH_UNROLL
        for (int l = 0; l < Width; ++l) {
            if (l < count) {
                store_one(to + l, Storage{held.lane[l]});
            }
        }
    }

  private:
    ZEROTH_INLINE static Register storable(const Register& x) noexcept {
        if constexpr (std::is_same_v<Storage, float16>) {
            return saturated_float16<cuda::Lanes<Width>>(x);
        } else {
            return x;
        }
    }

    static constexpr int bytes = Width * static_cast<int>(sizeof(Storage));
    static_assert(bytes % 4 == 0);

    /// The bytes of a pack as it is stored, the lowest first.
    struct alignas(bytes < 16 ? bytes : 16) Stored {
        std::uint32_t word[bytes / 4];
    };

    ZEROTH_INLINE static bool is_aligned(const Storage* at) noexcept {
        return reinterpret_cast<std::uintptr_t>(at) % alignof(Stored) == 0;
    }
    /// On the host through its bytes: the user's type may be another one with the same bits. A device has instructions for an element.
    ZEROTH_INLINE static Storage load_one(const Storage* from) noexcept {
#if defined(__CUDA_ARCH__)
        return *from;
#else
        Storage result;
        std::memcpy(&result, from, sizeof(Storage));
        return result;
#endif
    }
    ZEROTH_INLINE static void store_one(Storage* to, Storage x) noexcept {
#if defined(__CUDA_ARCH__)
        *to = x;
#else
        std::memcpy(static_cast<void*>(to), &x, sizeof(Storage));
#endif
    }
    ZEROTH_INLINE static Stored load_stored(const Storage* from) noexcept {
#if defined(__CUDA_ARCH__)
        return *reinterpret_cast<const Stored*>(from);
#else
        Stored result;
        std::memcpy(&result, from, sizeof(Stored));
        return result;
#endif
    }
    ZEROTH_INLINE static void store_stored(Storage* to, const Stored& x) noexcept {
#if defined(__CUDA_ARCH__)
        *reinterpret_cast<Stored*>(to) = x;
#else
        std::memcpy(static_cast<void*>(to), &x, sizeof(Stored));
#endif
    }

    // A function: nvcc 13.0 fails where a constant is initialised with the bits of an array's element.
    ZEROTH_INLINE static std::uint64_t bits_of(double x) noexcept { return __builtin_bit_cast(std::uint64_t, x); }
    /// The bits of element l, for storage of 16 or 32 bits.
    ZEROTH_INLINE static void put(Stored& to, int l, std::uint32_t bits) noexcept {
        if constexpr (sizeof(Storage) == 2) {
            to.word[l / 2] |= bits << (l % 2 * 16);
        } else {
            to.word[l] = bits;
        }
    }
    ZEROTH_INLINE static Register values(const Stored& from) noexcept {
        return Register::of([&](int l) -> Compute {
            if constexpr (sizeof(Storage) == 2) {
                return static_cast<Compute>(__builtin_bit_cast(Storage, static_cast<std::uint16_t>(from.word[l / 2] >> (l % 2 * 16))));
            } else if constexpr (sizeof(Storage) == 4) {
                return __builtin_bit_cast(Storage, from.word[l]);
            } else {
                return __builtin_bit_cast(Storage, std::uint64_t{from.word[2 * l]} | std::uint64_t{from.word[2 * l + 1]} << 32);
            }
        });
    }
    ZEROTH_INLINE static Stored stored(const Register& x) noexcept {
        Stored result{};
        ZEROTH_UNROLL
        for (int l = 0; l < Width; ++l) {
            if constexpr (sizeof(Storage) == 2) {
                put(result, l, __builtin_bit_cast(std::uint16_t, Storage{x.lane[l]}));
            } else if constexpr (sizeof(Storage) == 4) {
                put(result, l, __builtin_bit_cast(std::uint32_t, x.lane[l]));
            } else {
                const std::uint64_t bits = bits_of(x.lane[l]);
                result.word[2 * l] = static_cast<std::uint32_t>(bits);
                result.word[2 * l + 1] = static_cast<std::uint32_t>(bits >> 32);
            }
        }
        return result;
    }
};

ZEROTH_END_NAMESPACE
