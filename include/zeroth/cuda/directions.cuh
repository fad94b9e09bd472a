#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/cuda/launch.cuh>
#include <zeroth/directions/coordinate.hpp>
#include <zeroth/directions/lfsr_bank.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/preconditioned.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/directions/sphere.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// How a direction comes to a device: what its kernels draw from (Kernel), and what is formed in the device's memory for a traversal.
///
/// This one is of a direction that is whole as it stands. Others are
///
///     template <>
///     class DeviceForm<D> {
///         using Kernel = ...;   // trivially copyable, a VectorDirection with D's numbers
///         // The host's part: what D is to keep for so many keys, unless it takes it by a StateAllocator. Returns the bytes of the
///         // device's memory that traversals are likely to take.
///         static std::size_t reserve(D&, std::span<const Block>, std::size_t most_keys);
///         // One for each traversal:
///         DeviceForm(const D&, std::span<const Block>, std::span<const Move>);
///         std::size_t bytes() const;                                // of the device's memory that this traversal takes
///         void form(const Queue& queue, std::byte* memory);        // starts what fills it
///         Kernel kernel() const;
///     };
///
/// A kernel may need to be told something of each move in each block, its Ready: the form then has begin_block(block, index) and
/// ready(move, k) of the block begun, and the kernel leave(stream, ready), which leaves in a thread's stream what D::prepare does on the
/// host. Blocks begin in their order. queue.run(threads, task) runs task(thread) for each thread, in the order of the traversals; a task is
/// copied by value, and so captured by a CUDA graph. Nothing that is formed outlives its traversal, so graphs and traversals mix.
template <class D>
class DeviceForm {
  public:
    static_assert(is_whole<D>, "zeroth: the CUDA backend does not know this direction");
    using Kernel = D;

    static std::size_t reserve(const D&, std::span<const Block>, std::size_t) noexcept { return 0; }
    template <class Moves>
    DeviceForm(const D& direction, std::span<const Block>, const Moves&) noexcept : direction_{direction} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
    template <class Queue>
    void form(const Queue&, std::byte*) const noexcept {}
    [[nodiscard]] const Kernel& kernel() const noexcept { return direction_; }

  private:
    const D& direction_;
};

/// Words copied to the device by value, as a task's own.
struct CopyWords {
    static constexpr std::size_t most = 7936;

    std::uint32_t* to;
    std::uint32_t word[most];

    ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept { to[thread] = word[thread]; }
};

/// Copies numbers to the device in stream order, without a buffer that would have to stay.
template <class Queue>
void copy_numbers(const Queue& queue, float* to, const float* numbers, std::size_t count) {
    CopyWords task;
    while (count != 0) {
        const std::size_t part = count < CopyWords::most ? count : CopyWords::most;
        task.to = reinterpret_cast<std::uint32_t*>(to);
        std::memcpy(task.word, numbers, part * sizeof(float));
        queue.run(part, task);
        to += part;
        numbers += part;
        count -= part;
    }
}

/// Which of a few values, such as tables, each move of a traversal needs: their different names, numbered.
template <class Name>
class DistinctNames {
  public:
    /// Throws std::invalid_argument for more moves than a launch can hold anyway.
    void add(const Name& name) {
        if (moves_ == most) {
            throw std::invalid_argument{"zeroth: a traversal on a device takes " + std::to_string(most) + " moves at most: take fewer queries a step"};
        }
        int n = 0;
        while (n < count_ && !(names_[n] == name)) {
            ++n;
        }
        if (n == count_) {
            names_[count_++] = name;
        }
        number_[moves_++] = static_cast<std::uint16_t>(n);
    }
    [[nodiscard]] int count() const noexcept { return count_; }
    [[nodiscard]] const Name& name(int n) const noexcept { return names_[n]; }
    [[nodiscard]] std::uint16_t number_of(std::size_t move) const noexcept { return number_[move]; }

  private:
    static constexpr int most = Launch<Displace>::most_moves;

