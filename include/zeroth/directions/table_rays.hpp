#pragma once

/// What directions share that read their numbers one after the other from a table formed ahead: ReusePool and LfsrBank.

#include <zeroth/directions/formed_ahead.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/directions/table_layout.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/rays/ray.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// Numbers that a table is read for at a stretch.
inline constexpr std::uint64_t table_stretch = 1024;

/// Numbers read one after the other, and scaled. The table goes on with a stretch of its first numbers, so only a tile's first place needs a
/// division.
struct TableRay {
    static constexpr int groups = 16;
    static constexpr int vectors = 4;
    static constexpr bool is_device_copyable = true;

    const float* numbers;
    /// Of the block's first number in the table, which has `size`.
    std::uint32_t start;
    std::uint32_t size;
    float scale;

    template <class Lanes>
    struct Draw {
        const float* at;
        typename Lanes::Float scale;

        ZEROTH_INLINE void next(typename Lanes::Float (&z)[vectors]) noexcept {
            ZEROTH_UNROLL
            for (int j = 0; j < vectors; ++j) {
                z[j] = Lanes::product(scale, Lanes::load(at + j * tile_lanes));
            }
            at += vectors * tile_lanes;
        }
        template <int N>
        ZEROTH_INLINE static void draw(const TableRay* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
            static_assert(tile_size<TableRay> == table_stretch);
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                const std::uint64_t element = counters[n] / tile_lanes * table_stretch;
                draws[n].at = rays[n]->numbers + (rays[n]->start + element) % rays[n]->size + counters[n] % tile_lanes;
                draws[n].scale = Lanes::broadcast(rays[n]->scale);
            }
        }
    };
};

/// A block's part of the sequence that it reads.
struct TablePlace {
    /// Number of its first weight in the sequence.
    std::uint64_t begin = 0;
    /// Of the whole sequence.
    std::uint64_t length = 0;
    /// Rows that it moves on by.
    std::uint64_t shift = 0;
    /// Of the sequence's start.
    std::uint64_t salt = 0;

    /// A block's whose sequence is its own.
    [[nodiscard]] static TablePlace alone(const TableLayout& layout, const BlockIdentity& block) noexcept {
        return {0, block.size(), layout.shift(block.size()), block.hash};
    }
};

/// A table's numbers, and what their scales follow from.
struct NumberTable {
    TableName name;
    /// Row by row, then from the first on for a stretch more.
    Array<float> numbers;
    /// Sum over the rows before each.
    Array<std::uint64_t> squares;
    /// The first row of each block.
    Array<std::uint32_t> starts;

    NumberTable() = default;
    NumberTable(const TableLayout& layout, std::size_t blocks)
        : numbers(static_cast<std::size_t>(layout.size() + table_stretch)), squares(std::size_t{layout.rows} + 1), starts(blocks) {}

    [[nodiscard]] static std::size_t bytes_of(const TableLayout& layout, std::size_t blocks) noexcept {
        return static_cast<std::size_t>(layout.size() + table_stretch) * sizeof(float) +
               (std::size_t{layout.rows} + 1) * sizeof(std::uint64_t) + blocks * sizeof(std::uint32_t);
    }
    /// The numbers of its name, as the direction fills them in.
    template <class D>
    void form(const D& direction) {
        const TableLayout layout = direction.layout();
        direction.fill(name, numbers.data());
        const auto size = static_cast<std::size_t>(layout.size());
        for (std::size_t i = size; i < numbers.size(); ++i) {
            numbers[i] = numbers[i - size];
        }
        for (std::size_t row = 0; row < layout.rows; ++row) {
            squares[row + 1] = squares[row] + sum_of_squares(numbers.data() + row * layout.columns, layout.columns);
        }
    }
    /// A block's numbers, whose sequence begins at row `start` and has moved on so often.
    [[nodiscard]] TableRay ray(const TableLayout& layout, const TablePlace& place, std::uint64_t start, std::uint64_t shifts) const noexcept {
        const std::uint64_t row = (start + place.shift % layout.rows * (shifts % layout.rows)) % layout.rows;
        return {numbers.data(), static_cast<std::uint32_t>((row * layout.columns + place.begin) % layout.size()),
                static_cast<std::uint32_t>(layout.size()), scale(layout, place.length, row)};
    }

