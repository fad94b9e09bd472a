#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/cuda/lanes.cuh>
#include <zeroth/cuda/tuning.cuh>
#include <zeroth/cursor/exact.hpp>
#include <zeroth/cursor/in_place.hpp>
#include <zeroth/cursor/snapshot.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/directions/uniform.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/updates/momentum.hpp>
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

/// Whether an operation or a direction is whole as it stands: it points to nothing of the host's but its tables, its functions are
/// ZEROTH_HOST_DEVICE, and finish() merges results of tables or has nothing to do. Only such are carried out on a device, and directions with
/// a DeviceForm; specialise it for one of your own.
///
/// A table has an entry for each block. An operation names those it points to by a member for_each_table(visit), HOST_DEVICE and
/// constexpr, which calls visit(pointer) for each: one to const is read, another holds results, to which traversals add.
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
inline constexpr bool is_whole<DisplaceFrom> = true;
template <class M>
inline constexpr bool is_whole<UpdateFrom<M>> = is_whole<M>;
template <>
inline constexpr bool is_whole<DisplaceOnGrid> = true;
template <class M>
inline constexpr bool is_whole<UpdateOnGrid<M>> = is_whole<M>;
template <>
inline constexpr bool is_whole<LayGrid> = true;
template <>
inline constexpr bool is_whole<LinearMove> = true;
template <>
inline constexpr bool is_whole<SignMove> = true;
template <>
inline constexpr bool is_whole<WindowedAdamMove> = true;
template <>
inline constexpr bool is_whole<MomentumMove> = true;
template <>
inline constexpr bool is_whole<AdamMove> = true;
template <>
inline constexpr bool is_whole<HizooMove> = true;
template <>
inline constexpr bool is_whole<LargestMagnitude> = true;
template <>
inline constexpr bool is_whole<SquaredWeights> = true;

/// Bytes of the entries that an operation's tables have for each block: of those it reads, and of results.
struct EntryBytes {
    std::size_t read = 0;
    std::size_t results = 0;

