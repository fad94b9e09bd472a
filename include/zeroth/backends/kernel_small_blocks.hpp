#pragma once

#include <zeroth/backends/kernel_registers.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// One move over several blocks of at most a tile each. Their numbers are drawn in lock step, which hides the latency that a small block alone
/// would wait for.
template <class Lanes, class Storage, Ray R, class Operation>
class KernelSmallBlocks {
    using E = Element<Lanes, Storage, R, Operation>;
    using Bound = typename E::Bound;
    using Draw = typename R::template Draw<Lanes>;
    using Move = PreparedMove<R, typename E::Real, Operation::coefficients>;

    static constexpr int chains = Tuning::chains_of<Lanes, R>;
    /// Runs of counters in a tile.
    static constexpr int runs = tile_lanes / Lanes::width;

  public:
    /// How many blocks it takes; fewer than two where it is of no use.
    static constexpr int together = Operation::sums == 0 ? 0 : chains / runs;

    /// The first `together` of the blocks given, the first of which has this index.
    static void run(const Block* blocks, std::size_t first_index, const Moves<R>& moves, const Operation& operation) noexcept {
        Move prepared[together];
        const R* rays[chains];
        std::uint64_t counters[chains];
        for (int n = 0; n < together; ++n) {
            prepared[n] = moves.template prepared<Lanes, Storage, Operation>(0, first_index + static_cast<std::size_t>(n));
            for (int run = 0; run < runs; ++run) {
                rays[n * runs + run] = &prepared[n].ray;
                counters[n * runs + run] = static_cast<std::uint64_t>(run * Lanes::width);
            }
        }
        Draw draws[chains];
        Draw::template draw<chains>(rays, counters, draws);
        for (int n = 0; n < together; ++n) {
            Bound bound{operation, blocks[n], first_index + static_cast<std::size_t>(n)};
            if (!E::is_zero([&](int) -> const R& { return prepared[n].ray; }, 1, 0)) {
                for (int run = 0; run < runs; ++run) {
                    KernelRegisters<Lanes, Storage, R, Operation>::apply_run(bound, static_cast<Storage*>(blocks[n].data),
                                                                             prepared[n].coefficient, draws[n * runs + run],
                                                                             counters[run], blocks[n].size());
                }
            }
            bound.finish();
        }
    }
};

ZEROTH_END_NAMESPACE
