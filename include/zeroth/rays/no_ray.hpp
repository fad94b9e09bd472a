#pragma once

#include <zeroth/rays/ray.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The ray of traversals that draw none: they measure weights, or move them by what they read.
struct NoRay {
    static constexpr int groups = 32;
    static constexpr int vectors = 4;
    static constexpr bool is_device_copyable = true;

    template <class Lanes>
    struct Draw {
        ZEROTH_INLINE void next(typename Lanes::Float (&z)[vectors]) const noexcept {
            for (int j = 0; j < vectors; ++j) {
                z[j] = Lanes::broadcast(0);
            }
        }
        template <int N>
        ZEROTH_INLINE static void draw(const NoRay* const (&)[N], const std::uint64_t (&)[N], Draw (&)[N]) noexcept {}
    };
};

ZEROTH_END_NAMESPACE