    int count_ = 0;
    int moves_ = 0;
    Name names_[most];
    std::uint16_t number_[most];
};

/// What host-side preparing leaves in the stream of a move.
template <class D, class MoveType>
Stream prepared_stream(const D& direction, const MoveType& move, const BlockIdentity& block, std::size_t index) {
    Stream stream{.key = move.key, .block = block, .philox = move.philox};
    direction.prepare(stream, index);
    return stream;
}

/// A table's numbers in the memory that the threads of a thread block share. A kernel that wants some there says how many (shared(), 0 for
/// none) and from where (numbers(), which is then set to the copy).
struct SharedNumbers {
    static constexpr std::uint32_t most = Tuning::shared_bytes / sizeof(float);

    /// One thread's part of the copy.
    ZEROTH_INLINE static void copy(float* to, const float* from, std::uint32_t count, unsigned thread, unsigned threads) noexcept {
        for (std::uint32_t i = thread; i < count; i += threads) {
            to[i] = from[i];
        }
    }
};

/// ReusePool and LfsrBank: tables in the device's memory, one after the other. A lone one that is small enough is read from shared memory.
class TableKernel {
  public:
    static constexpr float largest = ReusePool::largest;
    static constexpr int groups = ReusePool::groups;
    static constexpr int vectors = ReusePool::vectors;
    template <class Lanes>
    using Draw = TableDraw<TableKernel, Lanes>;

    struct Layout {
        std::uint64_t numbers;
        [[nodiscard]] ZEROTH_HOST_DEVICE std::uint64_t size() const noexcept { return numbers; }
    };
    struct Ready {
        /// Of the block's first number, all tables being numbered through.
        std::uint32_t place;
        float scale;
    };

    TableKernel() = default;
    TableKernel(const float* numbers, std::uint32_t size, int tables) noexcept
        : numbers_{numbers}, size_{size}, shared_{tables == 1 && stride(size) <= SharedNumbers::most ? stride(size) : 0} {}

    /// From one table to the next: each goes on with a stretch of its first numbers.
    [[nodiscard]] ZEROTH_HOST_DEVICE static constexpr std::uint32_t stride(std::uint32_t size) noexcept {
        return size + static_cast<std::uint32_t>(table_stretch);
    }
    [[nodiscard]] ZEROTH_HOST_DEVICE Layout layout() const noexcept { return {size_}; }
    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept {
        stream.numbers = numbers_ + ready.place / size_ * stride(size_);
        stream.element = ready.place % size_;
        stream.scale = ready.scale;
    }
    [[nodiscard]] ZEROTH_INLINE std::uint32_t shared() const noexcept { return shared_; }
    [[nodiscard]] ZEROTH_INLINE const float*& numbers() noexcept { return numbers_; }

    float operator()(const Key&, const BlockIdentity&, std::uint64_t) const;

  private:
    const float* numbers_ = nullptr;
    std::uint32_t size_ = 1;
    std::uint32_t shared_ = 0;
};

template <class D>
class TableForm {
  public:
    using Kernel = TableKernel;

