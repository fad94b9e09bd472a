#pragma once

#include <zeroth/backends/between.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/scalar_lanes.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// Loads and stores of stored weights as registers of the type they are computed in; stores round to nearest even, and float16 saturates.
/// Specialised for each kind of lanes. load_some and store_some touch `count` < Lanes::width elements only.
template <class Lanes, class Storage>
struct Access;

/// A finite number beyond float16's largest becomes that one, 65,504: what a step forms may pass it, but is not to store an infinity.
template <class Lanes>
[[nodiscard]] ZEROTH_INLINE typename Lanes::Float saturated_float16(const typename Lanes::Float& x) noexcept {
    return Lanes::where_nan(x - x, x, between<Lanes, float>(x, Lanes::broadcast(65504.0f))); // infinities and NaN stay
}

template <class Storage>
struct Access<ScalarLanes, Storage> {
    using Compute = ComputeType<Storage>;

    ZEROTH_INLINE static Compute load(const Storage* from) noexcept {
        Storage stored; // through its bytes: the user's type may be another one with the same bits
        std::memcpy(&stored, from, sizeof(Storage));
        return static_cast<Compute>(stored);
    }
    ZEROTH_INLINE static void store(Storage* to, Compute x) noexcept {
        if constexpr (std::is_same_v<Storage, float16>) {
            x = saturated_float16<ScalarLanes>(x);
        }
        const Storage stored{x};
        std::memcpy(to, &stored, sizeof(Storage));
    }
    /// The upper half of each word: a bfloat16 of a float's bits.
    ZEROTH_INLINE static void store_upper(Storage* to, std::uint32_t bits) noexcept {
        const auto half = static_cast<std::uint16_t>(bits >> 16);
        std::memcpy(static_cast<void*>(to), &half, sizeof(Storage));
    }
    ZEROTH_INLINE static Compute load_some(const Storage* from, int) noexcept { return load(from); }
    ZEROTH_INLINE static void store_some(Storage* to, Compute x, int) noexcept { store(to, x); }
};

/// How many lanes of a register belong to the block: all of them (known to the compiler), or the first `count`.
template <class Lanes>
struct AllLanes {};
struct SomeLanes {
    int count;
};

template <class Lanes, class Storage>
ZEROTH_INLINE auto load(const Storage* from, AllLanes<Lanes>) noexcept {
    return Access<Lanes, Storage>::load(from);
}
template <class Lanes, class Storage>
ZEROTH_INLINE auto load(const Storage* from, SomeLanes lanes) noexcept {
    return lanes.count == Lanes::width ? Access<Lanes, Storage>::load(from)
                                       : Access<Lanes, Storage>::load_some(from, lanes.count);
}
template <class Lanes, class Storage, class Register>
ZEROTH_INLINE void store(Storage* to, const Register& x, AllLanes<Lanes>) noexcept {
    Access<Lanes, Storage>::store(to, x);
}
template <class Lanes, class Storage, class Register>
ZEROTH_INLINE void store(Storage* to, const Register& x, SomeLanes lanes) noexcept {
    if (lanes.count == Lanes::width) {
        Access<Lanes, Storage>::store(to, x);
    } else {
        Access<Lanes, Storage>::store_some(to, x, lanes.count);
    }
}
/// The upper half of each word: a bfloat16 of a float's bits.
template <class Lanes, class Storage, class Word>
ZEROTH_INLINE void store_upper(Storage* to, const Word& bits, AllLanes<Lanes>) noexcept {
    static_assert(std::is_same_v<Storage, bfloat16>);
    Access<Lanes, Storage>::store_upper(to, bits);
}
template <class Lanes, class Storage, class Word>
ZEROTH_INLINE void store_upper(Storage* to, const Word& bits, SomeLanes lanes) noexcept {
    static_assert(std::is_same_v<Storage, bfloat16>);
    if (lanes.count == Lanes::width) {
        Access<Lanes, Storage>::store_upper(to, bits);
    } else {
        Storage buffer[Lanes::width];
        Access<Lanes, Storage>::store_upper(buffer, bits);
        std::memcpy(static_cast<void*>(to), buffer, static_cast<std::size_t>(lanes.count) * sizeof(Storage));
    }
}

ZEROTH_END_NAMESPACE
