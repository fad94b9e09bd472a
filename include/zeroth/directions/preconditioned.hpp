#pragma once

#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/gaussian.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/device_copyable.hpp>
#include <zeroth/ground/state_memory.hpp>
#include <zeroth/parameters/saved_blocks.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// Where a preconditioned direction keeps its factors, as a move is told that changes them: from begin[block] on.
struct FactorPlace {
    float* numbers = nullptr;
    const std::size_t* begin = nullptr;
};

/// Another ray's numbers times factors of their own.
template <Ray R>
struct FactoredRay {
    static constexpr int groups = R::groups;
    static constexpr int vectors = R::vectors;
    static constexpr bool is_device_copyable = zeroth::is_device_copyable<R>;

    R raw;
    const float* factors;

    template <class Lanes>
    struct Draw {
        typename R::template Draw<Lanes> inner;
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
        ZEROTH_INLINE static void draw(const FactoredRay* const (&rays)[N], const std::uint64_t (&counters)[N], Draw (&draws)[N]) noexcept {
            const R* raw[N];
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                raw[n] = &rays[n]->raw;
            }
            typename R::template Draw<Lanes> inner[N];
            R::template Draw<Lanes>::template draw<N>(raw, counters, inner);
            ZEROTH_UNROLL
            for (int n = 0; n < N; ++n) {
                draws[n].inner = inner[n];
                draws[n].factors = rays[n]->factors + element_of<R>(counters[n], 0);
            }
        }
        ZEROTH_INLINE static void draw_from(const FactoredRay& ray, std::uint64_t counter, unsigned group, Draw& draw) noexcept {
            typename R::template Draw<Lanes> inner[1];
            zeroth::draw_from<Lanes>(ray.raw, counter, group, inner);
            draw.inner = inner[0];
            draw.factors = ray.factors + element_of<R>(counter, static_cast<int>(group) * vectors);
        }
    };
};

template <class D>
class PreconditionedRays;

/// A direction with a factor for each weight: z = s_i z_raw, of one key as of another.
///
/// E z z' is the diagonal of s_i^2: probes reach far along weights with large factors, and estimates move them far. The factors are 1 to
/// begin with; the move of a rule changes them (HizooSgd), in the traversal that carries it out. So a term means something between two
/// updates only, and a run is replayed from its first step.
/// `largest` is that of s_i = 1. Restore policies: InPlace and Snapshot. Not over directions that are prepared (masks, pools, LowRank), nor
/// under Masked and Scaled.
/// Memory: 4 bytes a parameter, and up to a tile's for each block; a copy's are its own.
/// Source: Zhao et al., arXiv 2402.15173.
template <class D = Gaussian>
struct Preconditioned {
    static constexpr std::string_view name = "preconditioned";
    static_assert(VectorDirection<D> && std::is_same_v<RaysOf<D, void>, PhiloxRays<D>>,
                  "zeroth: only a direction of random words alone (Gaussian, Rademacher, Uniform) can be preconditioned");

    static constexpr float largest = D::largest;
    static constexpr bool unit_second_moment = false;
    /// The factors are changed by the rule's moves: they are kept beside the weights.
    static constexpr bool has_factors = true;
    static constexpr bool raw_signs = draws_signs<typename D::Ray>;

    using Ray = FactoredRay<typename D::Ray>;
    template <class B>
    using Rays = PreconditionedRays<D>;

    D raw{};

    /// The raw number: where the factors are 1.
    ZEROTH_HOST_DEVICE float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return raw(key, block, element);
    }
};
template <class D>
Preconditioned(D) -> Preconditioned<D>;

/// Keeps the factors, in the backend's memory: 1 to begin with.
template <class D>
class PreconditionedRays : public RaysBase<Preconditioned<D>> {
  public:
    template <class B>
    PreconditionedRays(const Preconditioned<D>& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : RaysBase<Preconditioned<D>>{direction, blocks}, raw_{direction.raw, blocks, max_keys, backend}, begin_(blocks.size()) {
        std::size_t size = 0;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            begin_[b] = size;
            // Whole tiles: of the last one all lanes are drawn.
            size += (blocks[b].size() + tile_size<typename D::Ray> - 1) / tile_size<typename D::Ray> * tile_size<typename D::Ray>;
        }
        numbers_ = StateMemory{size * sizeof(float), state_allocator_of(backend), ScalarLanes::bits(1.0f)};
    }

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) {
        raw_.prepare(keys, blocks, backend);
    }
    [[nodiscard]] typename Preconditioned<D>::Ray ray(std::size_t k, std::size_t b) const noexcept { return {raw_.ray(k, b), factors_of(b)}; }
    [[nodiscard]] std::size_t bytes() const noexcept { return numbers_.size(); }

    void save(StateWriter& writer, std::span<const Block> blocks) const {
        BlockFields::write(
            writer, "factors", numbers_, blocks.size(), [this](std::size_t b) { return begin_[b] * sizeof(float); },
            [&](std::size_t b) { return blocks[b].size() * sizeof(float); });
    }
    void load(StateReader& reader, std::span<const Block> blocks, const SavedBlocks& saved) {
        BlockFields::read(
            reader, "factors", numbers_, saved, [this](std::size_t b) { return begin_[b] * sizeof(float); },
            [&](std::size_t b) { return blocks[b].size() * sizeof(float); });
    }

    /// To change them.
    [[nodiscard]] FactorPlace factors() noexcept { return {numbers(), begin_.data()}; }
    /// The factors of a block, in the backend's memory.
    [[nodiscard]] const float* factors_of(std::size_t b) const noexcept { return numbers() + begin_[b]; }

  private:
    [[nodiscard]] float* numbers() const noexcept { return reinterpret_cast<float*>(numbers_.data()); }

    PhiloxRays<D> raw_;
    StateMemory numbers_;
    Array<std::size_t> begin_;
};

ZEROTH_END_NAMESPACE
