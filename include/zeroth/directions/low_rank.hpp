#pragma once

#include <zeroth/directions/column_factors.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/ground/setting.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// The lanes that U's numbers are formed in: a register of their own, or fewer where a register is many (Lanes::Narrow).
template <class Lanes>
struct NarrowLanes {
    using type = Lanes;
};
template <class Lanes>
    requires requires { typename Lanes::Narrow; }
struct NarrowLanes<Lanes> {
    using type = typename Lanes::Narrow;
};

/// Matrices of low rank: of a block of m rows and n columns,
///
///   z(i, j) = (1 / sqrt r) sum_{k < r} U_ik V_jk,   U (m x r) and V (n x r) Gaussian
///
/// U is the key's own; V is of the seed and of step / refresh_every, so all queries of that many steps share it, and their estimates lie in
/// one r-dimensional space of rows. Blocks with no more than r rows or columns, vectors among them, have plain Gaussian numbers.
/// E z = 0, E z z' = I; not normal: E z^4 = 3 + 6 / r. |z| < sqrt(r) 4.8547^2.
/// U is formed in each traversal, V once an epoch. Cost: r products and sums a number, and a share of U's Gaussians. State: V, r (n + 16)
/// floats a block for each of two epochs: 2 r / m of the weights' memory, however many queries. Keys replayed by a rule (WindowedMomentum)
/// have their own epochs' V; memory for a third epoch and more is taken when a traversal first has keys of so many.
/// The paper perturbs by e U V' and updates by eta c U V' / r: that is epsilon = e sqrt(r) here, and the same eta.
/// Throws std::invalid_argument if refresh_every is 0.
/// Source: LOZO, Chen et al., arXiv 2410.07698.
template <int Rank = 2>
    requires(Rank >= 1 && Rank <= 16)
struct LowRank {
    static constexpr int groups = 32;
    static constexpr int vectors = 4;

    /// Steps after which V is drawn anew.
    std::uint64_t refresh_every = 50;
    /// V; the direction's own.
    ColumnFactors columns{};

    static constexpr float largest = [] {
        float root = 1;
        while (root * root < static_cast<float>(Rank)) {
            root += 0x1p-8f;
        }
        return root * Gaussian::largest * Gaussian::largest;
    }();

    /// Owner is what draws: this, or one whose V is always formed (Owner::is_formed).
    template <class Lanes, class Owner = LowRank>
    class Draw {
      public:
        ZEROTH_INLINE void next(typename Lanes::Float (&z)[vectors]) noexcept {
            constexpr std::uint64_t reach = (vectors - 1) * tile_lanes + Lanes::width;
            if (column_ + reach <= columns_) {
                const std::uint64_t stride = ColumnFactors::stride(columns_);
                ZEROTH_UNROLL
                for (int k = 0; k < Rank; ++k) {
                    const auto u = Lanes::broadcast(u_[k]);
                    const float* const v = stream_->numbers + static_cast<std::uint64_t>(k) * stride + column_;
                    ZEROTH_UNROLL
                    for (int j = 0; j < vectors; ++j) {
                        const auto part = Lanes::product(u, Lanes::load(v + j * tile_lanes));
                        z[j] = k == 0 ? part : z[j] + part;
                    }
                }
                advance(vectors * tile_lanes);
            } else {
                float numbers[vectors * Lanes::width];
                form_elsewhere(numbers);
                ZEROTH_UNROLL
                for (int j = 0; j < vectors; ++j) {
                    z[j] = Lanes::load(numbers + j * Lanes::width);
                }
            }
        }
        template <int N>
        ZEROTH_INLINE static void draw(const Owner& direction, const Stream* const (&streams)[N], const std::uint64_t (&counters)[N],
                                       Draw (&draws)[N]) noexcept {
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                draw_from(direction, *streams[n], counters[n], 0, draws[n]);
            }
        }
        ZEROTH_INLINE static void draw_from(const Owner& direction, const Stream& stream, std::uint64_t counter, unsigned group,
                                            Draw& draw) noexcept {
            draw.start(direction, stream, counter / tile_lanes * tile_size<LowRank> + std::uint64_t{group} * (vectors * tile_lanes) +
                                              counter % tile_lanes);
        }

