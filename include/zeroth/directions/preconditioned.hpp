#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// Where a preconditioned direction keeps its factors, as a move is told that changes them: from begin[block] on.
struct FactorPlace {
    float* numbers = nullptr;
    const std::size_t* begin = nullptr;
};

/// What a preconditioned direction draws: the raw direction's numbers times the factors that its stream points to.
template <class D>
struct FactoredDraws {
    static constexpr float largest = D::largest;
    static constexpr int groups = D::groups;
    static constexpr int vectors = D::vectors;

    D raw{};

    template <class Lanes>
    struct Draw {
        typename D::template Draw<Lanes> inner;
        const float* factors;

        ZEROTH_INLINE void next(typename Lanes::Float (&z)[vectors]) noexcept {
            inner.next(z);
            ZEROTH_UNROLL
            for (int j = 0; j < vectors; ++j) {
                z[j] = Lanes::product(Lanes::load(factors), z[j]);
                factors += tile_lanes;
            }
        }
        template <int N>
        ZEROTH_INLINE static void draw(const FactoredDraws& direction, const Stream* const (&streams)[N],
                                       const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
            typename D::template Draw<Lanes> inner[N];
            D::template Draw<Lanes>::template draw<N>(direction.raw, streams, counters, inner);
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                draws[n].inner = inner[n];
                draws[n].factors = streams[n]->numbers + counters[n] / tile_lanes * tile_size<D> + counters[n] % tile_lanes;
            }
        }
        ZEROTH_INLINE static void draw_from(const FactoredDraws& direction, const Stream& stream, std::uint64_t counter, unsigned group,
                                            Draw& draw) noexcept {
            typename D::template Draw<Lanes> inner[1];
            zeroth::draw_from<Lanes>(direction.raw, stream, counter, group, inner);
            draw.inner = inner[0];
            draw.factors =
                stream.numbers + counter / tile_lanes * tile_size<D> + std::uint64_t{group} * (vectors * tile_lanes) + counter % tile_lanes;
        }
    };

    /// The raw number.
    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return raw(key, block, element);
    }
};

/// A direction with a factor for each weight: z = s_i z_raw, of one key as of another.
///
/// E z z' is the diagonal of s_i^2: probes reach far along weights with large factors, and estimates move them far. The factors are 1 to
/// begin with; the move of a rule changes them (HizooSgd), in the traversal that carries it out. So a term means something between two
/// updates only, and a run is replayed from its first step.
/// `largest` is that of s_i = 1. Restore policies: InPlace and Snapshot. Not over directions that are prepared (masks, pools, LowRank), nor
/// under Masked and Scaled.
/// Memory: 4 bytes a parameter, and up to a tile's for each block; a copy's are its own.
/// Source: Zhao et al., arXiv 2402.15173.
template <VectorDirection D = Gaussian>
    requires(!PreparedDirection<D> && !NormalisedDirection<D>)
class Preconditioned : public FactoredDraws<D> {
  public:
    static constexpr bool unit_second_moment = false;
    static constexpr bool raw_signs = draws_signs<D>;

    Preconditioned() = default;
    explicit Preconditioned(D raw) : FactoredDraws<D>{raw} {}

    void prepare(Stream& stream, std::size_t block_index) const noexcept { stream.numbers = factors_of(block_index); }
    /// Takes the memory, and makes every factor 1.
    template <class Blocks>
    void reserve(const Blocks& blocks, std::size_t, const StateAllocator& allocator = {}) {
        identities_ = Array<BlockIdentity>(blocks.size());
        begin_ = Array<std::size_t>(blocks.size());
        std::size_t size = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            identities_[b] = blocks[b].identity;
            begin_[b] = size;
            // Whole tiles: of the last one all lanes are drawn.
            size += (blocks[b].size() + tile_size<D> - 1) / tile_size<D> * tile_size<D>;
        }
        numbers_ = StateMemory{size * sizeof(float), allocator, ScalarLanes::bits(1.0f)};
    }
    void form(const Key&) const noexcept {}
    [[nodiscard]] std::size_t state_bytes() const noexcept { return numbers_.size(); }

    /// To change them.
    [[nodiscard]] FactorPlace factors() noexcept { return {numbers(), begin_.data()}; }
    /// The factors of a block of those that memory was taken for, in their order, where the allocator's memory is.
    [[nodiscard]] const float* factors_of(std::size_t block) const noexcept { return numbers() + begin_[block]; }

    /// Of the host's memory.
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        const float z = this->raw(key, block, element);
        for (std::size_t b = 0; b < identities_.size(); ++b) {
            if (identities_[b] == block) {
                return ScalarLanes::product(factors_of(b)[element], z);
            }
        }
        return z;
    }

  private:
    [[nodiscard]] float* numbers() const noexcept { return reinterpret_cast<float*>(numbers_.data()); }

    StateMemory numbers_;
    Array<std::size_t> begin_;
    Array<BlockIdentity> identities_;
};

ZEROTH_END_NAMESPACE
