#pragma once

/// A traversal along a direction as the cursor makes it, for those that have none.

#include <zeroth/backends/operation.hpp>
#include <zeroth/backends/traversal.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/key.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace zeroth_test {

/// The rays of some keys over some blocks, ready for a traversal, and a row of coefficients for each.
template <class D, class B>
class Prepared {
  public:
    using Rays = zeroth::RaysOf<D, B>;
    using Ray = zeroth::RayIn<Rays>;

    /// rows: as many numbers for each key, one key's after the other's.
    Prepared(const D& direction, std::span<const zeroth::Block> blocks, std::vector<zeroth::Key> keys, std::vector<double> rows,
             const B& backend)
        : blocks_{blocks}, keys_{std::move(keys)}, rows_{std::move(rows)}, rays_{direction, blocks, keys_.size(), backend} {
        rays_.prepare(keys_, blocks_, backend);
    }
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;

    [[nodiscard]] const Rays& rays() const noexcept { return rays_; }
    [[nodiscard]] zeroth::Moves<Ray> moves() const noexcept {
        return {zeroth::RaysView<Ray>{rays_, keys_.size()}, rows_.data(), keys_.empty() ? 0 : rows_.size() / keys_.size()};
    }
    template <class Operation>
    [[nodiscard]] zeroth::Traversal<Operation, Ray> traversal(const Operation& operation) const noexcept {
        return {blocks_, operation, moves()};
    }

  private:
    std::span<const zeroth::Block> blocks_;
    std::vector<zeroth::Key> keys_;
    std::vector<double> rows_;
    Rays rays_;
};

/// One traversal along a direction.
template <class B, class D, class Operation>
void traverse(const B& backend, std::span<const zeroth::Block> blocks, const D& direction, const std::vector<zeroth::Key>& keys,
              const std::vector<double>& rows, const Operation& operation) {
    const Prepared<D, B> prepared{direction, blocks, keys, rows, backend};
    backend.traverse(prepared.traversal(operation));
}
/// w <- w + z.
template <class B, class D>
void displace(const B& backend, std::span<const zeroth::Block> blocks, const D& direction, const zeroth::Key& key) {
    traverse(backend, blocks, direction, {key}, {1.0}, zeroth::Displace{});
}

} // namespace zeroth_test
