#pragma once

/// What directions share that read their numbers one after the other from a table formed ahead: ReusePool and LfsrBank.

#include <zeroth/ground/array.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/formed_ahead.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

ZEROTH_BEGIN_NAMESPACE

constexpr std::uint64_t greatest_common_divisor(std::uint64_t a, std::uint64_t b) noexcept {
    while (b != 0) {
        const std::uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/// The least number from `number` on that is coprime with the period: multiples of it visit all places of the period.
constexpr std::uint64_t coprime_from(std::uint64_t number, std::uint64_t period) noexcept {
    while (greatest_common_divisor(number, period) != 1) {
        ++number;
    }
    return number;
}

/// The shape of a table of whole numbers, and how it is read.
struct TableLayout {
    std::uint32_t rows;
    std::uint32_t columns;
    /// Of the numbers' magnitudes.
    std::uint32_t largest;
    /// One sequence for all weights, in place of one for each block.
    bool running_index;
    /// The scale is a power of two.
    bool power_of_two;
    /// Steps after which the table's numbers are drawn anew; 0: never.
    std::uint64_t refresh_every;

    [[nodiscard]] ZEROTH_HOST_DEVICE constexpr std::uint64_t size() const noexcept { return std::uint64_t{rows} * columns; }
};

/// The factor that gives `length` numbers, whose squares' sum is `squares`, a Gaussian vector's norm: sqrt((length - 1/2) / squares); 0
/// where all are 0. Rounded to a power of two it is the nearest by ratio, so the norm is off by at most sqrt 2 either way.
/// A number scaled is at most 8 (8 sqrt 2): of more than 64 numbers the factor is at most 8 / largest, which binds where their rms is 1 / 8
/// of the largest (for uniforms it is 1 / sqrt 3), and of fewer none exceeds sqrt(length).
inline float modulus_scale(const TableLayout& layout, std::uint64_t length, double squares) noexcept {
    if (squares == 0) {
        return 0;
    }
    double ratio = (static_cast<double>(length) - 0.5) / squares;
    const double largest = layout.largest;
    const double most = 64 / (largest * largest);
    ratio = length > 64 && ratio > most ? most : ratio;
    if (layout.power_of_two) {
        // From 2^(2k - 1) to under 2^(2k + 1): 2^k.
        int exponent = 0;
        std::frexp(ratio, &exponent);
        return static_cast<float>(std::ldexp(1.0, exponent >> 1));
    }
    return static_cast<float>(std::sqrt(ratio));
}

/// Numbers that a table is read for at a stretch.
inline constexpr std::uint64_t table_stretch = 1024;

/// Registers read one after the other. The table goes on with a stretch of its first numbers, so only a tile's first place needs a
/// division.
template <class D, class Lanes>
struct TableDraw {
    const float* at;
    typename Lanes::Float scale;

    ZEROTH_INLINE void next(typename Lanes::Float (&z)[D::vectors]) noexcept {
        ZEROTH_UNROLL
        for (int j = 0; j < D::vectors; ++j) {
            z[j] = Lanes::product(scale, Lanes::load(at + j * tile_lanes));
        }
        at += D::vectors * tile_lanes;
    }
    template <int N>
    ZEROTH_INLINE static void draw(const D& direction, const Stream* const (&streams)[N], const std::uint64_t (&counters)[N],
                                   TableDraw (&draws)[N]) noexcept {
        static_assert(tile_size<D> == table_stretch);
        const std::uint64_t size = direction.layout().size();
        ZEROTH_UNROLL
        for (int n = 0; n < N; ++n) {
            const std::uint64_t element = counters[n] / tile_lanes * tile_size<D>;
            draws[n].at = streams[n]->numbers + (streams[n]->element + element) % size + counters[n] % tile_lanes;
            draws[n].scale = Lanes::broadcast(streams[n]->scale);
        }
    }
};

/// Which table: its numbers' seed and epoch, and by how much its columns are rotated.
struct TableName {
    std::uint64_t seed = 0;
    std::uint64_t epoch = 0;
    std::uint32_t rotation = 0;

    friend constexpr bool operator==(const TableName&, const TableName&) = default;

    /// Of the words that the table's numbers are drawn from.
    [[nodiscard]] PhiloxKey philox() const noexcept { return philox_key({seed, epoch, 0}, Purpose::pool); }
};

/// The tables of the keys in use, and where each block begins to read them.
///
/// A key's shifts are its step plus, for each query, a golden section of the table: so all of a step's queries read from places of their
/// own. A block's sequence starts at a row of its own for each table, and moves on by its length in rows, bumped until coprime with the
/// table's rows, at each shift.
class NumberTables {
  public:
    /// Takes the memory for tables of max_keys keys in each traversal, of two epochs. Forming takes more where keys lie further apart.
    template <class Blocks>
    void reserve(const TableLayout& layout, const Blocks& blocks, std::size_t max_keys) {
        places_ = Array<Place>(blocks.size());
        std::uint64_t before = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            places_[b] = alone(layout, blocks[b].identity);
            if (layout.running_index) {
                places_[b].begin = before;
                places_[b].salt = places_[0].salt;
            }
            before += blocks[b].identity.size();
        }
        for (Place& place : places_) {
            if (layout.running_index) {
                place.length = before;
                place.shift = shift(layout, before);
            }
        }
        stride_ = stride(layout);
        // A traversal's, and those of a displacement, at most a third of them, that the one before it has left.
        const std::size_t most = max_keys + max_keys / 3;
        const std::size_t different = std::size_t{layout.columns} * (layout.refresh_every == 0 ? 1 : 2);
        table_bytes_ = Table(layout, places_.size()).bytes();
        weights_ = before;
        tables_.reserve(most == 0 ? 1 : most < different ? most : different, [&] { return Table(layout, places_.size()); });
    }

    /// Makes the key's table by fill(name, numbers) unless it is there. It stays for the traversal that it is formed for and the next.
    template <class Fill>
    void form(const TableLayout& layout, const Key& key, const Fill& fill) {
        if (tables_.size() == 0) {
            throw std::logic_error{"zeroth: a direction's reserve() comes before form()"};
        }
        const TableName name = name_of(layout, key, shifts(layout, key, stride_));
        if (weights_ == 0 || tables_.ask(name) != nullptr) { // without a weight nothing is drawn
            return;
        }
        Table& table = tables_.make_room(name, [&] { return Table(layout, places_.size()); });
        table.fill(layout, fill);
        for (std::size_t b = 0; b < places_.size(); ++b) {
            table.starts[b] = start(layout, name, places_[b].salt);
        }
    }

    /// Leaves in the stream the table, the place of the block's first number, and the scale.
    /// Throws std::logic_error for a key that was not formed: in a traversal, which is noexcept, that ends the program.
    void prepare(const TableLayout& layout, Stream& stream, std::size_t block_index) const {
        const std::uint64_t count = shifts(layout, stream.key, stride_);
        const Table* const table = tables_.find(name_of(layout, stream.key, count));
        if (table == nullptr) {
            throw std::logic_error{"zeroth: a direction draws for a key that was not formed"};
        }
        const std::size_t b = index_of(stream.block, block_index);
        const bool known = b < places_.size();
        const Place place = known ? places_[b] : alone(layout, stream.block);
        const Start at{known ? table->starts[b] : start(layout, table->name, place.salt), count};
        stream.numbers = table->numbers.data();
        stream.element = at.row(layout, place) * layout.columns + place.begin;
        stream.scale = table->scale(layout, place, at);
    }

    /// One number; of a key that was not formed, from a table made for it. A block that was not reserved is alone.
    template <class Fill>
    [[nodiscard]] float number(const TableLayout& layout, const Key& key, const BlockIdentity& block, std::uint64_t element,
                               const Fill& fill) const {
        const std::uint64_t count = shifts(layout, key, stride_ != 0 ? stride_ : stride(layout));
        const TableName name = name_of(layout, key, count);
        const Table* table = tables_.find(name);
        Table made;
        if (table == nullptr) {
            made = Table(layout, 0);
            made.name = name;
            made.fill(layout, fill);
            table = &made;
        }
        const std::size_t b = index_of(block, 0);
        const Place place = b < places_.size() ? places_[b] : alone(layout, block);
        const Start at{start(layout, name, place.salt), count};
        const std::uint64_t first = at.row(layout, place) * layout.columns + place.begin;
        return ScalarLanes::product(table->scale(layout, place, at), table->numbers[(first + element) % layout.size()]);
    }

    /// Of the tables taken so far.
    [[nodiscard]] std::size_t bytes() const noexcept { return tables_.size() * table_bytes_; }

    /// Rows that a sequence of so many numbers moves on by.
    [[nodiscard]] static std::uint64_t shift(const TableLayout& layout, std::uint64_t length) noexcept {
        return coprime_from((length + layout.columns - 1) / layout.columns, layout.rows);
    }
    /// A query's share of shifts.
    [[nodiscard]] static std::uint64_t stride(const TableLayout& layout) noexcept {
        return coprime_from(layout.size() * 40503 >> 16, layout.size());
    }
    /// How often a key's sequences have moved on.
    [[nodiscard]] static std::uint64_t shifts(const TableLayout& layout, const Key& key, std::uint64_t stride) noexcept {
        return (key.step % layout.size() + key.query % layout.size() * stride) % layout.size();
    }
    [[nodiscard]] static TableName name_of(const TableLayout& layout, const Key& key, std::uint64_t shifts) noexcept {
        const std::uint64_t epoch = layout.refresh_every != 0 ? key.step / layout.refresh_every : 0;
        return {key.seed, epoch, static_cast<std::uint32_t>(shifts % layout.columns)};
    }
    /// The first row of a sequence: its block's salt is the block's hash; with one index over all weights, the first of these blocks'.
    [[nodiscard]] static std::uint32_t start(const TableLayout& layout, const TableName& name, std::uint64_t salt) noexcept {
        // Beyond the counters of the table's own numbers.
        const PhiloxWords words = philox4x32(counter_words(std::uint64_t{1} << 32, salt), name.philox());
        return static_cast<std::uint32_t>((std::uint64_t{words.word[1]} << 32 | words.word[0]) % layout.rows);
    }

  private:
    /// A block's part of the sequence that it reads.
    struct Place {
        BlockIdentity block;
        /// Number of its first weight in the sequence.
        std::uint64_t begin = 0;
        /// Of the whole sequence.
        std::uint64_t length = 0;
        /// Rows.
        std::uint64_t shift = 0;
        /// Of the sequence's start.
        std::uint64_t salt = 0;
    };

    /// Where a key's sequence begins.
    struct Start {
        std::uint64_t first;
        std::uint64_t shifts;

        [[nodiscard]] std::uint64_t row(const TableLayout& layout, const Place& place) const noexcept {
            return (first + place.shift % layout.rows * (shifts % layout.rows)) % layout.rows;
        }
    };

    struct Table {
        TableName name;
        /// Row by row, then from the first on for a stretch more.
        Array<float> numbers;
        /// Sum over the rows before each.
        Array<std::uint64_t> squares;
        /// The first row of each block.
        Array<std::uint32_t> starts;

        Table() = default;
        Table(const TableLayout& layout, std::size_t blocks)
            : numbers(static_cast<std::size_t>(layout.size() + table_stretch)), squares(std::size_t{layout.rows} + 1), starts(blocks) {}

        [[nodiscard]] std::size_t bytes() const noexcept {
            return numbers.size() * sizeof(float) + squares.size() * sizeof(std::uint64_t) + starts.size() * sizeof(std::uint32_t);
        }
        template <class Fill>
        void fill(const TableLayout& layout, const Fill& with) {
            with(name, numbers.data());
            const auto size = static_cast<std::size_t>(layout.size());
            for (std::size_t i = size; i < numbers.size(); ++i) {
                numbers[i] = numbers[i - size];
            }
            for (std::size_t row = 0; row < layout.rows; ++row) {
                squares[row + 1] = squares[row] + sum_of_squares(numbers.data() + row * layout.columns, layout.columns);
            }
        }
        [[nodiscard]] float scale(const TableLayout& layout, const Place& place, const Start& at) const noexcept {
            const std::uint64_t full = place.length / layout.columns;
            const std::uint64_t whole = full / layout.rows, rest = full % layout.rows;
            const std::uint64_t first = at.row(layout, place), last = first + rest;
            const std::uint64_t all = squares[layout.rows];
            std::uint64_t sum = last <= layout.rows ? squares[last] - squares[first] : all - squares[first] + squares[last - layout.rows];
            sum += sum_of_squares(numbers.data() + last % layout.rows * layout.columns, place.length % layout.columns);
            return modulus_scale(layout, place.length,
                                 ScalarLanes::product(static_cast<double>(whole), static_cast<double>(all)) + static_cast<double>(sum));
        }
        /// Of whole numbers, under 2^16 in magnitude.
        [[nodiscard]] static std::uint64_t sum_of_squares(const float* of, std::uint64_t count) noexcept {
            std::uint64_t sum = 0;
            for (std::uint64_t i = 0; i < count; ++i) {
                const auto number = static_cast<std::int64_t>(of[i]);
                sum += static_cast<std::uint64_t>(number * number);
            }
            return sum;
        }
    };

    [[nodiscard]] static Place alone(const TableLayout& layout, const BlockIdentity& block) noexcept {
        return {block, 0, block.size(), shift(layout, block.size()), block.hash};
    }
    /// A block's index, which `likely` is in the parameters that it was reserved for; the number of blocks if it was not.
    [[nodiscard]] std::size_t index_of(const BlockIdentity& block, std::size_t likely) const noexcept {
        if (likely < places_.size() && places_[likely].block == block) {
            return likely;
        }
        std::size_t b = 0;
        while (b < places_.size() && !(places_[b].block == block)) {
            ++b;
        }
        return b;
    }
    Array<Place> places_;
    FormedAhead<Table> tables_;
    std::size_t table_bytes_ = 0;
    /// Of all places.
    std::uint64_t weights_ = 0;
    std::uint64_t stride_ = 0;
};

ZEROTH_END_NAMESPACE
