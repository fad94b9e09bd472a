#pragma once

#include <zeroth/directions/column_factors.hpp>
#include <zeroth/directions/formed_ahead.hpp>
#include <zeroth/directions/low_rank_ray.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/setting.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

template <int Rank, class B>
class LowRankRays;

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
struct LowRank {
    static constexpr std::string_view name = "low-rank";
    static_assert(Rank >= 1 && Rank <= 16, "zeroth: LowRank's rank is from 1 to 16");

    using Ray = LowRankRay<Rank>;
    template <class B>
    using Rays = LowRankRays<Rank, B>;

    /// Steps after which V is drawn anew.
    std::uint64_t refresh_every = 50;

    static constexpr float largest = [] {
        float root = 1;
        while (root * root < static_cast<float>(Rank)) {
            root += 0x1p-8f;
        }
        return root * Gaussian::largest * Gaussian::largest;
    }();

    void validate() const { require_setting(refresh_every > 0, "refresh_every", static_cast<double>(refresh_every), "at least 1"); }

    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        const Gaussian::Ray u_bits{{philox_key(key, Purpose::direction), block.hash}};
        if (!ColumnFactors::is_factored(block, Rank)) {
            return number_at(u_bits, element);
        }
        float z = 0;
        for (int k = 0; k < Rank; ++k) {
            const std::uint64_t number = element / block.columns * Ray::padded_rank + static_cast<std::uint64_t>(k);
            const std::uint64_t counter = number / 8;
            // Where Gaussian has the number of this place in the counter's eight.
            const std::uint64_t place = element_of<Gaussian::Ray>(counter, static_cast<int>(number % 8));
            const float u = ScalarLanes::product(number_at(u_bits, place), Ray::inverse_root());
            const float v = ColumnFactors::at(key.seed, key.step / refresh_every, block, k, element % block.columns);
            const float part = ScalarLanes::product(u, v);
            z = k == 0 ? part : z + part;
        }
        return z;
    }
};

/// Keeps V of the blocks that are products, for two epochs: those of the keys of a step and the next. More is taken where keys of more epochs
/// meet in a traversal.
template <int Rank, class B>
class LowRankRays : public PhiloxRays<LowRank<Rank>> {
  public:
    LowRankRays(const LowRank<Rank>& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : PhiloxRays<LowRank<Rank>>{direction, blocks, max_keys, backend}, places_(blocks.size()), slots_(max_keys) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            places_[b] = {blocks[b].identity, size_};
            size_ += ColumnFactors::numbers_of(blocks[b].identity, Rank);
        }
        epochs_.reserve(2, [this] { return make(); });
    }

    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) {
        PhiloxRays<LowRank<Rank>>::prepare(keys, blocks, backend);
        if (keys.size() > slots_.size()) {
            slots_ = Array<std::size_t>(keys.size());
        }
        if (size_ == 0) { // no block is a product
            return;
        }
        epochs_.prepare(
            keys, slots_.data(), [this](const Key& key) { return EpochName{key.seed, key.step / this->direction_.refresh_every}; },
            [this] { return make(); },
            [this](std::size_t, Epoch& epoch) {
                for (const Place& place : places_) {
                    if (ColumnFactors::is_factored(place.block, Rank)) {
                        ColumnFactors::fill(epoch.numbers.data() + place.begin, place.block, Rank, epoch.name.seed, epoch.name.epoch);
                    }
                }
            });
    }
    [[nodiscard]] LowRankRay<Rank> ray(std::size_t k, std::size_t b) const noexcept {
        const Place& place = places_[b];
        if (!ColumnFactors::is_factored(place.block, Rank)) {
            return {this->bits(k, b), nullptr, 0};
        }
        return {this->bits(k, b), epochs_[slots_[k]].numbers.data() + place.begin, place.block.columns};
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return epochs_.size() * size_ * sizeof(float); }

  private:
    struct Place {
        BlockIdentity block;
        std::size_t begin = 0;
    };
    struct EpochName {
        std::uint64_t seed = 0;
        std::uint64_t epoch = 0;

        friend constexpr bool operator==(const EpochName&, const EpochName&) = default;
    };
    struct Epoch {
        EpochName name;
        Array<float> numbers;
    };
    [[nodiscard]] Epoch make() const { return {{}, Array<float>(size_)}; }

    Array<Place> places_;
    /// Floats of an epoch.
    std::size_t size_ = 0;
    FormedAhead<Epoch> epochs_;
    Array<std::size_t> slots_;
};

ZEROTH_END_NAMESPACE