    template <class Entry>
    ZEROTH_HOST_DEVICE constexpr void operator()(Entry*&) noexcept {
        static_assert(sizeof(Entry) % 8 == 0 && alignof(Entry) <= 8 && std::is_trivially_copyable_v<Entry>);
        (std::is_const_v<Entry> ? read : results) += sizeof(Entry);
    }
};
template <class Operation>
constexpr EntryBytes entry_bytes_of() noexcept {
    EntryBytes bytes;
    if constexpr (requires(Operation operation) { operation.for_each_table(bytes); }) {
        Operation operation{};
        operation.for_each_table(bytes);
    }
    return bytes;
}
template <class Operation>
inline constexpr EntryBytes entry_bytes = entry_bytes_of<Operation>();
template <class Operation>
inline constexpr bool has_results = entry_bytes<Operation>.results != 0;

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
    static constexpr int max_moves = static_cast<int>(Tuning::move_bytes / sizeof(OneMove));
    static constexpr EntryBytes entry_bytes = cuda::entry_bytes<Operation>;
    static constexpr bool has_tables = entry_bytes.read + entry_bytes.results != 0;
    static constexpr int room =
        static_cast<int>(Tuning::block_bytes / (sizeof(BlockView) + sizeof(std::uint32_t) + sizeof(std::uint64_t) + entry_bytes.read));
    static constexpr int max_blocks = room < Tuning::max_blocks ? room : Tuning::max_blocks;

    /// Its tables are the host's.
    Operation operation;
    int blocks;
    int moves;
    /// Whether moves have a scale in each block: scale[move * blocks + block].
    bool has_scales;
    BlockView block[max_blocks];
    /// The place of each among all that are traversed.
    std::uint32_t index[max_blocks];
    std::uint64_t first_chunk[max_blocks + 1];
    OneMove move[max_moves];
    double scale[Tuning::max_scales];
    /// The tables that the operation reads and those of its results, one after the other, of max_blocks entries each. The results' are the
    /// host's: before the launch they are put where it reaches them, and brought back after it.
    alignas(8) std::byte entries[entry_bytes.read != 0 ? entry_bytes.read * max_blocks : 8];
    std::byte* results;

    static constexpr std::size_t result_bytes = entry_bytes.results * max_blocks;

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

    /// The operation with the launch's tables, in which a block is found by its place in the launch.
    [[nodiscard]] ZEROTH_INLINE Operation bound_operation() const noexcept {
        Operation bound = operation;
        if constexpr (has_tables) {
            PointAtTables visit{entries, results};
            bound.for_each_table(visit);
        }
        return bound;
    }
    /// Copies the blocks' entries out of the operation's tables.
    void gather_tables() noexcept {
        if constexpr (has_tables) {
            GatherTables visit{*this, entries, results};
            operation.for_each_table(visit);
        }
    }
    /// Copies the results into the operation's tables.
    void scatter_results() noexcept {
        if constexpr (entry_bytes.results != 0) {
            ScatterResults visit{*this, results};
            operation.for_each_table(visit);
        }
    }

  private:
    struct PointAtTables {
        const std::byte* read;
        std::byte* results;

        template <class Entry>
        ZEROTH_INLINE void operator()(Entry*& table) noexcept {
            if constexpr (std::is_const_v<Entry>) {
                table = reinterpret_cast<Entry*>(read);
                read += sizeof(Entry) * max_blocks;
            } else {
                table = reinterpret_cast<Entry*>(results);
                results += sizeof(Entry) * max_blocks;
            }
        }
    };
    struct GatherTables {
        const Launch& launch;
        std::byte* read;
        std::byte* results;

        template <class Entry>
        ZEROTH_HOST_DEVICE void operator()(Entry*& table) noexcept {
            std::byte*& to = std::is_const_v<Entry> ? read : results;
            for (int b = 0; b < launch.blocks; ++b) {
                std::memcpy(to + static_cast<std::size_t>(b) * sizeof(Entry), table + launch.index[b], sizeof(Entry));
            }
            to += sizeof(Entry) * max_blocks;
        }
    };
    struct ScatterResults {
        const Launch& launch;
        const std::byte* results;

        template <class Entry>
        ZEROTH_HOST_DEVICE void operator()(Entry*& table) noexcept {
            if constexpr (!std::is_const_v<Entry>) {
                for (int b = 0; b < launch.blocks; ++b) {
                    std::memcpy(static_cast<void*>(table + launch.index[b]), results + static_cast<std::size_t>(b) * sizeof(Entry),
                                sizeof(Entry));
                }
                results += sizeof(Entry) * max_blocks;
            }
        }
    };
};

