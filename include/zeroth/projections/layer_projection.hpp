#pragma once

#include <zeroth/backends/backend.hpp>
#include <zeroth/backends/reference.hpp>
#include <zeroth/ground/one_call.hpp>
#include <zeroth/ground/scope_guard.hpp>
#include <zeroth/parameters/partition.hpp>
#include <zeroth/projections/anchor.hpp>
#include <zeroth/projections/layer_projection_settings.hpp>
#include <zeroth/projections/projection_ratios.hpp>
#include <zeroth/projections/projection_report.hpp>
#include <zeroth/projections/scale_displacement.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// DiZO's layer-wise projection: every `interval` steps a few forward passes choose how long each layer's displacement from where it began
/// should be, which zeroth-order steps, alike in all layers, leave unequal to what the layers need.
///
///   theta_l <- theta0_l + a_l delta_l,   delta_l = theta_l - theta0_l,   a_l = gamma_l / u_l,   u_l = ||delta_l|| or 1
///   gamma_l from u_l on, J times, all layers at once:   z_l ~ N(0, 1) clipped to +-(tau / eps) u_l
///     G = [L(gamma + eps z) - L(gamma - eps z)] / (2 eps),   gamma_l <- clip(gamma_l - eta u_l G z_l, (1 - tau) u_l, (1 + tau) u_l)
///
/// Every point is formed anew from theta and theta0 (ScaleDisplacement), so nothing drifts and a_l = 1 is theta_l bit for bit. Layers that
/// have not moved are left alone.
///
///     zeroth::LayerProjection projection{parameters, {.interval = 50}};
///     for (const Batch& batch : loader) {
///         optimizer.step([&] { return model.loss(batch); });
///         projection.after_step(optimizer, [&] { return model.loss(batch); });
///     }
///
/// Forward passes: 2J a projection, so 2J / interval a step. Traversals of the projected weights: 2J + 3 a projection, 2 only read.
/// Memory: the projected weights once more, and again for an anchor that is a copy. No allocation after the constructor.
/// The weights must outlive the projection, which must not be copied or moved. A projection or a step of its optimizer from within the
/// loss throws std::logic_error.
/// Throws std::invalid_argument for a setting out of range, if `select` takes no block, if the anchor lacks one or has one of another type
/// or size, and for a block of a type that the backend is not compiled for.
/// Source: Tan et al., arXiv 2502.03304.
template <Backend B = Reference>
class LayerProjection {
    static_assert(memory_space_of<B> == MemorySpace::host, "zeroth: LayerProjection keeps its copies of the weights on the host");

  public:
    /// An anchor without blocks: the weights as they now are, copied.
    explicit LayerProjection(const Parameters& parameters, LayerProjectionSettings settings = {}, Anchor anchor = {}, B backend = {})
        : settings_{(settings.validate(), std::move(settings))},
          parameters_{settings_.select ? selected(parameters, settings_.select) : parameters}, backend_{std::move(backend)},
          backend_name_{backend_.name()}, anchor_{anchor.empty() ? Anchor::copy_of(blocks()) : std::move(anchor)}, ratios_{settings_, blocks().size()} {
        require_blocks(parameters.blocks());
        require_reached<B>(parameters.blocks());
        if (blocks().empty()) {
            throw std::invalid_argument{"zeroth: select takes none of the blocks: there is nothing to project"};
        }
        const std::size_t count = blocks().size();
        for (const Block& block : blocks()) {
            anchors_.push_back(anchor_.of(block));
            copies_.emplace_back(block.bytes());
            layers_.push_back({block.name});
        }
        for (std::vector<std::byte>& copy : copies_) {
            current_.push_back(copy.data());
        }
        largest_.resize(count);
        units_.resize(count);
        quantum_.assign(count, 0.0);
        losses_.reserve(forward_passes());
    }
    LayerProjection(const LayerProjection&) = delete;
    LayerProjection& operator=(const LayerProjection&) = delete;

