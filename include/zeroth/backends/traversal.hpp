#pragma once

#include <zeroth/parameters/block.hpp>
#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/rays/no_ray.hpp>
#include <zeroth/rays/ray.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// How many of an operation's coefficients are factors of z, so that a block's scale applies to them: all, or Operation::scaled.
template <class Operation>
inline constexpr int scaled_coefficients = Operation::coefficients;
template <class Operation>
    requires requires { Operation::scaled; }
inline constexpr int scaled_coefficients<Operation> = Operation::scaled;

/// A key's part in a traversal as one block's registers see it: its ray, and the coefficients with which it enters the operation's sums.
template <Ray R, class Real, int Coefficients>
struct PreparedMove {
    R ray;
    Real coefficient[Coefficients];
};

/// Where a block's scale meets the coefficients: here alone, on host and device.
template <class Lanes, class Storage, class Operation, Ray R>
[[nodiscard]] ZEROTH_INLINE auto prepare_move(const R& ray, const double* coefficients, double scale) noexcept {
    using Compute = ComputeType<Storage>;
    PreparedMove<R, typename Lanes::template Real<Compute>, Operation::coefficients> move;
    move.ray = ray;
    ZEROTH_UNROLL
    for (int i = 0; i < Operation::coefficients; ++i) {
        const double scaled = i < scaled_coefficients<Operation> ? ScalarLanes::product(coefficients[i], scale) : coefficients[i];
        move.coefficient[i] = Lanes::template broadcast_real<Compute>(scaled);
    }
    return move;
}

/// The rays of some keys over the blocks of a traversal, whatever holds them: it has
///
///     R ray(std::size_t key, std::size_t block) const noexcept;
///     const double* scales(std::size_t key) const noexcept;     // a factor of z for each block, in the host's memory; null: 1
template <Ray R>
class RaysView {
  public:
    /// No keys.
    RaysView() = default;
    template <class Rays>
    RaysView(const Rays& rays, std::size_t keys) noexcept
        : rays_{&rays}, keys_{keys},
          ray_{[](const void* of, std::size_t key, std::size_t block) noexcept -> R { return static_cast<const Rays*>(of)->ray(key, block); }},
          scales_{[](const void* of, std::size_t key) noexcept -> const double* { return static_cast<const Rays*>(of)->scales(key); }} {}

    /// How many keys.
    [[nodiscard]] std::size_t size() const noexcept { return keys_; }
    [[nodiscard]] R ray(std::size_t key, std::size_t block) const noexcept { return ray_(rays_, key, block); }
    [[nodiscard]] const double* scales(std::size_t key) const noexcept { return scales_(rays_, key); }

  private:
    const void* rays_ = nullptr;
    std::size_t keys_ = 0;
    R (*ray_)(const void*, std::size_t, std::size_t) noexcept = nullptr;
    const double* (*scales_)(const void*, std::size_t) noexcept = nullptr;
};

/// The keys' parts in a traversal: their rays, and a row of coefficients for each, `stride` numbers from one to the next.
template <Ray R>
struct Moves {
    RaysView<R> rays{};
    const double* coefficients = nullptr;
    std::size_t stride = 0;

    [[nodiscard]] std::size_t size() const noexcept { return rays.size(); }
    [[nodiscard]] const double* of(std::size_t key) const noexcept { return coefficients + key * stride; }
    /// On the host.
    template <class Lanes, class Storage, class Operation>
    [[nodiscard]] auto prepared(std::size_t key, std::size_t block) const noexcept {
        const double* const scales = rays.scales(key);
        return prepare_move<Lanes, Storage, Operation>(rays.ray(key, block), of(key), scales != nullptr ? scales[block] : 1.0);
    }
};

/// All that a backend is told: visit every element of the blocks, form the rays' numbers in registers, apply the operation.
template <class Operation, Ray R = NoRay>
struct Traversal {
    std::span<const Block> blocks;
    Operation operation;
    Moves<R> moves{};
};
template <class Operation>
Traversal(std::span<const Block>, Operation) -> Traversal<Operation, NoRay>;
template <class Operation, class R>
Traversal(std::span<const Block>, Operation, Moves<R>) -> Traversal<Operation, R>;

ZEROTH_END_NAMESPACE
