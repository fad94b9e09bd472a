#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/reductions.hpp>
#include <zeroth/backends/reference.hpp>
#include <zeroth/cursor/base_move.hpp>
#include <zeroth/cursor/exact.hpp>
#include <zeroth/cursor/in_place.hpp>
#include <zeroth/cursor/snapshot.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// The displaced weights: in memory they are base + sum_k c_k z(key_k), and the cursor knows the terms.
///
/// stand_at says where to stand, and makes the one traversal that leads there from where it stands. update moves the base; it is carried out by
/// the next traversal, whatever that is for, so restoring, updating and the next perturbation fuse by themselves. settle carries out what is
/// pending and goes home (no displacement). The destructor settles.
///
/// The blocks are copied; the weights are the user's and must outlive the cursor. Nothing allocates after the constructor as long as no
/// displacement has more than max_terms terms and no gradient more than max_gradient_terms.
///
/// The parameters' hook is called after each change of the weights, the first of which is a policy's own (Exact lays its grid). If it throws, the
/// cursor stands where it was sent all the same.
/// Throws std::invalid_argument if there is no block, if two overlap, and what the restore policy's constructor throws.
template <Direction D, class Restore = InPlace, Backend B = Reference, BaseMove M = LinearMove>
class Cursor {
    /// Whether moves of the base change the direction's factors.
    static constexpr bool changes_factors = requires(M& move) { move.factors; };
    static constexpr bool has_factors = requires(RawDirection<D>& direction) { direction.factors(); };
    static_assert(has_factors || !changes_factors, "zeroth: the rule changes factors of the direction, which has none: see Preconditioned");
    static_assert(!has_factors || !Restore::adjusts_weights, "zeroth: factors leave Exact's grid: restore in place or by Snapshot");

  public:
    /// reach: the largest displacement of one weight to be expected, without a block's scale (Exact lays its grid for it); may be exceeded
    /// later.
    Cursor(const Parameters& parameters, const D& direction, const Restore& restore, const B& backend,
           double reach, std::size_t max_terms, std::size_t max_gradient_terms = 0)
        : parameters_{parameters}, direction_{direction}, backend_{backend}, block_scales_{scales_of(direction_, parameters_.blocks())},
          weights_{restore, checked(parameters_.blocks()), raw_direction(direction_), backend_, Reach{reach, block_scales()},
                   2 * max_terms + (max_gradient_terms > max_terms ? max_gradient_terms : max_terms)} {
        const std::size_t max_parts = 2 * max_terms + (max_gradient_terms > max_terms ? max_gradient_terms : max_terms);
        displacement_.reserve(max_terms);
        gradient_.reserve(max_parts - 2 * max_terms);
        parts_.reserve(max_parts);
        if constexpr (requires { backend_.reserve(raw_direction(direction_), parameters_.blocks(), max_parts); }) {
            backend_.reserve(raw_direction(direction_), parameters_.blocks(), max_parts);
        } else if constexpr (FormedDirection<Raw, std::span<const Block>>) {
            raw_direction(direction_).reserve(parameters_.blocks(), max_parts);
        }
        if constexpr (NormalisedDirection<D>) {
            units_.resize(parameters_.blocks().size());
            for (std::size_t k = 0; k < max_parts; ++k) {
                scales_.push_back({Key{}, false, false, make_factors()});
            }
        }
        if constexpr (Restore::adjusts_weights) {
            call_hook();
        }
    }
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;
    ~Cursor() { settle_quietly(); }

    void stand_at(std::span<const Term> terms) { move_to(terms); }
    void stand_at(const Term& term) { move_to({&term, 1}); }
    /// No displacement: the loss of the weights themselves.
    void stand_at_base() { move_to({}); }

    /// Moves the base with the next traversal. What the keys need is taken here, so where it throws there is no update.
    void update(const M& move, std::span<const GradientTerm<M::coefficients>> gradient) {
        if (pending_) {
            settle();
        }
        gradient_.assign(gradient.begin(), gradient.end());
        accept(move);
    }
    void update(const M& move, std::span<const Term> gradient)
        requires(M::coefficients == 1)
    {
        if (pending_) {
            settle();
        }
        gradient_.clear();
        for (const Term& term : gradient) {
            gradient_.push_back({term.key, {term.coefficient}});
        }
        accept(move);
    }

