#pragma once

#include <zeroth/directions/column_factors.hpp>
#include <zeroth/directions/gaussian.hpp>

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

/// A key's numbers in a block: a matrix of low rank, or, where there is no V, plain Gaussian ones.
template <int Rank>
struct LowRankRay : PhiloxBits {
    static constexpr int groups = 32;
    static constexpr int vectors = 4;
    static constexpr bool is_device_copyable = true;
    /// A row's numbers of U are these many consecutive ones of the key's, eight a counter.
    static constexpr std::uint64_t padded_rank = Rank == 1 ? 1 : Rank == 2 ? 2 : Rank <= 4 ? 4 : Rank <= 8 ? 8 : 16;

    /// V_1, the others behind it (ColumnFactors); and of how many columns: 0 for none.
    const float* numbers;
    std::uint64_t columns;

    ZEROTH_HOST_DEVICE static float inverse_root() noexcept {
        return ScalarLanes::quotient(1.0f, ScalarLanes::sqrt(static_cast<float>(Rank)));
    }

    template <class Lanes>
    class Draw {
      public:
        ZEROTH_INLINE void next(typename Lanes::Float (&z)[vectors]) noexcept {
            constexpr std::uint64_t reach = (vectors - 1) * tile_lanes + Lanes::width;
            if (column_ + reach <= columns_) {
                const std::uint64_t stride = ColumnFactors::stride(columns_);
                ZEROTH_UNROLL
                for (int k = 0; k < Rank; ++k) {
                    const auto u = Lanes::broadcast(u_[k]);
                    const float* const v = ray_->numbers + static_cast<std::uint64_t>(k) * stride + column_;
                    ZEROTH_UNROLL
                    for (int j = 0; j < vectors; ++j) {
                        const auto part = Lanes::product(u, Lanes::load(v + j * tile_lanes));
                        z[j] = k == 0 ? part : z[j] + part;
                    }
                }
                advance(vectors * tile_lanes);
            } else {
                float formed[vectors * Lanes::width];
                form_elsewhere(formed);
                ZEROTH_UNROLL
                for (int j = 0; j < vectors; ++j) {
                    z[j] = Lanes::load(formed + j * Lanes::width);
                }
            }
        }
        template <int N>
        ZEROTH_INLINE static void draw(const LowRankRay* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                draw_from(*rays[n], counters[n], 0, draws[n]);
            }
        }
        ZEROTH_INLINE static void draw_from(const LowRankRay& ray, std::uint64_t counter, unsigned group, Draw& draw) noexcept {
            draw.start(ray, element_of<LowRankRay>(counter, static_cast<int>(group) * vectors));
        }

      private:
        using Float = typename Lanes::Float;
        using GaussianDraw = typename Gaussian::Ray::template Draw<Lanes>;
        static constexpr std::uint64_t width = Lanes::width;
        using RowLanes = typename NarrowLanes<Lanes>::type;
        static constexpr std::uint64_t row_width = RowLanes::width;

        ZEROTH_INLINE void start(const LowRankRay& ray, std::uint64_t element) noexcept {
            ray_ = &ray;
            element_ = element;
            row_ = column_ = 0;
            columns_ = ray.columns;
            if (columns_ != 0) {
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
            using Draws = typename Gaussian::Ray::template Draw<RowLanes>;
            first_counter_ = counter / row_width * row_width;
            const PhiloxBits* const bits[1] = {ray_};
            const std::uint64_t counters[1] = {first_counter_};
            Draws draws[1];
            Draws::template draw<1>(bits, counters, draws);
            const auto root = RowLanes::broadcast(inverse_root());
            for (int group = 0; group < Gaussian::groups; ++group) {
                typename RowLanes::Float z[Gaussian::vectors];
                draws[0].next(z);
                for (int j = 0; j < Gaussian::vectors; ++j) {
                    RowLanes::store(rows_ + (group * Gaussian::vectors + j) * RowLanes::width, RowLanes::product(z[j], root));
                }
            }
        }

        /// The next registers where they are not all of one row, or of a block without V.
        [[gnu::noinline]] ZEROTH_HOST_DEVICE void form_elsewhere(float* formed) noexcept {
            if (columns_ != 0) {
                for (int j = 0; j < vectors; ++j) {
                    Lanes::store(formed + j * Lanes::width, across_rows());
                }
            } else {
                form_plain(formed);
                element_ += vectors * tile_lanes;
            }
        }
        /// A register: V goes on as it began, U lane by lane as the rows end.
        ZEROTH_HOST_DEVICE Float across_rows() noexcept {
            const float* const v = ray_->numbers + column_;
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
        ZEROTH_HOST_DEVICE void form_plain(float* formed) const noexcept {
            const std::uint64_t tile = element_ / tile_size<Gaussian::Ray>;
            const PhiloxBits* const bits[1] = {ray_};
            const std::uint64_t counters[1] = {tile * tile_lanes + element_ % tile_lanes};
            GaussianDraw draws[1];
            GaussianDraw::template draw<1>(bits, counters, draws);
            const bool second = element_ / (vectors * tile_lanes) % 2 != 0;
            for (int group = 0; group < Gaussian::groups; ++group) {
                Float z[Gaussian::vectors];
                draws[0].next(z);
                if ((group >= Gaussian::groups / 2) == second) {
                    for (int j = 0; j < Gaussian::vectors; ++j) {
                        Lanes::store(formed, z[j]);
                        formed += Lanes::width;
                    }
                }
            }
        }

        const LowRankRay* ray_;
        std::uint64_t element_;
        /// Of the next register's first number; no columns where there is no V.
        std::uint64_t row_, column_, columns_;
        float u_[Rank];
        /// U of the counters from first_counter_ on: the eight numbers of each lane.
        std::uint64_t first_counter_;
        float rows_[8 * RowLanes::width];
    };
};

ZEROTH_END_NAMESPACE
