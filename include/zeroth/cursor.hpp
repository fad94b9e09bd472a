#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/float_environment.hpp>
#include <zeroth/backends/reference.hpp>
#include <zeroth/cursor/descend.hpp>
#include <zeroth/cursor/exact.hpp>
#include <zeroth/cursor/in_place.hpp>
#include <zeroth/cursor/parts.hpp>
#include <zeroth/cursor/snapshot.hpp>
#include <zeroth/cursor/standing.hpp>
#include <zeroth/cursor/term.hpp>
#include <zeroth/directions/direction.hpp>
#include <zeroth/directions/rays_of.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/replace.hpp>
#include <zeroth/ground/stopwatch.hpp>
#include <zeroth/parameters/parameters.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <utility>

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
template <Direction D, class Restore = InPlace, Backend B = Reference, Step U = PlainStep>
class Cursor {
    /// Whether moves of the base change the direction's factors.
    static constexpr bool changes_factors = requires(U& step) { step.factors; };
    static constexpr bool has_factors = requires { requires D::has_factors; };
    static_assert(has_factors || !changes_factors, "zeroth: the rule changes factors of the direction, which has none: see Preconditioned");
    static_assert(!has_factors || !Restore::adjusts_weights, "zeroth: factors leave Exact's grid: restore in place or by Snapshot");

  public:
    using Rays = RaysOf<D, B>;
    using M = Descend<U>;

    /// reach: the largest displacement of one weight to be expected, without a block's scale: Exact lays its grid for it, at first.
    Cursor(const Parameters& parameters, const D& direction, const Restore& restore, const B& backend,
           double reach, std::size_t max_terms, std::size_t max_gradient_terms = 0)
        : Cursor{parameters, direction, restore, backend, reach, max_terms, max_gradient_terms, Later{}} {
        take_over();
    }
    /// Touches no weight yet: either take_over(), or load() and go_on().
    struct Later {};
    Cursor(const Parameters& parameters, const D& direction, const Restore& restore, const B& backend, double reach, std::size_t max_terms,
           std::size_t max_gradient_terms, Later)
        : parameters_{parameters}, backend_{backend}, parts_{M::coefficients, Parts::max_keys(max_terms, max_gradient_terms)},
          rays_{direction, require_traversable<B>(parameters_.blocks()), Parts::max_keys(max_terms, max_gradient_terms), backend_},
          rates_(parameters_.blocks().size()), weights_{restore, place(), reach, Parts::max_keys(max_terms, max_gradient_terms)} {
        standing_.displacement.reserve(max_terms);
        standing_.gradient.reserve(Parts::max_keys(max_terms, max_gradient_terms) - 2 * max_terms);
    }
    /// Takes the weights as they stand for the base, before traversals are counted.
    void take_over() {
        adopt();
        traversals_ = 0;
    }
    /// The weights stay where they are; the other cursor has none any more.
    Cursor(Cursor&&) noexcept = default;
    /// Settles the weights that it has had.
    Cursor& operator=(Cursor&& other) noexcept { return replace(*this, std::move(other)); }
    ~Cursor() { settle_quietly(); }

    void stand_at(std::span<const Term> terms) { move_to(terms); }
    void stand_at(const Term& term) { move_to({&term, 1}); }
    /// No displacement: the loss of the weights themselves.
    void stand_at_base() { move_to({}); }

    /// Moves the base with the next traversal. What the keys need is taken here, so where it throws there is no update.
    void update(const M& move, std::span<const GradientTerm<M::coefficients>> gradient) {
        if (standing_.pending) {
            settle();
        }
        standing_.gradient.assign(gradient.begin(), gradient.end());
        accept(move);
    }
    void update(const M& move, std::span<const Term> gradient)
        requires(M::coefficients == 1)
    {
        if (standing_.pending) {
            settle();
        }
        standing_.set_gradient(gradient);
        accept(move);
    }

    /// Leaves the weights at their base, updated.
    void settle() { move_to({}); }
    /// The same where an exception is already under way: one of the hook's own is dropped. Going home needs no memory: its keys are prepared.
    /// An update that finds none, of more terms than max_gradient_terms, is dropped.
    void settle_quietly() noexcept {
        try {
            settle();
        } catch (...) {
            if (standing_.pending) { // else it was the hook, which comes last
                standing_.drop_update();
                settle_quietly();
            }
        }
    }
    [[nodiscard]] bool settled() const noexcept { return standing_.settled(); }

    /// To be called after the user has changed the weights himself, between steps, while settled.
    void adopt() {
        traversals_ += static_cast<std::uint64_t>(weights_.adopt(place()));
        if constexpr (Restore::adjusts_weights) {
            call_hook();
        }
    }

    /// What a run needs to go on with the same bits from the weights as they stand: where they are, and what the policy and the rays keep.
    void save(StateWriter& writer) {
        standing_.save(writer);
        weights_.save(writer, place(), settled());
        if constexpr (requires { rays_.save(writer, parameters_.blocks()); }) {
            rays_.save(writer, parameters_.blocks());
        }
    }
    /// Reads it, and leaves the weights alone; go_on() makes it this cursor's.
    [[nodiscard]] Standing<M> load(StateReader& reader, const SavedBlocks& saved) {
        Standing<M> standing = Standing<M>::load(reader);
        weights_.load(reader, place(), saved, standing.settled());
        if constexpr (requires { rays_.load(reader, parameters_.blocks(), saved); }) {
            rays_.load(reader, parameters_.blocks(), saved);
        }
        return standing;
    }
    /// The weights stand there. Blocks that were added to the saved ones are taken over.
    /// Throws std::invalid_argument for added blocks where the weights are displaced or an update is pending.
    void go_on(const Standing<M>& standing, bool has_added_blocks) {
        if (has_added_blocks) {
            if (!standing.settled()) {
                throw std::invalid_argument{"zeroth: blocks can be added to a state of settled weights alone: settle() before save()"};
            }
            if constexpr (requires { weights_.adopt_added(place()); }) {
                weights_.adopt_added(place());
                call_hook();
            }
        }
        standing_.displacement.assign(standing.displacement.begin(), standing.displacement.end());
        if (standing.pending) {
            standing_.gradient = standing.gradient;
            accept(standing.move);
        }
    }

