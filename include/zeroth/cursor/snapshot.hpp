#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/stochastic_store.hpp>
#include <zeroth/cursor/descend.hpp>
#include <zeroth/cursor/parts.hpp>
#include <zeroth/ground/device_copyable.hpp>
#include <zeroth/ground/state_memory.hpp>
#include <zeroth/parameters/saved_blocks.hpp>

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
    static constexpr bool needs_left = false;
    /// Whether an update that falls under the precision that weights are computed in is kept in the mean.
    static constexpr bool rounds_stochastically = false;

    template <class M>
    class Weights;
};

/// w <- base + sum_0.
struct DisplaceFrom {
    static constexpr int coefficients = 1;
    static constexpr int sums = 1;
    static constexpr bool writes = true;
    static constexpr bool is_device_copyable = true;

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
template <class M>
struct UpdateFrom {
    static constexpr int coefficients = 1 + M::coefficients;
    static constexpr int scaled = 1 + M::scaled;
    static constexpr int sums = 1 + M::sums;
    static constexpr bool writes = true;
    static constexpr bool is_device_copyable = zeroth::is_device_copyable<M>;

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

template <class M>
class Snapshot::Weights {
  public:
    template <class At>
    Weights(const Snapshot&, const At& at, double, std::size_t) : allocator_{state_allocator_of(at.backend)} {
        for (const Block& block : at.blocks) {
            base_.push_back(copies_.emplace_back(block.bytes(), allocator_).data());
            bytes_ += block.bytes();
        }
    }

    template <class At>
    int move(const At& at, Parts& parts, const M* base) {
        if (base != nullptr) {
            at.traverse(UpdateFrom<M>{base_.data(), *base}, parts, Parts::enter);
        } else if (parts.size() != 0) {
            at.traverse(DisplaceFrom{base_.data()}, parts, Parts::enter);
        } else {
            copy(at.blocks, [&](std::size_t b) { allocator_.copy(allocator_, at.blocks[b].data, base_[b], at.blocks[b].bytes()); });
        }
        return 1;
    }

    /// The base, where the weights as they stand are not it.
    template <class At>
    void save(StateWriter& writer, const At& at, bool settled) const {
        for (std::size_t b = 0; !settled && b < at.blocks.size(); ++b) {
            BlockFields::write(
                writer, "base", copies_[b], 1, [](std::size_t) { return std::size_t{0}; }, [&](std::size_t) { return at.blocks[b].bytes(); });
        }
    }
    template <class At>
    void load(StateReader& reader, const At& at, const SavedBlocks& saved, bool settled) {
        adopt(at);
        std::byte piece[4096];
        for (std::size_t k = 0; !settled && k < saved.size(); ++k) {
            const std::uint64_t size = reader.begin("base", ~std::uint64_t{0});
            const std::size_t b = saved[k];
            if (b == SavedBlocks::none) {
                reader.skip(size, "base");
                continue;
            }
            if (size != at.blocks[b].bytes()) {
                StateReader::fail("the state's 'base' is not that of these blocks");
            }
            for (std::size_t done = 0; done < size; done += sizeof piece) {
                const std::size_t left = static_cast<std::size_t>(size) - done;
                const std::span<std::byte> part{piece, left < sizeof piece ? left : sizeof piece};
                reader.part(part, "base");
                copies_[b].write(done, part);
            }
        }
    }
    /// Takes the weights as they stand for the base.
    template <class At>
    int adopt(const At& at) {
        copy(at.blocks, [&](std::size_t b) { allocator_.copy(allocator_, base_[b], at.blocks[b].data, at.blocks[b].bytes()); });
        return 0;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  private:
    template <class Copy>
    static void copy(std::span<const Block> blocks, const Copy& copy_block) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            if (blocks[b].size() != 0) {
                copy_block(b);
            }
        }
    }

    StateAllocator allocator_;
    std::vector<StateMemory> copies_;
    std::vector<std::byte*> base_;
    std::size_t bytes_ = 0;
};

ZEROTH_END_NAMESPACE