    /// Leaves the weights at their base, updated.
    void settle() { move_to({}); }
    /// The same where an exception is already under way: one of the hook's own is dropped. Going home needs no memory: its keys are formed.
    /// An update that finds none, of more terms than max_gradient_terms, is dropped.
    void settle_quietly() noexcept {
        try {
            settle();
        } catch (...) {
            if (pending_) { // else it was the hook, which comes last
                pending_ = false;
                settle_quietly();
            }
        }
    }
    [[nodiscard]] bool settled() const noexcept { return !pending_ && displacement_.empty(); }

    /// To be called after the user has changed the weights himself, between steps, while settled.
    void adopt() {
        traversals_ += static_cast<std::uint64_t>(weights_.adopt());
        if constexpr (Restore::adjusts_weights) {
            call_hook();
        }
    }

    /// The direction, ready for draws of this key.
    [[nodiscard]] const D& direction_for([[maybe_unused]] const Key& key) {
        form(key);
        return direction_;
    }
    /// Over the weights, since the cursor was made.
    [[nodiscard]] std::uint64_t traversals() const noexcept { return traversals_; }
    [[nodiscard]] const Parameters& parameters() const noexcept { return parameters_; }
    [[nodiscard]] const B& backend() const noexcept { return backend_; }
    /// Of a block-scaled direction in a block; 1 for others.
    [[nodiscard]] double scale_of(std::size_t block) const noexcept { return BlockScaledDirection<D> ? block_scales_[block] : 1.0; }
    /// What the restore policy and the direction keep beside the weights, the backend for it included.
    [[nodiscard]] std::size_t state_bytes() const noexcept {
        std::size_t bytes = weights_.bytes();
        if constexpr (requires(const Raw& direction) { direction.state_bytes(); }) {
            bytes += raw_direction(direction_).state_bytes();
        }
        if constexpr (requires { backend_.state_bytes(); }) {
            bytes += backend_.state_bytes();
        }
        return bytes;
    }
    /// The step of Exact's grid in each block.
    [[nodiscard]] std::span<const double> quanta() const noexcept
        requires std::same_as<Restore, Exact>
    {
        return weights_.quanta();
    }
    /// How many grids Exact has had: one more for each adopt(), and whenever a quantum changed. While it stays, moves are sums on one grid.
    [[nodiscard]] std::uint64_t grids() const noexcept
        requires std::same_as<Restore, Exact>
    {
        return weights_.grids();
    }

  private:
    using PartType = Part<M::coefficients>;
    using Raw = RawDirection<D>;

    static std::span<const Block> checked(std::span<const Block> blocks) {
        require_blocks(blocks);
        require_space(blocks, memory_space_of<B>, "the backend");
        if constexpr (requires { typename B::Types; }) {
            for (const Block& block : blocks) {
                if (!B::Types::hold(block.type)) {
                    throw std::invalid_argument{"zeroth: block '" + block.name + "' is stored as " + std::string{to_string(block.type)} +
                                                ", which is not among the backend's scalar types"};
                }
            }
        }
        for (std::size_t a = 0; a < blocks.size(); ++a) {
            const auto begin = reinterpret_cast<std::uintptr_t>(blocks[a].data);
            for (std::size_t b = a + 1; b < blocks.size(); ++b) {
                const auto other = reinterpret_cast<std::uintptr_t>(blocks[b].data);
                if (blocks[a].size() != 0 && blocks[b].size() != 0 && begin < other + blocks[b].bytes() && other < begin + blocks[a].bytes()) {
                    throw std::invalid_argument{"zeroth: blocks '" + blocks[a].name + "' and '" + blocks[b].name +
                                                "' share memory; add a tied tensor once"};
                }
            }
        }
        return blocks;
    }

    static std::vector<double> scales_of([[maybe_unused]] const D& direction, [[maybe_unused]] std::span<const Block> blocks) {
        std::vector<double> scales;
        if constexpr (BlockScaledDirection<D>) {
            for (const Block& block : blocks) {
                scales.push_back(direction.scale_of(block.identity));
            }
        }
        return scales;
    }
    /// Null for a direction without.
    [[nodiscard]] const double* block_scales() const noexcept { return BlockScaledDirection<D> ? block_scales_.data() : nullptr; }

