#pragma once

#include <zeroth/ground/one_call.hpp>
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

    BlockOptimizer(const Partition& partition, const E& estimator, const Rule& rule, Settings<Restore> settings = {}, const B& backend = {})
        : BlockOptimizer{partition, estimator, rule, std::move(settings), backend, typename Part::Later{}} {
        for (Part& part : parts_) {
            part.take_over();
        }
    }
    /// Goes on where another was saved, as Optimizer does.
    BlockOptimizer(const Partition& partition, const E& estimator, const Rule& rule, Settings<Restore> settings, const B& backend, Resume resume)
        : BlockOptimizer{partition, estimator, rule, std::move(settings), backend, typename Part::Later{}} {
        StateReader reader{std::move(resume.source)};
        const auto parts = reader.number<std::uint64_t>("parts");
        if (parts != parts_.size()) {
            throw std::invalid_argument{"zeroth: the state has " + std::to_string(parts) + " parts, the partition " + std::to_string(parts_.size())};
        }
        step_ = reader.number<std::uint64_t>("step");
        std::vector<typename Part::Loaded> loaded;
        for (Part& part : parts_) {
            loaded.push_back(part.load(reader, resume.other_blocks));
        }
        reader.finish();
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            parts_[i].go_on(std::move(loaded[i]));
        }
    }

    /// Writes all that this run needs to go on with the same bits, beside the weights as they stand (Optimizer::save).
    void save(StateSink sink) {
        const OneCall::Inside inside{one_call_};
        StateWriter writer{std::move(sink)};
        writer.number<std::uint64_t>("parts", parts_.size());
        writer.number("step", step_);
        for (Part& part : parts_) {
            part.write(writer);
        }
        writer.finish();
    }
    /// From the next step on.
    void set_learning_rate(const Schedule& learning_rate) {
        const OneCall::Inside inside{one_call_};
        for (Part& part : parts_) {
            part.set_learning_rate(learning_rate);
        }
    }

    template <ForwardFn F>
    StepReport step(F&& forward) {
        const OneCall::Inside inside{one_call_};
        StepReport report;
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

    /// Shuts out all other calls, as Optimizer's does.
    [[nodiscard]] OneCall& one_call() noexcept { return one_call_; }
    /// To be called after the caller has changed the weights himself, between steps.
    void adopt_weights() {
        const OneCall::Inside inside{one_call_};
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
    BlockOptimizer(const Partition& partition, const E& estimator, const Rule& rule, Settings<Restore> settings, const B& backend,
                   typename Part::Later later)
        : settings_{std::move(settings)}, step_{settings_.first_step} {
        if (partition.parts.empty()) {
            throw std::invalid_argument{"zeroth: the partition has no parts"};
        }
        parts_.reserve(partition.parts.size());
        for (const Parameters& parameters : partition.parts) {
            parts_.emplace_back(parameters, estimator, rule,
                                Settings<Restore>{.seed = settings_.seed, .first_step = step_, .restore = settings_.restore}, backend, later);
        }
        if (settings_.order == BlockOrder::importance) {
            check_importance();
        }
    }

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

    static void add(StepReport& total, const StepReport& report) {
        if (report.reason != Reason::updated && total.reason == Reason::updated) {
            total.reason = report.reason;
        }
        total.loss += report.loss;
        total.learning_rate = report.learning_rate;
        if (!std::isnan(total.relative_update) && !(report.relative_update <= total.relative_update)) { // larger, or NaN
            total.relative_update = report.relative_update;
        }
        total.rounded_away = total.rounded_away != nullptr ? total.rounded_away : report.rounded_away;
        total.probes_rounded_away = total.probes_rounded_away != nullptr ? total.probes_rounded_away : report.probes_rounded_away;
        total.floored = total.floored || report.floored;
        total.not_finite = total.not_finite != nullptr ? total.not_finite : report.not_finite;
        total.losses = report.losses;
        total.terms = report.terms;
        total.clipped += report.clipped;
        total.seconds_in_loss += report.seconds_in_loss;
        total.seconds_in_traversals += report.seconds_in_traversals;
        total.forward_passes += report.forward_passes;
        total.traversals += report.traversals;
        total.backend = report.backend;
    }

    OneCall one_call_;
    Settings<Restore> settings_;
    std::uint64_t step_;
    std::vector<Part> parts_;
};

ZEROTH_END_NAMESPACE