  private:
    [[nodiscard]] float scale(const TableLayout& layout, std::uint64_t length, std::uint64_t first) const noexcept {
        const std::uint64_t full = length / layout.columns;
        const std::uint64_t whole = full / layout.rows, rest = full % layout.rows;
        const std::uint64_t last = first + rest;
        const std::uint64_t all = squares[layout.rows];
        std::uint64_t sum = last <= layout.rows ? squares[last] - squares[first] : all - squares[first] + squares[last - layout.rows];
        sum += sum_of_squares(numbers.data() + last % layout.rows * layout.columns, length % layout.columns);
        return modulus_scale(layout, length, ScalarLanes::product(static_cast<double>(whole), static_cast<double>(all)) + static_cast<double>(sum));
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

/// One number of a block that is the only one, from a table made for it.
template <class D>
[[nodiscard]] float table_number(const D& direction, const Key& key, const BlockIdentity& block, std::uint64_t element) {
    const TableLayout layout = direction.layout();
    const std::uint64_t shifts = layout.shifts(key, layout.stride());
    NumberTable table{layout, 0};
    table.name = layout.name_of(key, shifts);
    table.form(direction);
    return number_at(table.ray(layout, TablePlace::alone(layout, block), layout.start(table.name, block.hash), shifts), element);
}

/// The tables of the keys in use, and where each block begins to read them. D has layout(), and fill(name, numbers), which makes a table.
template <class D>
class TableRays : public RaysBase<D> {
  public:
    /// Takes the memory for tables of max_keys keys in each traversal, of two epochs. Where keys lie further apart more is taken.
    template <class B>
    TableRays(const D& direction, std::span<const Block> blocks, std::size_t max_keys, const B&)
        : RaysBase<D>{direction, blocks}, layout_{direction.layout()}, places_(blocks.size()), keys_(max_keys), slots_(max_keys) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            places_[b] = TablePlace::alone(layout_, blocks[b].identity);
            if (layout_.running_index) {
                places_[b].begin = weights_;
                places_[b].salt = places_[0].salt;
            }
            weights_ += blocks[b].identity.size();
        }
        for (TablePlace& place : places_) {
            if (layout_.running_index) {
                place.length = weights_;
                place.shift = layout_.shift(weights_);
            }
        }
        stride_ = layout_.stride();
        // A traversal's, and those of a displacement, at most a third of them, that the one before it has left.
        const std::size_t most = max_keys + max_keys / 3;
        const std::size_t different = std::size_t{layout_.columns} * (layout_.refresh_every == 0 ? 1 : 2);
        tables_.reserve(most == 0 ? 1 : most < different ? most : different, [this] { return make(); });
    }

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block>, const B&) {
        if (keys.size() > keys_.size()) {
            keys_ = Array<std::uint64_t>(keys.size());
            slots_ = Array<std::size_t>(keys.size());
        }
        for (std::size_t k = 0; k < keys.size(); ++k) {
            keys_[k] = layout_.shifts(keys[k], stride_);
        }
        if (weights_ == 0) { // nothing is drawn
            return;
        }
        tables_.prepare(
            keys, slots_.data(), [this](const Key& key) { return layout_.name_of(key, layout_.shifts(key, stride_)); }, [this] { return make(); },
            [this](std::size_t, NumberTable& table) {
                table.form(this->direction_);
                for (std::size_t b = 0; b < places_.size(); ++b) {
                    table.starts[b] = layout_.start(table.name, places_[b].salt);
                }
            });
    }
    [[nodiscard]] TableRay ray(std::size_t k, std::size_t b) const noexcept {
        if (weights_ == 0) {
            return {nullptr, 0, 1, 0};
        }
        const NumberTable& table = tables_[slots_[k]];
        return table.ray(layout_, places_[b], table.starts[b], keys_[k]);
    }
    /// Of the tables taken so far.
    [[nodiscard]] std::size_t bytes() const noexcept { return tables_.size() * NumberTable::bytes_of(layout_, places_.size()); }

  private:
    [[nodiscard]] NumberTable make() const { return {layout_, places_.size()}; }

    TableLayout layout_;
    Array<TablePlace> places_;
    FormedAhead<NumberTable> tables_;
    /// How often each prepared key's sequences have moved on, and where its table is.
    Array<std::uint64_t> keys_;
    Array<std::size_t> slots_;
    /// Of all blocks.
    std::uint64_t weights_ = 0;
    std::uint64_t stride_ = 0;
};

ZEROTH_END_NAMESPACE