    static std::size_t reserve(D& direction, std::span<const Block> blocks, std::size_t most_keys) {
        direction.reserve(blocks, most_keys);
        const TableLayout layout = direction.layout();
        const std::size_t different = std::size_t{layout.columns} * (layout.refresh_every == 0 ? 1 : 2);
        return (most_keys < different ? most_keys : different) * table_bytes(layout);
    }
    template <class Moves>
    TableForm(const D& direction, std::span<const Block> blocks, const Moves& moves) : direction_{direction} {
        std::size_t b = 0;
        while (b < blocks.size() && blocks[b].size() == 0) {
            ++b;
        }
        for (std::size_t k = 0; b < blocks.size() && k < moves.size(); ++k) {
            tables_.add(prepared_stream(direction, moves[k], blocks[b].identity, b).numbers);
        }
    }
    [[nodiscard]] std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(tables_.count()) * table_bytes(direction_.layout());
    }
    template <class Queue>
    void form(const Queue& queue, std::byte* memory) {
        const auto size = static_cast<std::uint32_t>(direction_.layout().size());
        auto* const numbers = reinterpret_cast<float*>(memory);
        for (int t = 0; t < tables_.count(); ++t) {
            copy_numbers(queue, numbers + static_cast<std::size_t>(t) * Kernel::stride(size), tables_.name(t), Kernel::stride(size));
        }
        kernel_ = {numbers, size, tables_.count()};
    }
    [[nodiscard]] const Kernel& kernel() const noexcept { return kernel_; }
    void begin_block(const Block& block, std::size_t index) noexcept {
        block_ = block.identity;
        index_ = index;
    }
    template <class MoveType>
    [[nodiscard]] Kernel::Ready ready(const MoveType& move, std::size_t k) const {
        const Stream stream = prepared_stream(direction_, move, block_, index_);
        const std::uint64_t size = direction_.layout().size();
        return {static_cast<std::uint32_t>(tables_.number_of(k) * size + stream.element % size), stream.scale};
    }

  private:
    [[nodiscard]] static std::size_t table_bytes(const TableLayout& layout) noexcept {
        return Kernel::stride(static_cast<std::uint32_t>(layout.size())) * sizeof(float);
    }

    const D& direction_;
    /// By the addresses of the host's tables, which the keys' forming has made.
    DistinctNames<const float*> tables_;
    Kernel kernel_{};
    BlockIdentity block_{};
    std::size_t index_ = 0;
};
template <>
class DeviceForm<ReusePool> : public TableForm<ReusePool> {
    using TableForm::TableForm;
};
template <>
class DeviceForm<LfsrBank> : public TableForm<LfsrBank> {
    using TableForm::TableForm;
};

/// MixedPool: its numbers are read from shared memory.
class MixedPoolKernel {
  public:
    static constexpr float largest = MixedPool::largest;
    static constexpr int groups = MixedPool::groups;
    static constexpr int vectors = MixedPool::vectors;
    template <class Lanes>
    using Draw = MixedPool::Draw<Lanes>;

    static constexpr std::uint32_t size = WhiteNumbers::size + WhiteNumbers::stretch;
    static_assert(size <= SharedNumbers::most);

    explicit MixedPoolKernel(const float* numbers = nullptr) noexcept : numbers_{numbers} {}
    ZEROTH_INLINE void leave(Stream& stream) const noexcept { stream.numbers = numbers_; }
    [[nodiscard]] ZEROTH_INLINE std::uint32_t shared() const noexcept { return numbers_ != nullptr ? size : 0; }
    [[nodiscard]] ZEROTH_INLINE const float*& numbers() noexcept { return numbers_; }

    float operator()(const Key&, const BlockIdentity&, std::uint64_t) const;

  private:
    const float* numbers_;
};
template <>
class DeviceForm<MixedPool> {
  public:
    using Kernel = MixedPoolKernel;

    static std::size_t reserve(const MixedPool& direction, std::span<const Block> blocks, std::size_t most_keys) {
        direction.reserve(blocks, most_keys);
        return Kernel::size * sizeof(float);
    }
    template <class Moves>
    DeviceForm(const MixedPool&, std::span<const Block>, const Moves& moves) noexcept : used_{moves.size() != 0} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return used_ ? Kernel::size * sizeof(float) : 0; }
    template <class Queue>
    void form(const Queue& queue, std::byte* memory) {
        if (used_) {
            kernel_ = Kernel{reinterpret_cast<float*>(memory)};
            copy_numbers(queue, reinterpret_cast<float*>(memory), WhiteNumbers::table().numbers, Kernel::size);
        }
    }
    [[nodiscard]] const Kernel& kernel() const noexcept { return kernel_; }

  private:
    bool used_;
    Kernel kernel_{};
};

