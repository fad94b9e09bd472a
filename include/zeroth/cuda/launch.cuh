#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/cuda/lanes.cuh>
#include <zeroth/cuda/tuning.cuh>
#include <zeroth/cursor/in_place.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/sign_sgd.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Whether an operation or a direction is whole as it stands: it points to nothing of the host's, its functions are ZEROTH_HOST_DEVICE,
/// and finish() has nothing to do. Only such are carried out on a device, and directions with a DeviceForm; specialise it for one of your
/// own.
template <class T>
inline constexpr bool is_whole = false;
template <>
inline constexpr bool is_whole<Gaussian> = true;
template <>
inline constexpr bool is_whole<Rademacher> = true;
template <>
inline constexpr bool is_whole<Uniform> = true;
template <>
inline constexpr bool is_whole<Displace> = true;
template <>
inline constexpr bool is_whole<DisplaceBase> = true;
template <class M>
inline constexpr bool is_whole<UpdateInPlace<M>> = is_whole<M>;
template <>
inline constexpr bool is_whole<LinearMove> = true;
template <>
inline constexpr bool is_whole<SignMove> = true;
template <>
inline constexpr bool is_whole<WindowedAdamMove> = true;

/// The last of `count` things in order that has begun, of which the first has: has_begun(i).
template <class HasBegun>
ZEROTH_INLINE int last_begun(int count, const HasBegun& has_begun) noexcept {
    int low = 0;
    int high = count;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (has_begun(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/// A direction's form that has nothing to say of a block.
struct NoForm {};

/// A traversal of some tensors of one type: what a kernel is told, by value. So nothing is allocated or copied for it, and a CUDA graph
/// that captures the launch keeps it.
///
/// A tensor is cut into chunks of Tuning::chunk elements, which are numbered through.
template <class Operation>
struct Launch {
    struct OneMove {
        PhiloxKey philox;
        double coefficient[Operation::coefficients];
    };
    static constexpr int most_moves = static_cast<int>(Tuning::move_bytes / sizeof(OneMove));

    Operation operation;
    int blocks;
    int moves;
    /// Whether moves have a scale in each block: scale[move * blocks + block].
    bool has_scales;
    BlockView block[Tuning::most_blocks];
    /// The place of each among all that are traversed.
    std::uint32_t index[Tuning::most_blocks];
    std::uint64_t first_chunk[Tuning::most_blocks + 1];
    OneMove move[most_moves];
    double scale[Tuning::most_scales];

    /// What the direction's kernel is told of a move in a block, after the scales and in their order.
    template <class Ready>
    [[nodiscard]] ZEROTH_INLINE Ready ready(int k, int b) const noexcept {
        Ready result;
        std::memcpy(&result, scale + place_of<Ready>(k, b), sizeof(Ready));
        return result;
    }
    template <class Ready>
    void set_ready(int k, int b, const Ready& ready) noexcept {
        std::memcpy(scale + place_of<Ready>(k, b), &ready, sizeof(Ready));
    }
    template <class Ready>
    [[nodiscard]] ZEROTH_HOST_DEVICE int place_of(int k, int b) const noexcept {
        static_assert(std::is_trivially_copyable_v<Ready> && sizeof(Ready) % sizeof(double) == 0);
        return (has_scales ? moves * blocks : 0) + (k * blocks + b) * static_cast<int>(sizeof(Ready) / sizeof(double));
    }

    [[nodiscard]] ZEROTH_HOST_DEVICE std::uint64_t chunks() const noexcept { return first_chunk[blocks]; }
};

/// The blocks stored as Storage, in as few launches as hold them: calls launch(Launch<Operation>&) for each. form: the direction's.
/// Throws std::invalid_argument for more moves than a launch holds: 512 of an operation with one coefficient, 256 with three; fewer of a
/// direction whose form has 16 bytes and more to say.
template <class Storage, class Operation, class Form, class Call>
void for_each_launch(std::span<const Block> blocks, std::span<const Move<Operation::coefficients>> moves, const Operation& operation,
                     Form& form, const Call& launch) {
    using What = Launch<Operation>;
    constexpr bool has_ready = requires { form.ready(moves[0], 0); };
    constexpr bool has_factors = requires { Form::Kernel::factor; };
    if (moves.size() > static_cast<std::size_t>(What::most_moves)) {
        throw std::invalid_argument{"zeroth: a traversal on a device takes " + std::to_string(What::most_moves) + " moves at most, not " +
                                    std::to_string(moves.size())};
    }
    bool has_scales = false;
    for (const auto& move : moves) {
        has_scales = has_scales || (!has_factors && move.block_scale != nullptr);
    }
    int words = has_scales ? 1 : 0;
    if constexpr (has_ready) {
        words += static_cast<int>(sizeof(typename Form::Kernel::Ready) / sizeof(double));
    }
    const int room = words != 0 && !moves.empty() ? Tuning::most_scales / words / static_cast<int>(moves.size()) : Tuning::most_blocks;
    if (room == 0) {
        throw std::invalid_argument{"zeroth: a traversal of this direction on a device takes " +
                                    std::to_string(Tuning::most_scales / words) + " moves at most, not " + std::to_string(moves.size())};
    }
    const int most = room < Tuning::most_blocks ? room : Tuning::most_blocks;
    What what;
    what.operation = operation;
    what.moves = static_cast<int>(moves.size());
    what.has_scales = has_scales;
    for (std::size_t k = 0; k < moves.size(); ++k) {
        what.move[k].philox = moves[k].philox;
        for (int i = 0; i < Operation::coefficients; ++i) {
            what.move[k].coefficient[i] = moves[k].coefficient[i];
        }
    }
    std::size_t next = 0;
    while (next < blocks.size()) {
        what.blocks = 0;
        what.first_chunk[0] = 0;
        for (; next < blocks.size() && what.blocks < most; ++next) {
            if (blocks[next].type == scalar_traits<Storage>::type && blocks[next].size() != 0) {
                const int b = what.blocks++;
                what.block[b] = blocks[next];
                what.index[b] = static_cast<std::uint32_t>(next);
                what.first_chunk[b + 1] = what.first_chunk[b] + (blocks[next].size() + Tuning::chunk - 1) / Tuning::chunk;
            }
        }
        if (what.blocks == 0) {
            break;
        }
        if (has_scales) {
            for (int k = 0; k < what.moves; ++k) {
                const double* const scales = moves[static_cast<std::size_t>(k)].block_scale;
                for (int b = 0; b < what.blocks; ++b) {
                    what.scale[k * what.blocks + b] = scales != nullptr ? scales[what.index[b]] : 1.0;
                }
            }
        }
        if constexpr (has_ready) {
            for (int b = 0; b < what.blocks; ++b) {
                form.begin_block(blocks[what.index[b]], what.index[b]);
                for (int k = 0; k < what.moves; ++k) {
                    what.set_ready(k, b, form.ready(moves[static_cast<std::size_t>(k)], static_cast<std::size_t>(k)));
                }
            }
        }
        launch(what);
    }
}
template <class Storage, class Operation, class Call>
void for_each_launch(std::span<const Block> blocks, std::span<const Move<Operation::coefficients>> moves, const Operation& operation,
                     const Call& launch) {
    NoForm form;
    for_each_launch<Storage>(blocks, moves, operation, form, launch);
}

/// One thread's work in a launch; D is what the kernel draws from. A unit is a few registers of Lanes::width consecutive counters: of a
/// tile's registers as many as the thread can keep sums of. Threads that follow each other take counters that do, so that they share the
/// memory's sectors.
template <class Storage, class D, class Operation>
class Worker {
  public:
    static_assert(VectorDirection<D> && std::is_trivially_copyable_v<D>);

    ZEROTH_HOST_DEVICE Worker(const Launch<Operation>& launch, const D& direction) noexcept : launch_{launch}, direction_{direction} {}

    /// Chunks first, first + step, ... of the launch; of their units thread, thread + threads, ...
    ZEROTH_INLINE void run(std::uint64_t first, std::uint64_t step, unsigned thread, unsigned threads) const noexcept {
        std::uint64_t chunk = first;
        while (chunk < launch_.chunks()) {
            const int b = block_of(chunk);
            typename Operation::template Bound<Own, Storage> bound{launch_.operation, launch_.block[b], launch_.index[b]};
            for (; chunk < launch_.first_chunk[b + 1]; chunk += step) {
                const std::uint64_t first_tile = (chunk - launch_.first_chunk[b]) * (Tuning::chunk / tile);
                for (unsigned unit = thread; unit < units; unit += threads) {
                    visit(bound, b, first_tile, unit);
                }
            }
        }
    }

  private:
    using Compute = ComputeType<Storage>;
    static constexpr int width = Tuning::access_bytes / static_cast<int>(sizeof(Storage));
    using Own = Lanes<width>;
    using Real = typename Own::template Real<Compute>;

    static constexpr std::uint64_t tile = tile_size<D>;
    static_assert(Tuning::chunk % tile == 0);
    static constexpr int sums = Operation::sums;
    static_assert(sums > 0);

    static constexpr int words_of_register = width * sums * static_cast<int>(sizeof(Compute) / sizeof(std::uint32_t));
    static constexpr int groups_of_unit() noexcept {
        int count = D::groups;
        while (count % 2 == 0 && count * D::vectors * words_of_register > Tuning::registers) {
            count /= 2;
        }
        return count;
    }
    static constexpr int groups = groups_of_unit();
    static constexpr int registers = groups * D::vectors;
    /// Units side by side in a register's sixteen lanes, one after the other in a tile, and in a chunk.
    static constexpr unsigned across = static_cast<unsigned>(tile_lanes / width);
    static constexpr unsigned along = static_cast<unsigned>(D::groups / groups);
    static constexpr unsigned units = static_cast<unsigned>(Tuning::chunk / tile) * along * across;

    /// The last block that begins at or before a chunk.
    ZEROTH_INLINE int block_of(std::uint64_t chunk) const noexcept {
        return last_begun(launch_.blocks, [&](int b) { return launch_.first_chunk[b] <= chunk; });
    }

    template <class Bound>
    ZEROTH_INLINE void visit(Bound& bound, int b, std::uint64_t first_tile, unsigned unit) const noexcept {
        const BlockView& block = launch_.block[b];
        const std::uint64_t size = block.size();
        const std::uint64_t lane = unit % across * static_cast<unsigned>(width);
        const unsigned part = unit / across % along;
        const std::uint64_t at_tile = first_tile + unit / across / along;
        const std::uint64_t element = at_tile * tile + std::uint64_t{part} * (registers * tile_lanes) + lane;
        if (element >= size) {
            return;
        }
        Real sum[registers][sums] = {};
        if (launch_.moves > 0) {
            const std::uint64_t counter = at_tile * tile_lanes + lane;
            accumulate<true>(bound, b, 0, counter, part, sum);
            for (int k = 1; k < launch_.moves; ++k) {
                accumulate<false>(bound, b, k, counter, part, sum);
            }
        }
        Storage* const data = static_cast<Storage*>(block.data) + element;
        if (element + static_cast<std::uint64_t>((registers - 1) * tile_lanes + width) <= size) {
            // All loads first, so that they are under way together.
            Real w[registers];
            ZEROTH_UNROLL
            for (int r = 0; r < registers; ++r) {
                w[r] = load<Own>(static_cast<const Storage*>(data + r * tile_lanes), AllLanes<Own>{});
            }
            ZEROTH_UNROLL
            for (int r = 0; r < registers; ++r) {
                apply(bound, data + r * tile_lanes, w[r], sum[r], element + static_cast<std::uint64_t>(r * tile_lanes), AllLanes<Own>{});
            }
        } else {
            ZEROTH_UNROLL
            for (int r = 0; r < registers; ++r) {
                const std::uint64_t own = element + static_cast<std::uint64_t>(r * tile_lanes);
                if (own < size) {
                    const std::uint64_t left = size - own;
                    const SomeLanes count{left < static_cast<std::uint64_t>(width) ? static_cast<int>(left) : width};
                    Storage* const at = data + r * tile_lanes;
                    apply(bound, at, load<Own>(static_cast<const Storage*>(at), count), sum[r], own, count);
                }
            }
        }
    }

    template <bool First, class Bound>
    ZEROTH_INLINE void accumulate(Bound& bound, int b, int k, std::uint64_t counter, unsigned part,
                                  Real (&sum)[registers][sums]) const noexcept {
        const auto& move = launch_.move[k];
        Stream stream;
        stream.block = launch_.block[b].identity;
        stream.philox = move.philox;
        bool has_scale = launch_.has_scales;
        double scale = has_scale ? launch_.scale[k * launch_.blocks + b] : 1.0;
        if constexpr (requires { typename D::Ready; }) {
            const auto ready = launch_.template ready<typename D::Ready>(k, b);
            if constexpr (requires { direction_.leave(stream, ready); }) {
                direction_.leave(stream, ready);
            }
            if constexpr (requires { direction_.factor(ready); }) {
                has_scale = true;
                scale = direction_.factor(ready);
            }
        } else if constexpr (requires { direction_.leave(stream); }) {
            direction_.leave(stream);
        }
        Real coefficient[Operation::coefficients];
        ZEROTH_UNROLL
        for (int i = 0; i < Operation::coefficients; ++i) {
            const bool is_scaled = has_scale && i < scaled_coefficients<Operation>;
            coefficient[i] = Own::template broadcast_real<Compute>(is_scaled ? ScalarLanes::product(move.coefficient[i], scale)
                                                                             : move.coefficient[i]);
        }
        typename D::template Draw<Own> draw[1];
        draw_from<Own>(direction_, stream, counter, part * static_cast<unsigned>(groups), draw);
        typename Own::Float z[D::vectors];
        ZEROTH_UNROLL
        for (int group = 0; group < groups; ++group) {
            draw[0].next(z);
            ZEROTH_UNROLL
            for (int j = 0; j < D::vectors; ++j) {
                const Real wide = Own::template widen<Compute>(z[j]);
                auto& own = sum[group * D::vectors + j];
                if constexpr (draws_signs<D> && requires { bound.template accumulate_sign<First>(own, wide, coefficient); }) {
                    bound.template accumulate_sign<First>(own, wide, coefficient);
                } else {
                    bound.template accumulate<First>(own, wide, coefficient);
                }
            }
        }
    }

    template <class Bound, class Count>
    ZEROTH_INLINE static void apply(Bound& bound, Storage* at, const Real& w, const Real (&sum)[sums], std::uint64_t element,
                                    Count count) noexcept {
        const Real moved = bound.apply(w, sum, element, count);
        if constexpr (requires { bound.store(at, moved, element, count); }) {
            bound.store(at, moved, element, count);
        } else {
            store<Own>(at, moved, count);
        }
    }

    const Launch<Operation>& launch_;
    const D& direction_;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
