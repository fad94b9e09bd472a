#pragma once

#include <zeroth/backends/traversal.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/key.hpp>

#include <cstddef>
#include <span>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// The keys of a traversal, and for each a row of coefficients: in the displacement that is left, in the one that is entered, and in the move
/// of the base. Allocates nothing as long as there are no more keys than it was made for.
class Parts {
  public:
    /// Columns of a row.
    static constexpr std::size_t leave = 0;
    static constexpr std::size_t enter = 1;
    static constexpr std::size_t gradient = 2;

    /// Keys of a traversal: of the displacement left, of the one entered, and of the gradient.
    [[nodiscard]] static constexpr std::size_t max_keys(std::size_t max_terms, std::size_t max_gradient_terms) noexcept {
        return 2 * max_terms + (max_gradient_terms > max_terms ? max_gradient_terms : max_terms);
    }

    Parts(std::size_t gradient_coefficients, std::size_t max_keys) : stride_{gradient + gradient_coefficients} {
        keys_.reserve(max_keys);
        coefficients_.reserve(max_keys * stride_);
    }

    void clear() noexcept {
        keys_.clear();
        coefficients_.clear();
    }
    [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }
    [[nodiscard]] std::span<const Key> keys() const noexcept { return keys_; }
    [[nodiscard]] double* operator[](std::size_t k) noexcept { return coefficients_.data() + k * stride_; }
    [[nodiscard]] const double* operator[](std::size_t k) const noexcept { return coefficients_.data() + k * stride_; }
    /// From one row to the next.
    [[nodiscard]] std::size_t stride() const noexcept { return stride_; }

    /// A row of zeros more.
    double* append(const Key& key) {
        keys_.push_back(key);
        coefficients_.resize(coefficients_.size() + stride_, 0.0);
        return (*this)[keys_.size() - 1];
    }
    /// The key's row, one of zeros if it is new.
    double* of(const Key& key) {
        for (std::size_t k = 0; k < keys_.size(); ++k) {
            if (keys_[k] == key) {
                return (*this)[k];
            }
        }
        return append(key);
    }
    /// Adds a displacement to a column.
    void add(std::span<const Term> displacement, std::size_t column) {
        for (const Term& term : displacement) {
            of(term.key)[column] += term.coefficient;
        }
    }
    template <int Coefficients>
    void add(std::span<const GradientTerm<Coefficients>> terms) {
        for (const GradientTerm<Coefficients>& term : terms) {
            double* const row = of(term.key) + gradient;
            for (int i = 0; i < Coefficients; ++i) {
                row[i] += term.coefficient[i];
            }
        }
    }
    /// Rows of zeros for the keys that are new.
    template <class Terms>
    void add_keys(const Terms& terms) {
        for (const auto& term : terms) {
            of(term.key);
        }
    }

    /// Whether another displacement is entered than is left.
    [[nodiscard]] bool displaces() const noexcept {
        bool differs = false;
        for (std::size_t k = 0; k < keys_.size(); ++k) {
            differs = differs || (*this)[k][leave] != (*this)[k][enter];
        }
        return differs;
    }
    /// Forgets the keys of which only the displacement that is left is made.
    void keep_entered() {
        std::size_t kept = 0;
        for (std::size_t k = 0; k < keys_.size(); ++k) {
            const double* const row = (*this)[k];
            bool is_needed = false;
            for (std::size_t i = enter; i < stride_; ++i) {
                is_needed = is_needed || row[i] != 0;
            }
            if (is_needed) {
                keys_[kept] = keys_[k];
                for (std::size_t i = 0; i < stride_; ++i) {
                    (*this)[kept][i] = row[i];
                }
                ++kept;
            }
        }
        keys_.resize(kept);
        coefficients_.resize(kept * stride_);
    }

  private:
    std::size_t stride_;
    std::vector<Key> keys_;
    std::vector<double> coefficients_;
};

/// Where a restore policy moves weights, handed to each of its calls: so it refers to nothing, and what owns it can be moved.
template <class Rays, class B>
struct Place {
    std::span<const Block> blocks;
    Rays& rays;
    const B& backend;

    void prepare(const Parts& parts) const { rays.prepare(parts.keys(), blocks, backend); }
    /// With the rays of the parts' keys; the operation reads each row from a column on.
    template <class Operation>
    void traverse(const Operation& operation, const Parts& parts, std::size_t column) const {
        using R = RayIn<Rays>;
        prepare(parts);
        backend.traverse(Traversal{blocks, operation, Moves<R>{RaysView<R>{rays, parts.size()}, parts[0] + column, parts.stride()}});
    }
    template <class Operation>
    void traverse(const Operation& operation) const {
        backend.traverse(Traversal{blocks, operation});
    }
};

ZEROTH_END_NAMESPACE
