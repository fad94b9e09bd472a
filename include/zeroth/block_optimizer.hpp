#pragma once

#include <zeroth/optimizer.hpp>
#include <zeroth/parameters/partition.hpp>
#include <zeroth/random/philox.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// Which parts of a partition a step moves.
enum class BlockOrder : std::uint8_t {
    all,        ///< each part in turn, estimated and updated at once (Gauss-Seidel)
    jacobi,     ///< all parts: every estimate is made before any update
    cyclic,     ///< one part a step, in turn
    random,     ///< one part a step, drawn evenly
    importance, ///< one part a step, drawn in proportion to its importance
};

/// What concerns the loop of a BlockOptimizer.
template <class Restore = InPlace>
struct BlockSettings {
    std::uint64_t seed = 0;
    std::uint64_t first_step = 0;
    Restore restore{};
    BlockOrder order = BlockOrder::all;
    /// One a part: not negative, not all 0. Only for BlockOrder::importance.
    std::vector<double> importance{};
};

/// What a step did; the spans are valid until the next.
struct BlockStepReport {
    std::uint64_t step = 0;
    /// updated, if all that were moved were.
    Reason reason = Reason::updated;
    /// The mean over the parts that were moved.
    double loss = 0;
    double learning_rate = 0;
    /// The largest of the parts' own (StepReport), NaN where one is not known.
    double relative_update = 0;
    /// A block whose weights' precision the update falls under, the first part's that has one; else null.
    const Block* rounded_away = nullptr;
    std::uint64_t forward_passes = 0;
    /// Of parts, each over its own weights.
    std::uint64_t traversals = 0;
    /// First of the parts that were moved, and how many.
    std::size_t first_part = 0;
    std::size_t parts = 0;
    std::string_view backend;
};

/// Block-wise descent: an optimizer for each part of a partition. A part is perturbed and moved while the others stand still, along directions
/// of its own, so an estimate has the variance of the part's size and not of the model's.
///
/// Forward passes: the estimator's, times the number of parts for BlockOrder::all and jacobi. Traversals: the optimizer's, over the part alone (one
/// more for jacobi). State: the rule's and the restore policy's.
/// The parameters' hook hears of a part's blocks only: a runtime may keep the activations of the layers before the first of them.
/// A loss that throws leaves the part at hand as it was; the parts moved before it in the step stay moved.
/// Throws std::invalid_argument as Optimizer does, for an empty partition, and for importances out of range.
/// Source: Zhang et al., arXiv 2402.11592, section 4, whose code gives all blocks one seed.
template <Estimator E, UpdateRule Rule, class Restore = InPlace, Backend B = Reference>
class BlockOptimizer {
  public:
    using Part = Optimizer<E, Rule, Restore, B>;

    BlockOptimizer(const Partition& partition, const E& estimator, const Rule& rule, BlockSettings<Restore> settings = {}, const B& backend = {})
        : settings_{std::move(settings)}, step_{settings_.first_step} {
        parts_.reserve(partition.parts.size());
        if (partition.parts.empty()) {
            throw std::invalid_argument{"zeroth: the partition has no parts"};
        }
        for (const Parameters& parameters : partition.parts) {
            parts_.emplace_back(parameters, estimator, rule,
                                Settings<Restore>{.seed = settings_.seed, .first_step = step_, .restore = settings_.restore}, backend);
        }
        if (settings_.order == BlockOrder::importance) {
            check_importance();
        }
    }
    template <ForwardFn F>
    BlockStepReport step(F&& forward) {
        BlockStepReport report;
        report.step = step_;
        report.first_part = chosen();
        report.parts = one_a_step() ? 1 : parts_.size();
        if (settings_.order == BlockOrder::jacobi) {
            for (std::size_t i = 0; i < parts_.size(); ++i) {
                parts_[i].set_next_step(step_);
                parts_[i].estimate(forward);
            }
            for (std::size_t i = 0; i < parts_.size(); ++i) {
                add(report, parts_[i].update());
            }
        } else {
            for (std::size_t i = 0; i < report.parts; ++i) {
                Part& part = parts_[report.first_part + i];
                part.set_next_step(step_);
                add(report, part.step(forward));
            }
        }
        report.loss /= static_cast<double>(report.parts);
        ++step_;
        return report;
    }

    /// To be called after the caller has changed the weights himself, between steps.
    void adopt_weights() {
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            parts_[i].adopt_weights();
        }
    }

    [[nodiscard]] std::size_t parts() const noexcept { return parts_.size(); }
    /// Number of the next step.
    [[nodiscard]] std::uint64_t steps() const noexcept { return step_; }
    [[nodiscard]] std::string_view backend() const noexcept { return parts_[0].backend(); }
    /// Kept beside the weights.
    [[nodiscard]] std::size_t state_bytes() const noexcept {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            bytes += parts_[i].state_bytes();
        }
        return bytes;
    }
    /// Of a step.
    [[nodiscard]] std::size_t forward_passes() const { return parts_[0].forward_passes() * (one_a_step() ? 1 : parts_.size()); }

  private:
    [[nodiscard]] bool one_a_step() const noexcept {
        return settings_.order != BlockOrder::all && settings_.order != BlockOrder::jacobi;
    }

    void check_importance() const {
        double sum = 0;
        for (const double importance : settings_.importance) {
            require_setting(importance >= 0 && importance < 0x1p128, "importance", importance, "zero or positive, and finite");
            sum += importance;
        }
        require_setting(settings_.importance.size() == parts_.size(), "importance.size()", static_cast<double>(settings_.importance.size()),
                        "the number of parts");
        require_setting(sum > 0, "importance", sum, "positive in one part at least");
    }

    /// A number in [0, 1) of the step's own.
    [[nodiscard]] double draw() const noexcept {
        const PhiloxKey key = philox_key(Key{settings_.seed, step_, 0}, Purpose::schedule);
        const PhiloxWords words = philox4x32({{0, 0, 0, 0}}, key);
        return (static_cast<double>(words.word[0]) + 0.5) * 0x1p-32;
    }

    /// First part that the step moves.
    [[nodiscard]] std::size_t chosen() const noexcept {
        switch (settings_.order) {
        case BlockOrder::all:
        case BlockOrder::jacobi: return 0;
        case BlockOrder::cyclic: return static_cast<std::size_t>(step_ % parts_.size());
        case BlockOrder::random: return static_cast<std::size_t>(draw() * static_cast<double>(parts_.size()));
        case BlockOrder::importance: break;
        }
        double sum = 0;
        for (const double importance : settings_.importance) {
            sum += importance;
        }
        double left = draw() * sum;
        std::size_t last = 0;
        for (std::size_t part = 0; part < settings_.importance.size(); ++part) {
            if (settings_.importance[part] > 0) {
                last = part;
                left -= settings_.importance[part];
                if (left < 0) {
                    break;
                }
            }
        }
        return last;
    }

    static void add(BlockStepReport& total, const StepReport& report) {
        if (report.reason != Reason::updated && total.reason == Reason::updated) {
            total.reason = report.reason;
        }
        total.loss += report.loss;
        total.learning_rate = report.learning_rate;
        if (!std::isnan(total.relative_update) && !(report.relative_update <= total.relative_update)) { // larger, or NaN
            total.relative_update = report.relative_update;
        }
        total.rounded_away = total.rounded_away != nullptr ? total.rounded_away : report.rounded_away;
        total.forward_passes += report.forward_passes;
        total.traversals += report.traversals;
        total.backend = report.backend;
    }

    BlockSettings<Restore> settings_;
    std::uint64_t step_;
    std::vector<Part> parts_;
};

ZEROTH_END_NAMESPACE