/// The blocks stored as Storage, in as few launches as hold them: calls launch(Launch<Operation>&) for each. Where the operation has
/// results, they are to be in the host's memory, at launch.results, when it returns. form: the direction's.
/// Throws std::invalid_argument for more moves than a launch holds: 512 of an operation with one coefficient, 256 with three; fewer of a
/// direction whose form has 16 bytes and more to say.
template <class Storage, class Operation, class Form, class Call>
void for_each_launch(std::span<const Block> blocks, std::span<const Move<Operation::coefficients>> moves, const Operation& operation,
                     Form& form, const Call& launch) {
    using What = Launch<Operation>;
    constexpr bool has_ready = requires { form.ready(moves[0], 0); };
    constexpr bool has_factors = requires { Form::Kernel::factor; };
    if (moves.size() > static_cast<std::size_t>(What::max_moves)) {
        throw std::invalid_argument{"zeroth: a traversal on a device takes " + std::to_string(What::max_moves) + " moves at most, not " +
                                    std::to_string(moves.size()) + ": take fewer queries a step"};
    }
    bool has_scales = false;
    for (const auto& move : moves) {
        has_scales = has_scales || (!has_factors && move.block_scale != nullptr);
    }
    int words = has_scales ? 1 : 0;
    if constexpr (has_ready) {
        words += static_cast<int>(sizeof(typename Form::Kernel::Ready) / sizeof(double));
    }
    const int room = words != 0 && !moves.empty() ? Tuning::max_scales / words / static_cast<int>(moves.size()) : What::max_blocks;
    if (room == 0) {
        throw std::invalid_argument{"zeroth: a traversal of this direction on a device takes " +
                                    std::to_string(Tuning::max_scales / words) + " moves at most, not " + std::to_string(moves.size()) +
                                    ": take fewer queries a step"};
    }
    const int most = room < What::max_blocks ? room : What::max_blocks;
    alignas(8) std::byte results[What::result_bytes + 1];
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
        what.results = results;
        what.gather_tables();
        launch(what);
        what.scatter_results();
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
        const Operation operation = launch_.bound_operation();
        std::uint64_t chunk = first;
        while (chunk < launch_.chunks()) {
            const int b = block_of(chunk);
            const std::size_t index = Launch<Operation>::has_tables ? static_cast<std::size_t>(b) : launch_.index[b];
            typename Operation::template Bound<Own, Storage> bound{operation, launch_.block[b], index};
            for (; chunk < launch_.first_chunk[b + 1]; chunk += step) {
                const std::uint64_t first_tile = (chunk - launch_.first_chunk[b]) * (Tuning::chunk / tile);
                for (unsigned unit = thread; unit < units; unit += threads) {
                    visit(bound, b, first_tile, unit);
                }
            }
            if constexpr (has_results<Operation>) {
                bound.finish();
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
    /// An array's of them: where an operation has none, its one is not looked at.
    static constexpr int sums = Operation::sums == 0 ? 1 : Operation::sums;

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
        if (element >= size || is_zero(b, element)) {
            return;
        }
        Real sum[registers][sums] = {};
        if constexpr (Operation::sums != 0) {
            if (launch_.moves > 0) {
                const std::uint64_t counter = at_tile * tile_lanes + lane;
                accumulate<true>(bound, b, 0, counter, part, sum);
                for (int k = 1; k < launch_.moves; ++k) {
                    accumulate<false>(bound, b, k, counter, part, sum);
                }
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

    /// A move's stream as its block sees it.
    ZEROTH_INLINE Stream stream_of(int b, int k) const noexcept {
        Stream stream;
        stream.block = launch_.block[b].identity;
        stream.philox = launch_.move[k].philox;
        if constexpr (requires { typename D::Ready; }) {
            const auto ready = launch_.template ready<typename D::Ready>(k, b);
            if constexpr (requires { direction_.leave(stream, ready); }) {
                direction_.leave(stream, ready);
            }
        } else if constexpr (requires { direction_.leave(stream); }) {
            direction_.leave(stream);
        }
        return stream;
    }
    /// Whether all z of an element's stretch are 0 for each of the moves: then it is left alone, by every backend.
    ZEROTH_INLINE bool is_zero([[maybe_unused]] int b, [[maybe_unused]] std::uint64_t element) const noexcept {
        if constexpr (SparseDirection<D> && skips_zeros<Operation>) {
            constexpr std::uint64_t stretch = stretch_size<D>;
            bool zero = launch_.moves > 0 && launch_.moves <= static_cast<int>(max_skipping_moves);
            for (int k = 0; zero && k < launch_.moves; ++k) {
                zero = D::is_zero(stream_of(b, k), element / stretch * stretch, stretch);
            }
            return zero;
        } else {
            return false;
        }
    }

    template <bool First, class Bound>
    ZEROTH_INLINE void accumulate(Bound& bound, int b, int k, std::uint64_t counter, unsigned part,
                                  Real (&sum)[registers][sums]) const noexcept {
        const auto& move = launch_.move[k];
        const Stream stream = stream_of(b, k);
        bool has_scale = launch_.has_scales;
        double scale = has_scale ? launch_.scale[k * launch_.blocks + b] : 1.0;
        if constexpr (requires { D::factor; }) {
            has_scale = true;
            scale = direction_.factor(launch_.template ready<typename D::Ready>(k, b));
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
        if constexpr (!Operation::writes) {
            return;
        } else if constexpr (requires { bound.store(at, moved, element, count); }) {
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
