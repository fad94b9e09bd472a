#include "task.hpp"

#include <zeroth/random/philox.hpp>

namespace finetune {

std::size_t BatchNumbers::operator()(std::uint64_t step, std::size_t place, std::size_t count) const {
    const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
    // The last word keeps these bits apart from those of the directions, which have the same seed.
    constexpr std::uint32_t purpose = 0x42415443;
    const zeroth::PhiloxWords bits = zeroth::philox4x32({{low(step), high(step), low(place), purpose}}, {low(seed_), high(seed_)});
    // The high half of a 96-bit product: the bias is under count / 2^64.
    const std::uint64_t fraction = std::uint64_t{bits.word[0]} << 32 | bits.word[1];
    const std::uint64_t upper = (fraction >> 32) * count, lower = (fraction & 0xFFFFFFFFu) * count;
    return static_cast<std::size_t>((upper + (lower >> 32)) >> 32);
}

}  // namespace finetune