      private:
        using Float = typename Lanes::Float;
        using GaussianDraw = typename Gaussian::template Draw<Lanes>;
        static constexpr std::uint64_t width = Lanes::width;
        using RowLanes = typename NarrowLanes<Lanes>::type;
        static constexpr std::uint64_t row_width = RowLanes::width;

        ZEROTH_INLINE void start(const Owner& direction, const Stream& stream, std::uint64_t element) noexcept {
            direction_ = &direction;
            stream_ = &stream;
            element_ = element;
            row_ = column_ = columns_ = 0;
            if (stream.numbers != nullptr) {
                columns_ = stream.block.columns;
                row_ = element_ / columns_;
                column_ = element_ % columns_;
                form_rows(row_ * padded_rank / 8);
                take_row();
            }
        }
        ZEROTH_INLINE void advance(std::uint64_t count) noexcept {
            column_ += count;
            if (column_ >= columns_) {
                do {
                    column_ -= columns_;
                    ++row_;
                } while (column_ >= columns_);
                take_row();
            }
        }
        ZEROTH_INLINE void take_row() noexcept {
            ZEROTH_UNROLL
            for (int k = 0; k < Rank; ++k) {
                const std::uint64_t number = row_ * padded_rank + static_cast<std::uint64_t>(k);
                if (number / 8 - first_counter_ >= row_width) {
                    form_rows(number / 8);
                }
                u_[k] = rows_[number % 8 * row_width + (number / 8 - first_counter_)];
            }
        }
        /// U of the rows of a register of counters.
        [[gnu::noinline]] ZEROTH_HOST_DEVICE void form_rows(std::uint64_t counter) noexcept {
            using Draws = typename Gaussian::template Draw<RowLanes>;
            first_counter_ = counter / row_width * row_width;
            const Stream* const streams[1] = {stream_};
            const std::uint64_t counters[1] = {first_counter_};
            Draws draws[1];
            Draws::template draw<1>(Gaussian{}, streams, counters, draws);
            const auto root = RowLanes::broadcast(inverse_root());
            for (int group = 0; group < Gaussian::groups; ++group) {
                typename RowLanes::Float z[Gaussian::vectors];
                draws[0].next(z);
                for (int j = 0; j < Gaussian::vectors; ++j) {
                    RowLanes::store(rows_ + (group * Gaussian::vectors + j) * RowLanes::width, RowLanes::product(z[j], root));
                }
            }
        }

        /// The next registers where they are not all of one row, of a block without factors, or of a V that was not formed.
        [[gnu::noinline]] ZEROTH_HOST_DEVICE void form_elsewhere(float* numbers) noexcept {
            if (columns_ != 0) {
                for (int j = 0; j < vectors; ++j) {
                    Lanes::store(numbers + j * Lanes::width, across_rows());
                }
                return;
            }
            if (!form_singly(numbers)) {
                form_plain(numbers);
            }
            element_ += vectors * tile_lanes;
        }
        /// Of a V that was not formed, each number for itself.
        ZEROTH_HOST_DEVICE bool form_singly([[maybe_unused]] float* numbers) const noexcept {
#if !defined(__CUDA_ARCH__)
            if constexpr (!requires { Owner::is_formed; }) {
                const BlockIdentity& block = stream_->block;
                if (factored(block)) {
                    for (int i = 0; i < vectors * Lanes::width; ++i) {
                        const int ahead = i / Lanes::width * tile_lanes + i % Lanes::width;
                        const std::uint64_t element = element_ + static_cast<std::uint64_t>(ahead);
                        numbers[i] = (*direction_)(stream_->key, block, element < block.size() ? element : 0);
                    }
                    return true;
                }
            }
#endif
            return false;
        }
        /// A register: V goes on as it began, U lane by lane as the rows end.
        ZEROTH_HOST_DEVICE Float across_rows() noexcept {
            const float* const v = stream_->numbers + column_;
            const auto none = Lanes::broadcast_word(0);
            typename Lanes::Word u[Rank];
            for (int k = 0; k < Rank; ++k) {
                u[k] = none;
            }
            for (std::uint64_t lane = 0; lane < width;) {
                const std::uint64_t left = columns_ - column_;
                const std::uint64_t count = left < width - lane ? left : width - lane;
                const std::uint32_t lanes = ((1u << count) - 1) << lane;
                for (int k = 0; k < Rank; ++k) {
                    u[k] = u[k] | Lanes::bits(lanes_of_bits<Lanes>(lanes, Lanes::broadcast(u_[k])));
                }
                lane += count;
                advance(count);
            }
            advance(tile_lanes - width);
            Float z = Lanes::product(Lanes::from_bits(u[0]), Lanes::load(v));
            for (int k = 1; k < Rank; ++k) {
                const auto from = static_cast<std::uint64_t>(k) * ColumnFactors::stride(columns_);
                z = z + Lanes::product(Lanes::from_bits(u[k]), Lanes::load(v + from));
            }
            return z;
        }
        /// Four of the eight registers of a Gaussian's tile.
        ZEROTH_HOST_DEVICE void form_plain(float* numbers) const noexcept {
            const std::uint64_t tile = element_ / tile_size<Gaussian>;
            const Stream* const streams[1] = {stream_};
            const std::uint64_t counters[1] = {tile * tile_lanes + element_ % tile_lanes};
            GaussianDraw draws[1];
            GaussianDraw::template draw<1>(Gaussian{}, streams, counters, draws);
            const bool second = element_ / (vectors * tile_lanes) % 2 != 0;
            for (int group = 0; group < Gaussian::groups; ++group) {
                Float z[Gaussian::vectors];
                draws[0].next(z);
                if ((group >= Gaussian::groups / 2) == second) {
                    for (int j = 0; j < Gaussian::vectors; ++j) {
                        Lanes::store(numbers, z[j]);
                        numbers += Lanes::width;
                    }
                }
            }
        }