/// Coordinate: the number of the key's weight in the block.
struct CoordinateKernel {
    static constexpr float largest = Coordinate::largest;
    static constexpr int groups = Coordinate::groups;
    static constexpr int vectors = Coordinate::vectors;
    template <class Lanes>
    using Draw = Coordinate::Draw<Lanes>;

    struct Ready {
        std::uint64_t element;
    };

    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept { stream.element = ready.element; }

    float operator()(const Key&, const BlockIdentity&, std::uint64_t) const;
};
template <>
class DeviceForm<Coordinate> {
  public:
    using Kernel = CoordinateKernel;

    static std::size_t reserve(const Coordinate&, std::span<const Block>, std::size_t) noexcept { return 0; }
    template <class Moves>
    DeviceForm(const Coordinate& direction, std::span<const Block>, const Moves&) noexcept : direction_{direction} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
    template <class Queue>
    void form(const Queue&, std::byte*) const noexcept {}
    [[nodiscard]] Kernel kernel() const noexcept { return {}; }
    void begin_block(const Block& block, std::size_t index) noexcept {
        block_ = block.identity;
        index_ = index;
    }
    template <class MoveType>
    [[nodiscard]] Kernel::Ready ready(const MoveType& move, std::size_t) const noexcept {
        return Kernel::Ready{prepared_stream(direction_, move, block_, index_).element};
    }

  private:
    const Coordinate& direction_;
    BlockIdentity block_{};
    std::size_t index_ = 0;
};

/// LowRank: the address of V in the block.
template <int Rank>
struct LowRankKernel {
    static constexpr float largest = LowRank<Rank>::largest;
    static constexpr int groups = LowRank<Rank>::groups;
    static constexpr int vectors = LowRank<Rank>::vectors;
    static constexpr bool is_formed = true;
    template <class Lanes>
    using Draw = typename LowRank<Rank>::template Draw<Lanes, LowRankKernel>;

    struct Ready {
        const float* numbers;
    };

    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept { stream.numbers = ready.numbers; }

    float operator()(const Key&, const BlockIdentity&, std::uint64_t) const;
};

/// Forms V of some blocks for one epoch; a thread for each counter of each V_k.
struct FormColumnFactors {
    struct Factors {
        std::uint64_t hash;
        std::uint64_t columns;
        std::uint64_t first_thread;
        float* numbers;
    };
    static constexpr int most = 256;

    std::uint64_t seed;
    std::uint64_t epoch;
    int rank;
    int blocks;
    Factors of[most];

    [[nodiscard]] ZEROTH_HOST_DEVICE static std::uint64_t tiles(std::uint64_t columns) noexcept {
        return (columns + ColumnFactors::tile - 1) / ColumnFactors::tile;
    }
    [[nodiscard]] std::uint64_t threads_of(std::uint64_t columns) const noexcept {
        return static_cast<std::uint64_t>(rank) * tiles(columns) * tile_lanes;
    }
    ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept {
        const int b = last_begun(blocks, [&](int i) { return of[i].first_thread <= thread; });
        const std::uint64_t own = thread - of[b].first_thread;
        const std::uint64_t along = tiles(of[b].columns) * tile_lanes;
        const std::uint64_t k = own / along;
        const std::uint64_t counter = own % along;
        ColumnFactors::fill(of[b].numbers + k * ColumnFactors::stride(of[b].columns), of[b].columns,
                            ColumnFactors::stream(seed, epoch, {of[b].hash, 1, of[b].columns}), static_cast<int>(k), counter / tile_lanes,
                            counter % tile_lanes);
    }
};

template <int Rank>
class DeviceForm<LowRank<Rank>> {
  public:
    using Kernel = LowRankKernel<Rank>;