    void move_to(std::span<const Term> target) {
        if constexpr (changes_factors) {
            if (pending_ && !target.empty()) { // which the update's own traversal would enter by the factors before
                move_to({});
            }
        }
        parts_.clear();
        // The gradient first: its sum is rounded in the order of its terms, wherever the weights stand, so it can be replayed.
        if (pending_) {
            for (const GradientTerm<M::coefficients>& term : gradient_) {
                PartType& part = part_of(term.key);
                for (int i = 0; i < M::coefficients; ++i) {
                    part.gradient[i] += term.coefficient[i];
                }
            }
        }
        for (const Term& term : displacement_) {
            part_of(term.key).leave += term.coefficient;
        }
        for (const Term& term : target) {
            part_of(term.key).enter += term.coefficient;
        }
        bool moves = pending_;
        for (const PartType& part : parts_) {
            moves = moves || part.leave != part.enter;
        }
        if (!moves) {
            return;
        }
        for (const PartType& part : parts_) {
            form(part.key);
        }
        scale_blocks();
        displacement_.reserve(target.size()); // while nothing has moved
        traversals_ += static_cast<std::uint64_t>(weights_.move(parts_, pending_ ? &pending_move_ : nullptr));
        displacement_.assign(target.begin(), target.end());
        pending_ = false;
        call_hook();
    }

    void form([[maybe_unused]] const Key& key) {
        if constexpr (FormedDirection<Raw, std::span<const Block>>) {
            raw_direction(direction_).form(key);
        }
    }
    void accept(const M& move) {
        for (const GradientTerm<M::coefficients>& term : gradient_) {
            form(term.key);
        }
        pending_move_ = move;
        if constexpr (changes_factors) {
            pending_move_.factors = raw_direction(direction_).factors();
        }
        pending_ = true;
    }

    void call_hook() const {
        if (parameters_.hook()) {
            parameters_.hook()(parameters_.blocks());
        }
    }

    PartType& part_of(const Key& key) {
        for (PartType& part : parts_) {
            if (part.key == key) {
                return part;
            }
        }
        return parts_.emplace_back(PartType{key});
    }

    /// A normalised direction's factor in each block, where the backend reaches it.
    [[nodiscard]] StateMemory make_factors() const {
        return StateMemory{parameters_.blocks().size() * sizeof(double), state_allocator_of(backend_)};
    }

    /// A key's, kept while it is in use.
    struct Scales {
        Key key{};
        bool in_use = false;
        bool formed = false;
        StateMemory factors{};

        [[nodiscard]] double* factor() const noexcept { return reinterpret_cast<double*>(factors.data()); }
    };

    void scale_blocks() {
        if constexpr (BlockScaledDirection<D>) {
            for (PartType& part : parts_) {
                part.block_scale = block_scales();
            }
        }
        if constexpr (NormalisedDirection<D>) {
            for (Scales& scales : scales_) {
                scales.in_use = false;
                for (PartType& part : parts_) {
                    if (scales.formed && part.key == scales.key) {
                        part.block_scale = scales.factor();
                        scales.in_use = true;
                    }
                }
            }
            for (PartType& part : parts_) {
                if (part.block_scale == nullptr) {
                    part.block_scale = form_scales(part.key);
                }
            }
        }
    }

    Scales& unused_scales() {
        for (Scales& scales : scales_) {
            if (!scales.in_use) {
                return scales;
            }
        }
        return scales_.emplace_back(Scales{Key{}, false, false, make_factors()});
    }

    const double* form_scales(const Key& key)
        requires NormalisedDirection<D>
    {
        const std::span<const Block> blocks = parameters_.blocks();
        Scales& scales = unused_scales();
        const Move<1> move{key, {1.0}};
        if constexpr (requires { backend_.form_factors(blocks, direction_, move, scales.factor()); }) {
            backend_.form_factors(blocks, direction_, move, scales.factor());
        } else {
            units_.assign(blocks.size(), 0);
            backend_.traverse(blocks, direction_, std::span<const Move<1>>{&move, 1}, SquaredNorm{units_.data()});
            for (std::size_t b = 0; b < blocks.size(); ++b) {
                scales.factor()[b] = D::scale(units_[b], blocks[b].size());
            }
        }
        scales.key = key;
        scales.in_use = scales.formed = true;
        return scales.factor();
    }

    Parameters parameters_;
    D direction_;
    B backend_;
    /// Of a block-scaled direction, in the order of the blocks.
    std::vector<double> block_scales_;
    typename Restore::template Weights<Raw, B, M> weights_;
    std::vector<Term> displacement_;
    std::vector<GradientTerm<M::coefficients>> gradient_;
    std::vector<PartType> parts_;
    M pending_move_{};
    bool pending_ = false;
    std::uint64_t traversals_ = 0;
    std::vector<Scales> scales_;
    std::vector<std::int64_t> units_;
};

ZEROTH_END_NAMESPACE
