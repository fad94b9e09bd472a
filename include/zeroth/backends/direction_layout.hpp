#pragma once

#include <zeroth/directions/direction.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The Draw of a direction that only has z(key, block, element).
template <class D, class Lanes>
struct ElementwiseDraw {
    const D* direction;
    const Stream* stream;
    std::uint64_t first;

    ZEROTH_INLINE void next(typename Lanes::Float (&z)[1]) const noexcept {
        float numbers[Lanes::width];
        const std::uint64_t last = stream->block.size() - 1;
        for (int l = 0; l < Lanes::width; ++l) {
            const std::uint64_t element = first + static_cast<std::uint64_t>(l);
            numbers[l] = (*direction)(stream->key, stream->block, element < last ? element : last);
        }
        z[0] = Lanes::load(numbers);
    }
    template <int N>
    static void draw(const D& direction, const Stream* const (&streams)[N], const std::uint64_t (&counters)[N],
                     ElementwiseDraw (&draws)[N]) noexcept {
        for (int n = 0; n < N; ++n) {
            draws[n] = {&direction, streams[n], counters[n]};
        }
    }
};

/// How a direction is laid out in registers: its own layout if it has one, else a register at a time.
template <class D, class Lanes>
struct DirectionLayout {
    static constexpr int groups = 1;
    static constexpr int vectors = 1;
    using Draw = ElementwiseDraw<D, Lanes>;
};
template <VectorDirection D, class Lanes>
struct DirectionLayout<D, Lanes> {
    static constexpr int groups = D::groups;
    static constexpr int vectors = D::vectors;
    using Draw = typename D::template Draw<Lanes>;
};

ZEROTH_END_NAMESPACE
