#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/backends/simd_lanes.hpp>
#include <zeroth/backends/simd_registers.hpp>

#include <cstddef>
#include <cstring>
#include <type_traits>

#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX512F__)
// As in simd_lanes.hpp.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

ZEROTH_BEGIN_NAMESPACE

/// Loads and stores of an xsimd architecture: each number as Access<ScalarLanes, Storage> has it.
template <class Arch, class Storage>
struct Access<SimdLanes<Arch>, Storage> {
    using Lanes = SimdLanes<Arch>;
    using Register = typename Lanes::template Real<ComputeType<Storage>>;

    ZEROTH_INLINE static Register load(const Storage* from) noexcept {
        if constexpr (std::is_same_v<Storage, float>) {
            return Register::load_unaligned(from);
        } else if constexpr (std::is_same_v<Storage, double>) {
            using Half = typename Register::Half;
            return {Half::load_unaligned(from), Half::load_unaligned(from + Half::size)};
        } else if constexpr (std::is_same_v<Storage, bfloat16>) {
            return load_bfloat16(from);
        } else {
            return load_float16(from);
        }
    }
    ZEROTH_INLINE static void store(Storage* to, const Register& x) noexcept {
        if constexpr (std::is_same_v<Storage, float>) {
            x.store_unaligned(to);
        } else if constexpr (std::is_same_v<Storage, double>) {
            x.low.store_unaligned(to);
            x.high.store_unaligned(to + Register::Half::size);
        } else if constexpr (std::is_same_v<Storage, bfloat16>) {
            store_bfloat16(to, x);
        } else {
            store_float16(to, saturated_float16<Lanes>(x));
        }
    }
    ZEROTH_INLINE static void store_upper(Storage* to, const typename Lanes::Word& bits) noexcept {
        if constexpr (has_upper) {
            registers::store_upper(to, WordRegister(bits));
        } else {
            registers::store_16(to, WordRegister(bits >> 16));
        }
    }
    ZEROTH_INLINE static Register load_some(const Storage* from, int count) noexcept {
        if constexpr (requires { registers::load_first(FloatRegister{}, from, count); }) {
            return Float(registers::load_first(FloatRegister{}, from, count));
        } else {
            Storage buffer[Lanes::width] = {};
            std::memcpy(static_cast<void*>(buffer), from, static_cast<std::size_t>(count) * sizeof(Storage));
            return load(buffer);
        }
    }
    ZEROTH_INLINE static void store_some(Storage* to, const Register& x, int count) noexcept {
        if constexpr (requires { registers::store_first(to, FloatRegister(x), count); }) {
            registers::store_first(to, FloatRegister(x), count);
        } else {
            Storage buffer[Lanes::width];
            store(buffer, x);
            std::memcpy(static_cast<void*>(to), buffer, static_cast<std::size_t>(count) * sizeof(Storage));
        }
    }

  private:
    using Float = typename Lanes::Float;
    using Word = typename Lanes::Word;
    using FloatRegister = typename Float::register_type;
    using WordRegister = typename Word::register_type;

    static constexpr bool has_upper = requires(WordRegister x) { registers::load_upper(x, nullptr); };

    ZEROTH_INLINE static Float load_bfloat16(const Storage* from) noexcept {
        if constexpr (has_upper) {
            return Lanes::from_bits(Word(registers::load_upper(WordRegister{}, from)));
        } else {
            return Lanes::from_bits(Word(registers::load_16(WordRegister{}, from)) << 16);
        }
    }
    ZEROTH_INLINE static void store_bfloat16(Storage* to, const Float& x) noexcept {
        if constexpr (has_upper) {
            registers::store_upper(to, registers::nearest_upper(FloatRegister(x)));
        } else {
            const Word bits = Lanes::bits(x);
            const Word upper = bits >> 16;
            const Word rounded = (bits + Word(0x7FFFu) + (upper & Word(1u))) >> 16;
            const Word quiet = upper | Word(0x40u);
            // xsimd 8.1's select of words does not compile for AVX-512 without optimisation; that of floats does.
            registers::store_16(to, WordRegister(Lanes::bits(Lanes::where_nan(x, Lanes::from_bits(quiet), Lanes::from_bits(rounded)))));
        }
    }
    ZEROTH_INLINE static Float load_float16(const Storage* from) noexcept {
#if defined(__F16C__) || defined(__aarch64__)
        return Float(registers::load_half(FloatRegister{}, from));
#else
        float lane[Lanes::width];
        for (int l = 0; l < Lanes::width; ++l) {
            lane[l] = from[l];
        }
        return Float::load_unaligned(lane);
#endif
    }
    ZEROTH_INLINE static void store_float16(Storage* to, const Float& x) noexcept {
#if defined(__F16C__) || defined(__aarch64__)
        registers::store_half(to, FloatRegister(x));
#else
        float lane[Lanes::width];
        x.store_unaligned(lane);
        for (int l = 0; l < Lanes::width; ++l) {
            to[l] = Storage{lane[l]};
        }
#endif
    }
};

ZEROTH_END_NAMESPACE

#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX512F__)
#pragma GCC diagnostic pop
#endif
