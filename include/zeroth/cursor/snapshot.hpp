#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/stochastic_store.hpp>
#include <zeroth/cursor/base_move.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Restore policy: a second copy of the trained weights holds the base; displaced weights are formed from it.
///
/// Memory: the trained weights once more, where the backend's blocks lie. Any scalar type. Restoring gives back the bits. An update of
/// 16-bit weights is rounded stochastically (StochasticStore).
struct Snapshot {
    static constexpr std::string_view name = "snapshot";
    static constexpr bool adjusts_weights = false;
    /// Whether an update that falls under the precision that weights are computed in is kept in the mean.
    static constexpr bool rounds_stochastically = false;

    template <class D, class B, class M>
    class Weights;
};

/// w <- base + sum_0.
struct DisplaceFrom {
    static constexpr int coefficients = 1;
    static constexpr int sums = 1;
    static constexpr bool writes = true;

    std::byte* const* base = nullptr;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(base);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        const Storage* base;

        ZEROTH_HOST_DEVICE Bound(const DisplaceFrom& operation, const BlockView&, std::size_t block) noexcept
            : base{reinterpret_cast<const Storage*>(operation.base[block])} {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[1], const Real& z, const Real (&coefficient)[1]) const noexcept {
            const Real part = Lanes::product(coefficient[0], z);
            if constexpr (First) {
                sum[0] = part;
            } else {
                sum[0] = sum[0] + part;
            }
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real&, const Real (&sum)[1], std::uint64_t element, Count count) const noexcept {
            return load<Lanes>(base + element, count) + sum[0];
        }
        void finish() const noexcept {}
    };
};

/// base <- base + increment(base, ...), w <- base + sum_0.
template <BaseMove M>
struct UpdateFrom {
    static constexpr int coefficients = 1 + M::coefficients;
    static constexpr int scaled = 1 + M::scaled;
    static constexpr int sums = 1 + M::sums;
    static constexpr bool writes = true;

    std::byte* const* base = nullptr;
    M move;

    template <class Visitor>
    ZEROTH_HOST_DEVICE constexpr void for_each_table(Visitor& visit) {
        visit(base);
        for_each_table_of(move, visit);
    }

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        Storage* base;
        typename M::template Bound<Lanes, Storage> move;
        StochasticStore<Lanes, Storage> store_base;

        ZEROTH_HOST_DEVICE Bound(const UpdateFrom& operation, const BlockView& block, std::size_t index) noexcept
            : base{reinterpret_cast<Storage*>(operation.base[index])}, move{operation.move, block, index},
              store_base{operation.move.key, block.identity} {}

        template <bool First>
        ZEROTH_INLINE void accumulate(Real (&sum)[sums], const Real& z, const Real (&coefficient)[coefficients]) noexcept {
            PlainSum<Lanes, Storage>::template accumulate<First>(sum, z, coefficient);
            move.template accumulate<First>(sum + 1, z, coefficient + 1);
        }
        template <class Count>
        ZEROTH_INLINE Real apply(const Real&, const Real (&sum)[sums], std::uint64_t element, Count count) noexcept {
            const Real before = load<Lanes>(base + element, count);
            store_base(base + element, before + move.increment(before, sum + 1, element, count), element, count);
            // Read back: the displacement starts from the base as it is stored.
            return load<Lanes>(base + element, count) + sum[0];
        }
        void finish() const noexcept {}
    };
};

template <class D, class B, class M>
class Snapshot::Weights {
  public:
    Weights(const Snapshot&, std::span<const Block> blocks, const D& direction, const B& backend, const Reach&,
            std::size_t max_parts)
        : blocks_{blocks}, direction_{direction}, backend_{backend}, allocator_{state_allocator_of(backend)} {
        for (const Block& block : blocks) {
            base_.push_back(copies_.emplace_back(block.bytes(), allocator_).data());
        }
        moves_.reserve(max_parts);
        update_moves_.reserve(max_parts);
        adopt();
    }

    int move(std::span<const Part<M::coefficients>> parts, const M* base) {
        if (base == nullptr) {
            moves_.clear();
            for (const Part<M::coefficients>& part : parts) {
                if (part.enter != 0) {
                    moves_.push_back({part.key, {part.enter}, part.block_scale});
                }
            }
            if (moves_.empty()) {
                restore();
            } else {
                backend_.traverse(blocks_, direction_, std::span<const Move<1>>{moves_}, DisplaceFrom{base_.data()});
            }
        } else {
            update_moves_.clear();
            for (const Part<M::coefficients>& part : parts) {
                Move<1 + M::coefficients>& move =
                    update_moves_.emplace_back(Move<1 + M::coefficients>{part.key, {part.enter}, part.block_scale});
                for (int i = 0; i < M::coefficients; ++i) {
                    move.coefficient[1 + i] = part.gradient[i];
                }
            }
            backend_.traverse(blocks_, direction_, std::span<const Move<1 + M::coefficients>>{update_moves_},
                              UpdateFrom<M>{base_.data(), *base});
        }
        return 1;
    }

    /// Takes the weights as they stand for the base.
    int adopt() {
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            if (blocks_[b].size() != 0) {
                allocator_.copy(allocator_, base_[b], blocks_[b].data, blocks_[b].bytes());
            }
        }
        return 0;
    }
    [[nodiscard]] std::size_t bytes() const noexcept {
        std::size_t total = 0;
        for (const Block& block : blocks_) {
            total += block.bytes();
        }
        return total;
    }

  private:
    void restore() {
        for (std::size_t b = 0; b < blocks_.size(); ++b) {
            if (blocks_[b].size() != 0) {
                allocator_.copy(allocator_, blocks_[b].data, base_[b], blocks_[b].bytes());
            }
        }
    }

    std::span<const Block> blocks_;
    const D& direction_;
    const B& backend_;
    StateAllocator allocator_;
    std::vector<StateMemory> copies_;
    std::vector<std::byte*> base_;
    std::vector<Move<1>> moves_;
    std::vector<Move<1 + M::coefficients>> update_moves_;
};

ZEROTH_END_NAMESPACE
