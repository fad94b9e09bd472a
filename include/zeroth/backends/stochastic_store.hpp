#pragma once

#include <zeroth/backends/access.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/dither.hpp>
#include <zeroth/random/key.hpp>

#include <cstdint>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// Stores weights that a move of the base has made: in 16 bits rounded stochastically, to one of the two neighbours, the nearer the more
/// often; else as store() does. So no update is lost in the mean, however small beside the spacing of the weights' numbers.
///
/// Hashed bits of a key and the element decide. The mean is that of the float, exactly; for a float16 below 2^-14 to 2^-38. What the type
/// holds stays as it is, NaN too; a float16 beyond its largest number is that one, of a bfloat16 there the upper neighbour is infinity.
template <class Lanes, class Storage>
class StochasticStore {
  public:
    using Real = typename Lanes::template Real<ComputeType<Storage>>;

    ZEROTH_HOST_DEVICE StochasticStore(const Key& key, const BlockIdentity& block, Purpose purpose = Purpose::rounding) noexcept {
        if constexpr (has_16_bits<Storage>) {
            dither_ = Dither{key, block, purpose};
        }
    }

    template <class Count>
    ZEROTH_INLINE void operator()(Storage* to, const Real& w, std::uint64_t element, Count count) const noexcept {
        if constexpr (std::is_same_v<Storage, bfloat16>) {
            const auto sum = Lanes::bits(w) + dither_.template upper_bits<Lanes, 16>(element);
            store_upper<Lanes>(to, Lanes::bits(Lanes::where_nan(w, w, Lanes::from_bits(sum))), count);
        } else if constexpr (std::is_same_v<Storage, float16>) {
            store<Lanes>(to, rounded_float16(saturated_float16<Lanes>(w), element), count);
        } else {
            store<Lanes>(to, w, count);
        }
    }

  private:
    ZEROTH_INLINE Real rounded_float16(const Real& w, std::uint64_t element) const noexcept {
        const auto sign = Lanes::bits(w) & Lanes::broadcast_word(0x80000000u);
        const auto magnitude = Lanes::bits(w) ^ sign;
        // Below 2^-14 the spacing is 2^-24, as that of numbers from 2^-14 on, among which the magnitude is put.
        const auto min_normal = Lanes::broadcast_word(0x38800000u);
        const auto below = Lanes::template shift_right<31>(magnitude - min_normal);
        const auto offset = Lanes::from_bits(min_normal & (Lanes::broadcast_word(0) - below));
        const auto sum = Lanes::bits(Lanes::from_bits(magnitude) + offset) + dither_.template upper_bits<Lanes, 13>(element);
        const auto cut = Lanes::from_bits(sum & Lanes::broadcast_word(0xFFFFE000u));
        return Lanes::where_nan(w, w, Lanes::from_bits(Lanes::bits(cut - offset) | sign));
    }

    Dither dither_{0};
};

ZEROTH_END_NAMESPACE