    /// V of two epochs; the host keeps none.
    static std::size_t reserve(LowRank<Rank>& direction, std::span<const Block> blocks, std::size_t most_keys) {
        direction.validate();
        return (most_keys < 2 ? most_keys : 2) * numbers_of(blocks) * sizeof(float);
    }
    template <class Moves>
    DeviceForm(const LowRank<Rank>& direction, std::span<const Block> blocks, const Moves& moves)
        : blocks_{blocks}, numbers_{numbers_of(blocks)} {
        for (const auto& move : moves) {
            epochs_.add({move.key.seed, move.key.step / direction.refresh_every});
        }
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return static_cast<std::size_t>(epochs_.count()) * numbers_ * sizeof(float); }
    template <class Queue>
    void form(const Queue& queue, std::byte* memory) {
        memory_ = reinterpret_cast<float*>(memory);
        FormColumnFactors task;
        task.rank = Rank;
        for (int e = 0; e < epochs_.count(); ++e) {
            task.seed = epochs_.name(e).seed;
            task.epoch = epochs_.name(e).epoch;
            float* at = memory_ + static_cast<std::size_t>(e) * numbers_;
            std::uint64_t threads = 0;
            task.blocks = 0;
            for (std::size_t b = 0; b < blocks_.size(); ++b) {
                const BlockIdentity& block = blocks_[b].identity;
                if (is_factored(block)) {
                    task.of[task.blocks++] = {block.hash, block.columns, threads, at};
                    threads += task.threads_of(block.columns);
                    at += numbers_of(block);
                }
                if (threads != 0 && (b + 1 == blocks_.size() || task.blocks == FormColumnFactors::most)) {
                    queue.run(threads, task);
                    threads = 0;
                    task.blocks = 0;
                }
            }
        }
    }
    [[nodiscard]] Kernel kernel() const noexcept { return {}; }
    void begin_block(const Block&, std::size_t index) noexcept {
        if (index < index_) {
            index_ = 0;
            before_ = 0;
        }
        for (; index_ < index; ++index_) {
            before_ += numbers_of(blocks_[index_].identity);
        }
    }
    template <class MoveType>
    [[nodiscard]] typename Kernel::Ready ready(const MoveType&, std::size_t k) const noexcept {
        return {is_factored(blocks_[index_].identity) ? memory_ + epochs_.number_of(k) * numbers_ + before_ : nullptr};
    }

  private:
    struct Epoch {
        std::uint64_t seed;
        std::uint64_t epoch;

        friend constexpr bool operator==(const Epoch&, const Epoch&) = default;
    };

    [[nodiscard]] static bool is_factored(const BlockIdentity& block) noexcept {
        return block.rows > static_cast<std::uint64_t>(Rank) && block.columns > static_cast<std::uint64_t>(Rank);
    }
    [[nodiscard]] static std::size_t numbers_of(const BlockIdentity& block) noexcept {
        return is_factored(block) ? static_cast<std::size_t>(static_cast<std::uint64_t>(Rank) * ColumnFactors::stride(block.columns)) : 0;
    }
    [[nodiscard]] static std::size_t numbers_of(std::span<const Block> blocks) noexcept {
        std::size_t numbers = 0;
        for (const Block& block : blocks) {
            numbers += numbers_of(block.identity);
        }
        return numbers;
    }

    std::span<const Block> blocks_;
    /// Of one epoch.
    std::size_t numbers_;
    DistinctNames<Epoch> epochs_;
    float* memory_ = nullptr;
    /// The block begun, and the numbers of those before it.
    std::size_t index_ = 0;
    std::size_t before_ = 0;
};

/// Preconditioned: the address of the block's factors.
template <class D>
struct FactoredKernel : FactoredDraws<D> {
    struct Ready {
        const float* numbers;
    };

    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept { stream.numbers = ready.numbers; }
};
template <class D>
class DeviceForm<Preconditioned<D>> {
  public:
    static_assert(is_whole<D>, "zeroth: the CUDA backend does not know this direction");
    using Kernel = FactoredKernel<D>;

