#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/cursor.hpp>
#include <zeroth/estimators/estimator.hpp>
#include <zeroth/projections/anchor.hpp>
#include <zeroth/projections/layer_projection.hpp>
#include <zeroth/projections/scale_displacement.hpp>
#include <zeroth/step_report.hpp>
#include <zeroth/updates/update_rule.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

template <class E, class Rule, class Restore, class B>
class Optimizer;

/// A rule whose moves follow from an estimate's terms and the step alone: Sgd, ScalarSignSgd.
template <class R>
concept ReplayableRule = UpdateRule<R> && std::same_as<typename R::Step, PlainStep> && std::same_as<typename R::State, NoState> &&
                         !LookaheadRule<R>;

/// Restore policy of a replay: numbers on a grid that is given, and never displaced.
struct OnGivenGrid {
    static constexpr std::string_view name = "given grid";
    static constexpr bool adjusts_weights = false;

    std::span<const double> quanta;

    static constexpr bool needs_left = true;

    template <class M>
    class Weights;
};

template <class M>
class OnGivenGrid::Weights {
  public:
    template <class At>
    Weights(const OnGivenGrid& grid, const At& at, double, std::size_t) : quanta_{grid.quanta}, largest_(at.blocks.size(), 0.0) {}

    template <class At>
    int move(const At& at, Parts& parts, const M* base) {
        at.traverse(UpdateOnGrid<M>{quanta_.data(), largest_.data(), *base}, parts, Parts::leave);
        return 1;
    }
    template <class At>
    int adopt(const At&) const noexcept {
        return 0;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }

  private:
    std::span<const double> quanta_;
    std::vector<double> largest_;
};

/// displacement <- w - displacement.
struct TakeFrom {
    static constexpr int coefficients = 1;
    static constexpr int sums = 0;
    static constexpr bool writes = true;

    const std::byte* const* weights = nullptr;

    template <class Lanes, class Storage>
    struct Bound {
        using Real = typename Lanes::template Real<ComputeType<Storage>>;

        const Storage* weights;

        Bound(const TakeFrom& operation, const Block&, std::size_t block) noexcept
            : weights{reinterpret_cast<const Storage*>(operation.weights[block])} {}

        template <bool First, class... Ignored>
        ZEROTH_INLINE void accumulate(const Ignored&...) const noexcept {}
        template <class Count>
        ZEROTH_INLINE Real apply(const Real& displacement, const Real (&)[1], std::uint64_t element, Count count) const noexcept {
            return load<Lanes>(weights + element, count) - displacement;
        }
        void finish() const noexcept {}
    };
};

/// The moves that an Optimizer under the policy Exact has made, by their terms, and the projections between: from which and the weights as
/// they stand follows where they began, bit for bit, with no copy of it.
///
///   theta0 = theta - delta;   delta <- delta + round_q(-eta g_t) for each step, delta + round_q((a_l - 1) delta) for each projection
///
/// Every summand is formed again from its own terms, and sums on the grid are exact, so theta0 is what it was. (theta0 on the grid: Exact
/// rounded the weights to it when it took them over.)
///
///     zeroth::TermRecord record{optimizer};
///     ... record.add(optimizer.step(forward)); ...
///     zeroth::Anchor anchor = record.anchor(optimizer);
///
/// Memory: 24 bytes a step and 32 a term; 16 a layer for each projection. anchor() takes the blocks' bytes, and one traversal of them for
/// each step and projection, and one more.
/// Only for rules whose moves follow from the terms (ReplayableRule), without weight decay.
class TermRecord {
  public:
    /// Begins with the optimizer's next step.
    /// Throws std::invalid_argument if its rule has weight decay, by which a move depends on the weights it moves.
    template <Estimator E, ReplayableRule Rule, Backend B>
    explicit TermRecord(const Optimizer<E, Rule, Exact, B>& optimizer)
        : quanta_{optimizer.cursor().quanta().begin(), optimizer.cursor().quanta().end()}, grids_{optimizer.cursor().grids()},
          first_{optimizer.steps()}, next_{first_} {
        Gradient<PlainStep> none;
        NoState state = optimizer.state();
        require_no_decay(optimizer.rule().move(Estimate{}, Key{0, first_, 0}, state, none));
    }

    /// So that nothing is allocated while so much is added.
    void reserve(std::size_t steps, std::size_t terms) {
        entries_.reserve(steps);
        terms_.reserve(terms);
    }

    /// Each step in turn, also those that did not move. Throws std::invalid_argument for another than the next.
    void add(const StepReport& report) {
        if (report.step != next_) {
            throw std::invalid_argument{"zeroth: step " + std::to_string(report.step) + " was added to a record that waits for step " +
                                        std::to_string(next_)};
        }
        ++next_;
        if (report.reason == Reason::updated) {
            entries_.push_back({report.step, report.terms.size(), false});
            terms_.insert(terms_.end(), report.terms.begin(), report.terms.end());
        }
    }
    /// Each projection between them. Throws std::invalid_argument if it was not made by after_step() of the optimizer: off its grid.
    void add(const ProjectionReport& report) {
        if (report.reason != Reason::updated) {
            return;
        }
        if (!report.on_grid) {
            throw std::invalid_argument{"zeroth: the projection after step " + std::to_string(report.step) +
                                        " left the grid of policy Exact; make it by after_step(optimizer, forward)"};
        }
        entries_.push_back({report.step, report.layers.size(), true});
        for (const ProjectedLayer& layer : report.layers) {
            ratios_.push_back({hash_name(layer.name), layer.ratio});
        }
    }