    /// Whether a projection is to follow this many steps: each `interval` of them, once.
    [[nodiscard]] bool due(std::uint64_t steps) const noexcept {
        return steps != 0 && steps % settings_.interval == 0 && steps != projected_;
    }

    /// To be called after each step of an Optimizer, BlockOptimizer, HybridOptimizer or FirstOrderOptimizer. If a projection is due it
    /// settles the weights, projects, and lets the restore policy take them for the base; else it does nothing and returns none. An
    /// Optimizer's weights under Exact stay on its grid; the others lay it anew.
    template <class O, ProjectionFn F>
    std::optional<ProjectionReport> after_step(O& optimizer, F&& forward) {
        const OneCall::Inside inside{one_call_};
        if (!due(optimizer.steps())) {
            return std::nullopt;
        }
        if constexpr (requires { optimizer.settle(); }) {
            optimizer.settle();
        }
        const bool on_grid = find_grid(optimizer);
        ProjectionReport report;
        { // a step of its own would take the ratios that are tried for the weights
            const OneCall::Inside alone{optimizer.one_call()};
            report = run(optimizer.steps(), forward);
        }
        report.on_grid = on_grid;
        if constexpr (requires { optimizer.adopt_weights(); }) {
            if (report.reason == Reason::updated && !on_grid) {
                optimizer.adopt_weights();
            }
        }
        return report;
    }

    /// One projection, whether due or not; `step` names its random bits. The weights must be settled, and an optimizer whose restore policy
    /// keeps something must adopt_weights() afterwards.
    /// If `forward` throws, or the parameters' hook does meanwhile, the weights are as before and the exception goes on to the caller. If a
    /// loss or a weight's displacement is not finite they are as before likewise, and the report says so.
    template <ProjectionFn F>
    ProjectionReport project(std::uint64_t step, F&& forward) {
        const OneCall::Inside inside{one_call_};
        quantum_.assign(quantum_.size(), 0.0);
        return run(step, forward);
    }

    /// Of a projection.
    [[nodiscard]] std::size_t forward_passes() const noexcept { return std::size_t{2} * settings_.iterations; }
    /// Kept beside the weights.
    [[nodiscard]] std::size_t state_bytes() const noexcept { return parameters_.bytes() + anchor_.bytes(); }
    [[nodiscard]] std::string_view backend() const noexcept { return backend_name_; }

  private:
    [[nodiscard]] std::span<const Block> blocks() const noexcept { return parameters_.blocks(); }

    /// The steps of an Exact optimizer's grid under the projected blocks; 0 where there is none. Whether all of them have one.
    template <class O>
    bool find_grid(const O& optimizer) {
        bool all = false;
        quantum_.assign(quantum_.size(), 0.0);
        if constexpr (requires { optimizer.cursor().quanta(); }) {
            const std::span<const Block> trained = optimizer.cursor().parameters().blocks();
            all = true;
            for (std::size_t b = 0; b < blocks().size(); ++b) {
                for (std::size_t other = 0; other < trained.size(); ++other) {
                    if (trained[other].identity.hash == blocks()[b].identity.hash) {
                        quantum_[b] = optimizer.cursor().quanta()[other];
                    }
                }
                all = all && quantum_[b] != 0;
            }
        }
        return all;
    }