    /// The direction that draws.
    [[nodiscard]] const D& direction() const noexcept { return rays_.direction(); }
    /// Its rays in these blocks: those of the keys of the last traversal.
    [[nodiscard]] const Rays& rays() const noexcept { return rays_; }
    /// The ray of one key, ready to be drawn until the next traversal.
    [[nodiscard]] RaysView<RayIn<Rays>> rays_for(const Key& key) {
        parts_.clear();
        parts_.of(key);
        prepare_beside_standing();
        return {rays_, 1};
    }
    /// Over the weights, since the cursor was made.
    [[nodiscard]] std::uint64_t traversals() const noexcept { return traversals_; }
    /// In them, and in the hook.
    [[nodiscard]] double seconds() const noexcept { return seconds_; }
    [[nodiscard]] const Parameters& parameters() const noexcept { return parameters_; }
    [[nodiscard]] const B& backend() const noexcept { return backend_; }
    /// Of a block-scaled direction in a block; 1 for others.
    [[nodiscard]] double scale_of(std::size_t block) const noexcept { return rays_.block_scale(block); }
    /// Bounds |z| in a block, whatever the key.
    [[nodiscard]] double largest_in(std::size_t block) const noexcept { return rays_.largest_in(block); }
    /// Whether the weights can be displaced so far, with what the restore policy promises: Exact's grid has an end.
    [[nodiscard]] bool holds(std::span<const Term> terms) {
        if constexpr (requires { weights_.holds(place(), parts_); }) {
            parts_.clear();
            parts_.add(terms, Parts::enter);
            prepare_beside_standing();
            return weights_.holds(place(), parts_);
        }
        return true;
    }
    /// The block in which a move has found a weight that is not finite, where the policy's moves look for them (Exact's do); null if none.
    [[nodiscard]] const Block* not_finite() const noexcept {
        if constexpr (requires { weights_.not_finite(); }) {
            const std::size_t b = weights_.not_finite();
            return b < parameters_.blocks().size() ? &parameters_.blocks()[b] : nullptr;
        }
        return nullptr;
    }
    /// What the restore policy and the direction keep beside the weights, the backend for it included.
    [[nodiscard]] std::size_t state_bytes() const noexcept {
        std::size_t bytes = weights_.bytes() + rays_.bytes();
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
    [[nodiscard]] std::span<const GradientTerm<M::coefficients>> gradient() const noexcept { return standing_.gradient; }
    [[nodiscard]] Place<Rays, B> place() noexcept { return {parameters_.blocks(), rays_, backend_}; }

    void move_to(std::span<const Term> target) {
        if constexpr (changes_factors) {
            if (standing_.pending && !target.empty()) { // which the update's own traversal would enter by the factors before
                move_to({});
            }
        }
        parts_.clear();
        // The gradient first: its sum is rounded in the order of its terms, wherever the weights stand, so it can be replayed.
        if (standing_.pending) {
            parts_.add(gradient());
        }
        parts_.add(standing_.displacement, Parts::leave);
        parts_.add(target, Parts::enter);
        if (!standing_.pending && !parts_.displaces()) {
            return;
        }
        if constexpr (!Restore::needs_left) {
            parts_.keep_entered();
        }
        standing_.displacement.reserve(target.size()); // while nothing has moved
        const AddSeconds timed{seconds_};
        {
            const FloatEnvironment environment; // of what is made ready for it, too
            if constexpr (BoundedStep<U> && requires { weights_.make_room(place(), parts_, standing_.move, StepBound{}); }) {
                if (standing_.pending) {
                    traversals_ += static_cast<std::uint64_t>(
                        weights_.make_room(place(), parts_, standing_.move, standing_.move.step.bound(gradient())));
                }
            }
            traversals_ += static_cast<std::uint64_t>(weights_.move(place(), parts_, standing_.pending ? &standing_.move : nullptr));
        }
        standing_.displacement.assign(target.begin(), target.end());
        standing_.drop_update();
        call_hook();
    }

    /// What the keys need is taken now.
    void accept(const M& move) {
        parts_.clear();
        prepare_beside_standing();
        standing_.move = move;
        standing_.move.take_rates(parameters_.blocks(), rates_.data());
        if constexpr (changes_factors) {
            standing_.move.step.factors = rays_.factors();
        }
        standing_.pending = true;
    }

    /// Prepares the parts' keys, and those of the displacement and the pending update, so that what these need stays for the way home.
    void prepare_beside_standing() {
        parts_.add_keys(standing_.displacement);
        parts_.add_keys(standing_.gradient);
        const FloatEnvironment environment;
        rays_.prepare(parts_.keys(), parameters_.blocks(), backend_);
    }

    void call_hook() const {
        if (parameters_.hook()) {
            parameters_.hook()(parameters_.blocks());
        }
    }

    Parameters parameters_;
    B backend_;
    Parts parts_;
    Rays rays_;
    Array<BlockRate> rates_; ///< of the pending move, in each block
    typename Restore::template Weights<M> weights_;
    Standing<M> standing_;
    std::uint64_t traversals_ = 0;
    double seconds_ = 0;
};

ZEROTH_END_NAMESPACE