    /// The factors are the direction's own, in the backend's memory.
    static std::size_t reserve(const Preconditioned<D>&, std::span<const Block>, std::size_t) noexcept { return 0; }
    template <class Moves>
    DeviceForm(const Preconditioned<D>& direction, std::span<const Block>, const Moves&) noexcept : direction_{direction} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
    template <class Queue>
    void form(const Queue&, std::byte*) const noexcept {}
    [[nodiscard]] Kernel kernel() const noexcept { return {{direction_.raw}}; }
    void begin_block(const Block&, std::size_t index) noexcept { index_ = index; }
    template <class MoveType>
    [[nodiscard]] typename Kernel::Ready ready(const MoveType&, std::size_t) const noexcept {
        return {direction_.factors_of(index_)};
    }

  private:
    const Preconditioned<D>& direction_;
    std::size_t index_ = 0;
};

/// Sphere: the address of the key's factor in the block, which form_factors has formed; null for 1.
struct SphereKernel : Sphere {
    struct Ready {
        const double* factor;
    };

    [[nodiscard]] ZEROTH_INLINE static double factor(const Ready& ready) noexcept { return ready.factor != nullptr ? *ready.factor : 1.0; }
};
template <>
class DeviceForm<Sphere> {
  public:
    using Kernel = SphereKernel;

    /// The sums' memory.
    static std::size_t reserve(const Sphere&, std::span<const Block> blocks, std::size_t) noexcept {
        return blocks.size() * sizeof(std::int64_t);
    }
    template <class Moves>
    DeviceForm(const Sphere&, std::span<const Block>, const Moves&) noexcept {}
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
    template <class Queue>
    void form(const Queue&, std::byte*) const noexcept {}
    [[nodiscard]] Kernel kernel() const noexcept { return {}; }
    void begin_block(const Block&, std::size_t index) noexcept { index_ = index; }
    template <class MoveType>
    [[nodiscard]] Kernel::Ready ready(const MoveType& move, std::size_t) const noexcept {
        return Kernel::Ready{move.block_scale != nullptr ? move.block_scale + index_ : nullptr};
    }

  private:
    std::size_t index_ = 0;
};

/// A normalised direction's factors of one key in some blocks: first the sums are cleared, then a thread block draws each chunk and adds to
/// its block's, then come the factors.
template <class D>
struct NormTask {
    struct Part {
        std::uint64_t hash;
        std::uint64_t size;
        std::uint64_t first_chunk;
    };
    static constexpr int most = 256;

    PhiloxKey philox;
    int blocks;
    std::int64_t* units;
    double* factors;
    Part of[most];

    struct Clear {
        std::int64_t* units;
        ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept { units[thread] = 0; }
    };
    struct Sum {
        NormTask task;

        ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept {
            using Own = Lanes<4>;
            constexpr std::uint64_t runs = Tuning::chunk / tile_size<D> * (tile_lanes / Own::width);
            const std::uint64_t chunk = thread / Tuning::threads;
            const int b = last_begun(task.blocks, [&](int i) { return task.of[i].first_chunk <= chunk; });
            const std::uint64_t size = task.of[b].size;
            const Stream stream{.key = {}, .block = {task.of[b].hash, size, 1}, .philox = task.philox};
            const std::uint64_t first = (chunk - task.of[b].first_chunk) * (Tuning::chunk / tile_size<D> * tile_lanes);
            std::int64_t sum = 0;
            for (std::uint64_t run = thread % Tuning::threads; run < runs; run += Tuning::threads) {
                const std::uint64_t counter = first + run * Own::width;
                std::uint64_t element = counter / tile_lanes * tile_size<D> + counter % tile_lanes;
                typename D::template Draw<Own> draw[1];
                const Stream* const streams[1] = {&stream};
                const std::uint64_t counters[1] = {counter};
                D::template Draw<Own>::template draw<1>(D{}, streams, counters, draw);
                for (int group = 0; group < D::groups && element < size; ++group) {
                    typename Own::Float z[D::vectors];
                    draw[0].next(z);
                    ZEROTH_UNROLL
                    for (int j = 0; j < D::vectors; ++j) {
                        ZEROTH_UNROLL
                        for (int l = 0; l < Own::width; ++l) {
                            sum += element + static_cast<std::uint64_t>(l) < size ? squared_units(z[j].lane[l]) : 0;
                        }
                        element += tile_lanes;
                    }
                }
            }
            Merge::sum(task.units[b], sum); // the threads of a warp have the same block
        }
    };
    struct Scale {
        NormTask task;
        ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept {
            task.factors[thread] = D::scale(task.units[thread], task.of[thread].size);
        }
    };
};