    /// Where the blocks (all, or those for which select(block) is true) stood when the record began. Settles the optimizer. A direction
    /// that is prepared for each block by its place (masks) has all of them rebuilt.
    /// Throws std::runtime_error if the optimizer has made steps that were not added, if its adopt_weights() was called since the record
    /// began, or if Exact has laid another grid since, which rounded the weights; std::invalid_argument if a step's move has weight decay.
    template <Estimator E, ReplayableRule Rule, Backend B>
    [[nodiscard]] Anchor anchor(Optimizer<E, Rule, Exact, B>& optimizer, const Function<bool(const Block&)>& select = {}) const {
        using D = decltype(E::direction);
        optimizer.settle();
        if (optimizer.steps() != next_) {
            throw std::runtime_error{"zeroth: the record ends before step " + std::to_string(next_) + ", the optimizer before step " +
                                     std::to_string(optimizer.steps())};
        }
        if (optimizer.cursor().grids() != grids_ || !on_first_grid(optimizer.cursor().quanta())) {
            throw std::runtime_error{"zeroth: policy Exact has laid its grid anew since step " + std::to_string(first_) +
                                     ": the weights were rounded, or changed by others and adopted, and where they began does not follow "
                                     "from the record; Exact{.reach = ...} lays it wide enough for a run's moves beforehand"};
        }
        Anchor anchor;
        Parameters displacement;
        std::vector<const std::byte*> weights;
        std::vector<const std::byte*> displaced;
        std::vector<double> quanta;
        const std::span<const Block> trained = optimizer.cursor().parameters().blocks();
        for (std::size_t b = 0; b < trained.size(); ++b) {
            const Block& block = trained[b];
            if (needs_all_blocks_of<D> || !select || select(block)) {
                std::byte* const numbers = anchor.allocate(block);
                displacement.add_memory(block.name, numbers, block.type, block.size(), {block.identity.rows, block.identity.columns}, block.options);
                weights.push_back(static_cast<const std::byte*>(block.data));
                displaced.push_back(numbers);
                quanta.push_back(quanta_[b]);
            }
        }
        const B& backend = optimizer.cursor().backend();
        replay(displacement, displaced, quanta, optimizer.estimator().direction, optimizer.rule(), backend);
        backend.traverse(Traversal{displacement.blocks(), TakeFrom{weights.data()}});
        return anchor;
    }

    /// Of the record.
    [[nodiscard]] std::size_t bytes() const noexcept {
        return entries_.size() * sizeof(Entry) + terms_.size() * sizeof(Term) + ratios_.size() * sizeof(Ratio);
    }

  private:
    struct Entry {
        std::uint64_t step;
        /// Of terms, or of ratios.
        std::size_t count;
        bool projection;
    };
    struct Ratio {
        std::uint64_t hash;
        double ratio;
    };

    static void require_no_decay(const Descend<PlainStep>& move) {
        require_setting(ScalarLanes::product(move.rate, move.weight_decay) == 0, "weight_decay", move.weight_decay, "0 for a record that the anchor is to be rebuilt from");
    }
    [[nodiscard]] bool on_first_grid(std::span<const double> quanta) const noexcept {
        bool same = quanta.size() == quanta_.size();
        for (std::size_t b = 0; same && b < quanta_.size(); ++b) {
            same = quanta[b] == quanta_[b];
        }
        return same;
    }

    /// From no displacement through all moves and projections.
    template <class D, class Rule, class B>
    void replay(const Parameters& displacement, const std::vector<const std::byte*>& displaced, const std::vector<double>& quanta,
                const D& direction, const Rule& rule, const B& backend) const {
        std::size_t max_terms = 1;
        for (const Entry& entry : entries_) {
            max_terms = !entry.projection && entry.count > max_terms ? entry.count : max_terms;
        }
        Cursor<D, OnGivenGrid, B> cursor{displacement, direction, OnGivenGrid{quanta}, backend, 0.0, max_terms, max_terms};
        std::vector<double> ratio(quanta.size());
        Gradient<PlainStep> gradient;
        NoState state{rule, displacement.blocks(), max_terms, StateAllocator{}};
        Estimate estimate;
        auto term = terms_.begin();
        auto layer = ratios_.begin();
        for (const Entry& entry : entries_) {
            const auto count = static_cast<std::ptrdiff_t>(entry.count);
            if (entry.projection) {
                for (std::size_t b = 0; b < ratio.size(); ++b) {
                    ratio[b] = 1;
                    for (auto at = layer; at != layer + count; ++at) {
                        ratio[b] = at->hash == displacement.blocks()[b].identity.hash ? at->ratio : ratio[b];
                    }
                }
                layer += count;
                backend.traverse(
                    Traversal{displacement.blocks(), ScaleDisplacement{displaced.data(), nullptr, ratio.data(), quanta.data(), Key{}}});
            } else {
                estimate.clear();
                estimate.terms.assign(term, term + count);
                term += count;
                gradient.clear();
                // A run's keys all hold its seed.
                const Descend<PlainStep> move =
                    rule.move(estimate, Key{estimate.terms.front().key.seed, entry.step, 0}, state, gradient);
                require_no_decay(move);
                cursor.update(move, std::span<const GradientTerm<1>>{gradient});
                cursor.settle();
            }
        }
    }

    /// The optimizer's grid when the record began, and how many it had had.
    std::vector<double> quanta_;
    std::uint64_t grids_;
    std::uint64_t first_;
    std::uint64_t next_;
    std::vector<Entry> entries_;
    std::vector<Term> terms_;
    std::vector<Ratio> ratios_;
};

ZEROTH_END_NAMESPACE
