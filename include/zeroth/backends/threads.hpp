#pragma once

#include <zeroth/backends/float_environment.hpp>
#include <zeroth/backends/visit.hpp>
#include <zeroth/backends/reference.hpp>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

ZEROTH_BEGIN_NAMESPACE

/// OpenMP threads over another backend: each takes one part of the elements, the same in every traversal, cut between tiles; so the bits do
/// not depend on the number of threads. Serial where the program is compiled without OpenMP, and inside a parallel region of the
/// caller's. After a fork GCC's OpenMP has no threads in the child and waits for them: there take 1 thread, or Inner alone, whose bits are the same.
template <class Inner = Reference>
struct Threads {
    using Lanes = typename Inner::Lanes;
    using Types = typename Inner::Types;

    Inner inner{};
    /// 0: as many as OpenMP would use.
    int threads = 0;
    /// Fewer elements than this a thread are not worth waking one.
    std::size_t min_elements = 16384;

    [[nodiscard]] int size() const noexcept {
#if defined(_OPENMP)
        return threads > 0 ? threads : omp_get_max_threads();
#else
        return 1;
#endif
    }
    [[nodiscard]] std::string name() const { return inner.name() + " x " + std::to_string(size()); }

    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const noexcept {
#if defined(_OPENMP)
        constexpr std::uint64_t tile = tile_size<R>;
        std::uint64_t tiles = 0;
        std::size_t elements = 0;
        for (const Block& block : traversal.blocks) {
            tiles += (block.size() + tile - 1) / tile;
            elements += block.size();
        }
        const std::size_t useful = elements / (min_elements == 0 ? 1 : min_elements);
        const auto most = static_cast<std::size_t>(size());
        const auto team = static_cast<int>(useful < most ? useful : most);
        if (team > 1 && !omp_in_parallel()) {
#pragma omp parallel num_threads(team)
            {
                const FloatEnvironment environment;
                const auto part = static_cast<std::uint64_t>(omp_get_thread_num());
                const auto parts = static_cast<std::uint64_t>(omp_get_num_threads());
                visit_tiles(traversal, tiles * part / parts, tiles * (part + 1) / parts);
            }
            return;
        }
#endif
        inner.traverse(traversal);
    }

  private:
    /// Tiles [first, last) of all the blocks laid end to end.
    template <class Operation, Ray R>
    static void visit_tiles(const Traversal<Operation, R>& traversal, std::uint64_t first, std::uint64_t last) noexcept {
        constexpr std::uint64_t tile = tile_size<R>;
        const std::span<const Block> blocks = traversal.blocks;
        std::uint64_t before = 0;
        std::size_t whole = 0; // blocks before b that are to be visited from end to end
        std::size_t b = 0;
        const auto visit_whole = [&] {
            visit_blocks<Lanes, Types>(traversal, b - whole, b);
            whole = 0;
        };
        for (; b < blocks.size() && before < last; ++b) {
            const std::uint64_t size = blocks[b].size();
            const std::uint64_t after = before + (size + tile - 1) / tile;
            if (first <= before && after <= last) {
                ++whole;
            } else if (after > first) {
                visit_whole();
                const std::uint64_t begin = first > before ? (first - before) * tile : 0;
                const std::uint64_t end = last < after ? (last - before) * tile : size;
                visit_range<Lanes, Types>(traversal, b, begin, end);
            }
            before = after;
        }
        visit_whole();
    }
};

ZEROTH_END_NAMESPACE