/// Forms a move's factors in all blocks: what its block_scale is to point to. units and factors have an entry for each block.
template <NormalisedDirection D, class Queue>
void form_factors(const Queue& queue, std::span<const Block> blocks, const D&, const PhiloxKey& philox, std::int64_t* units,
                  double* factors) {
    using Task = NormTask<D>;
    for (std::size_t begin = 0; begin < blocks.size(); begin += Task::most) {
        Task task;
        task.philox = philox;
        task.units = units + begin;
        task.factors = factors + begin;
        task.blocks = 0;
        std::uint64_t chunks = 0;
        for (std::size_t b = begin; b < blocks.size() && task.blocks < Task::most; ++b) {
            task.of[task.blocks++] = {blocks[b].identity.hash, blocks[b].size(), chunks};
            chunks += (blocks[b].size() + Tuning::chunk - 1) / Tuning::chunk;
        }
        const auto count = static_cast<std::uint64_t>(task.blocks);
        queue.run(count, typename Task::Clear{task.units});
        if (chunks != 0) {
            queue.run(chunks * Tuning::threads, typename Task::Sum{task});
        }
        queue.run(count, typename Task::Scale{task});
    }
}

/// A BitMask whose words lie in a device's memory, as DeviceBits holds them; the two spans are the host's.
struct DeviceBitMask : BitMask {
    /// Throws std::invalid_argument unless there are bits for each of these blocks, and they lie on a device.
    template <class Blocks>
    void validate_for(const Blocks& trained) const {
        for (std::size_t b = 0; b < trained.size(); ++b) {
            if (trained[b].space != MemorySpace::device) {
                throw std::invalid_argument{"zeroth: the mask's bits lie in device memory, block '" + trained[b].name + "' in host memory"};
            }
        }
        BitMask::validate_for(trained);
    }
    /// Not for the host.
    bool operator()(const Key&, const BlockIdentity&, std::uint64_t) const {
        throw std::logic_error{"zeroth: a mask's bits in device memory are read there alone"};
    }
};

/// How a mask comes to a device: what of its stream a thread is told. Bernoulli and DeviceBitMask have one.
template <class M>
struct DeviceMask;
template <>
struct DeviceMask<Bernoulli> {
    struct Ready {
        std::uint32_t salt;
        std::uint32_t threshold;
    };
    [[nodiscard]] static Ready ready(const Stream& stream) noexcept { return {stream.salt, stream.threshold}; }
    ZEROTH_INLINE static void leave(Stream& stream, const Ready& ready) noexcept {
        stream.salt = ready.salt;
        stream.threshold = ready.threshold;
    }
};
template <>
struct DeviceMask<DeviceBitMask> {
    struct Ready {
        const std::uint32_t* bits;
    };
    [[nodiscard]] static Ready ready(const Stream& stream) noexcept { return {stream.bits}; }
    ZEROTH_INLINE static void leave(Stream& stream, const Ready& ready) noexcept { stream.bits = ready.bits; }
};

/// What a kernel is told of a move in a block: nothing, or Kernel::Ready.
template <class Kernel>
struct ReadyOf {};
template <class Kernel>
    requires requires { typename Kernel::Ready; }
struct ReadyOf<Kernel> : Kernel::Ready {};