    template <class F>
    ProjectionReport run(std::uint64_t step, F& forward) {
        traversals_ = 0;
        losses_.clear();
        rounding_ = Key{settings_.seed, step, 0xFFFFFFFF};
        Reason reason = Reason::non_finite_update;
        if (measure()) {
            ScopeGuard home{[this]() noexcept { go_back(); }};
            reason = search(step, forward);
            if (reason == Reason::updated) {
                stand();
            }
            if (reason == Reason::updated || losses_.empty()) {
                home.dismiss();
            }
        }
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            layers_[l].ratio = ratios_[l];
        }
        projected_ = step;
        ProjectionReport report;
        report.step = step;
        report.reason = reason;
        report.loss = loss(reason);
        report.losses = losses_;
        report.layers = layers_;
        report.forward_passes = losses_.size();
        report.traversals = traversals_;
        report.backend = backend_name_;
        return report;
    }

    /// Keeps the weights as they are, and measures how far they have come. False where that is not a number.
    bool measure() {
        for (double& largest : largest_) {
            largest = 0;
        }
        traverse(KeepCurrent{current_.data(), anchors_.data(), largest_.data()});
        bool finite = true;
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            finite = finite && std::isfinite(largest_[l]);
            units_[l] = SquaredUnits::of_largest(finite ? largest_[l] : 0);
        }
        ratios_.reset();
        if (!finite) {
            return false;
        }
        traverse(SquaredDisplacement{anchors_.data(), units_.data()});
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            layers_[l].displacement = units_[l].norm();
            ratios_.begin(l, layers_[l].displacement);
        }
        return true;
    }

    /// Finds the ratios. Leaves them at 1 where it fails.
    template <class F>
    Reason search(std::uint64_t step, F& forward) {
        for (std::uint32_t pair = 0; ratios_.can_move() && pair < settings_.iterations; ++pair) {
            ratios_.draw(Key{settings_.seed, step, pair}, blocks());
            double pair_losses[2] = {};
            for (int side = 0; side < 2; ++side) {
                ratios_.set(side == 0 ? settings_.epsilon : -settings_.epsilon);
                stand();
                pair_losses[side] = evaluate(forward, pair);
                losses_.push_back(pair_losses[side]);
                if (!std::isfinite(pair_losses[side])) {
                    return failed(Reason::non_finite_loss);
                }
            }
            const double slope = (pair_losses[0] - pair_losses[1]) / (2 * settings_.epsilon);
            if (!ratios_.descend(slope)) {
                return failed(Reason::non_finite_update);
            }
        }
        ratios_.set(0);
        return ratios_.differ_from_1() ? Reason::updated : Reason::kept;
    }

    Reason failed(Reason reason) noexcept {
        ratios_.reset();
        return reason;
    }

    template <class F>
    double evaluate(F& forward, std::size_t pair) {
        if constexpr (PairedForwardFn<F>) {
            return static_cast<double>(forward(pair));
        } else {
            return static_cast<double>(forward());
        }
    }

    /// Puts the weights where the ratios say.
    void stand() {
        traverse(ScaleDisplacement{current_.data(), anchors_.data(), ratios_.data(), quantum_.data(), rounding_});
        if (parameters_.hook()) {
            parameters_.hook()(blocks());
        }
    }

    template <class Operation>
    void traverse(const Operation& operation) {
        backend_.traverse(Traversal{blocks(), operation});
        ++traversals_;
    }

    [[nodiscard]] double loss(Reason reason) const noexcept {
        double sum = 0;
        for (const double loss : losses_) {
            sum += loss;
        }
        return losses_.empty() ? 0 : reason == Reason::non_finite_loss ? losses_.back() : sum / static_cast<double>(losses_.size());
    }

    /// Puts the weights back.
    void go_back() noexcept {
        ratios_.reset();
        try {
            stand();
        } catch (...) { // they are: the hook comes last
        }
    }

    OneCall one_call_;
    LayerProjectionSettings settings_;
    Parameters parameters_;
    B backend_;
    std::string backend_name_;
    Anchor anchor_;
    std::vector<const std::byte*> anchors_;
    std::vector<std::vector<std::byte>> copies_;
    std::vector<std::byte*> current_;
    std::vector<ProjectedLayer> layers_;
    std::vector<double> largest_;
    std::vector<SquaredUnits> units_;
    ProjectionRatios ratios_;
    /// Of the grid, in each layer.
    std::vector<double> quantum_;
    std::vector<double> losses_;
    Key rounding_;
    std::uint64_t traversals_ = 0;
    /// After how many steps the last projection was made.
    std::uint64_t projected_ = 0;
};

ZEROTH_END_NAMESPACE