        const Owner* direction_;
        const Stream* stream_;
        std::uint64_t element_;
        /// Of the next register's first number; no columns where there is no V.
        std::uint64_t row_, column_, columns_;
        float u_[Rank];
        /// U of the counters from first_counter_ on: the eight numbers of each lane.
        std::uint64_t first_counter_;
        float rows_[8 * RowLanes::width];
    };

    void validate() const { require_setting(refresh_every > 0, "refresh_every", static_cast<double>(refresh_every), "at least 1"); }

    template <class Blocks>
    void reserve(const Blocks& blocks, std::size_t) {
        validate();
        columns.reserve(blocks, Rank);
    }
    void form(const Key& key) { columns.form(key.seed, key.step / refresh_every); }
    void prepare(Stream& stream, std::size_t block_index) const noexcept {
        stream.numbers = nullptr;
        if (factored(stream.block)) {
            stream.numbers = columns.find(stream.key.seed, stream.key.step / refresh_every, block_index, stream.block);
        }
    }
    /// What V takes.
    [[nodiscard]] std::size_t state_bytes() const noexcept { return columns.bytes(); }

    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        const Stream stream{.key = key, .block = block, .philox = philox_key(key, Purpose::direction)};
        if (!factored(block)) {
            return number_at(Gaussian{}, stream, element);
        }
        columns.drawn();
        float z = 0;
        for (int k = 0; k < Rank; ++k) {
            const std::uint64_t number = element / block.columns * padded_rank + static_cast<std::uint64_t>(k);
            const std::uint64_t counter = number / 8;
            // Where Gaussian has the number of this place in the counter's eight.
            const std::uint64_t place = counter / tile_lanes * tile_size<Gaussian> + number % 8 * tile_lanes + counter % tile_lanes;
            const float u = ScalarLanes::product(number_at(Gaussian{}, stream, place), inverse_root());
            const float v = ColumnFactors::at(key.seed, key.step / refresh_every, block, k, element % block.columns);
            const float part = ScalarLanes::product(u, v);
            z = k == 0 ? part : z + part;
        }
        return z;
    }

  private:
    /// A row's numbers of U are these many consecutive ones of the key's, eight a counter.
    static constexpr std::uint64_t padded_rank = Rank == 1 ? 1 : Rank == 2 ? 2 : Rank <= 4 ? 4 : Rank <= 8 ? 8 : 16;

    static bool factored(const BlockIdentity& block) noexcept { return block.rows > Rank && block.columns > Rank; }
    ZEROTH_HOST_DEVICE static float inverse_root() noexcept {
        return ScalarLanes::quotient(1.0f, ScalarLanes::sqrt(static_cast<float>(Rank)));
    }
};

ZEROTH_END_NAMESPACE