template <class Kernel, class M>
struct MaskedKernel : Masked<Kernel, M> {
    struct Ready : ReadyOf<Kernel> {
        typename DeviceMask<M>::Ready mask;
    };

    ZEROTH_INLINE void leave(Stream& stream, const Ready& ready) const noexcept {
        if constexpr (requires { typename Kernel::Ready; }) {
            this->direction.leave(stream, static_cast<const typename Kernel::Ready&>(ready));
        } else if constexpr (requires { this->direction.leave(stream); }) {
            this->direction.leave(stream);
        }
        DeviceMask<M>::leave(stream, ready.mask);
    }
    [[nodiscard]] ZEROTH_INLINE std::uint32_t shared() const noexcept
        requires requires(const Kernel& kernel) { kernel.shared(); }
    {
        return this->direction.shared();
    }
    [[nodiscard]] ZEROTH_INLINE const float*& numbers() noexcept
        requires requires(Kernel& kernel) { kernel.numbers(); }
    {
        return this->direction.numbers();
    }
};
template <class D, class M>
class DeviceForm<Masked<D, M>> {
  public:
    static_assert(requires { typename DeviceMask<M>::Ready; },
                  "zeroth: the CUDA backend does not know this mask; for a BitMask there is DeviceBits");
    using Inner = DeviceForm<D>;
    using Kernel = MaskedKernel<typename Inner::Kernel, M>;

    static std::size_t reserve(Masked<D, M>& direction, std::span<const Block> blocks, std::size_t most_keys) {
        return Inner::reserve(direction.direction, blocks, most_keys);
    }
    template <class Moves>
    DeviceForm(const Masked<D, M>& direction, std::span<const Block> blocks, const Moves& moves)
        : inner_{direction.direction, blocks, moves}, mask_{direction.mask} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return inner_.bytes(); }
    template <class Queue>
    void form(const Queue& queue, std::byte* memory) {
        inner_.form(queue, memory);
    }
    [[nodiscard]] Kernel kernel() const noexcept { return {{inner_.kernel(), mask_}}; }
    void begin_block(const Block& block, std::size_t index) noexcept {
        if constexpr (requires { inner_.begin_block(block, index); }) {
            inner_.begin_block(block, index);
        }
        block_ = block.identity;
        index_ = index;
    }
    template <class MoveType>
    [[nodiscard]] typename Kernel::Ready ready(const MoveType& move, std::size_t k) const {
        const auto of_mask = DeviceMask<M>::ready(prepared_stream(mask_, move, block_, index_));
        if constexpr (requires { typename Inner::Kernel::Ready; }) {
            return {{inner_.ready(move, k)}, of_mask};
        } else {
            return {{}, of_mask};
        }
    }

  private:
    Inner inner_;
    const M& mask_;
    BlockIdentity block_{};
    std::size_t index_ = 0;
};

/// A traversal on a device, or what stands for one: forms what the direction needs in memory(bytes), then has each launch carried out,
/// by queue.traverse<Storage>(launch, kernel).
template <class... Storage, class D, class Operation, class Queue, class Memory>
void traverse_on(ScalarTypes<Storage...>*, const Queue& queue, std::span<const Block> blocks, const D& direction,
                 std::span<const Move<Operation::coefficients>> moves, const Operation& operation, const Memory& memory) {
    static_assert(is_whole<Operation>, "zeroth: the CUDA backend does not know this operation, restore policy or rule");
    DeviceForm<D> form{direction, blocks, moves};
    form.form(queue, memory(form.bytes()));
    const auto traverse_type = [&]<class S>(S*) {
        using Own = OperationOn<Operation, S>;
        for_each_launch<S>(blocks, moves, Own::of(operation), form,
                           [&](auto& launch) { queue.template traverse<S>(launch, form.kernel()); });
    };
    (traverse_type(static_cast<Storage*>(nullptr)), ...);
}

} // namespace cuda
ZEROTH_END_NAMESPACE
