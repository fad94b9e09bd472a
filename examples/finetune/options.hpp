#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace finetune {

/// A command line that cannot be followed; the message is one line, `OPTION: REASON`.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    UsageError(const std::string& option, const std::string& reason) : std::runtime_error(option + ": " + reason) {}
};

enum class TaskKind { text, classify };
enum class Scheme { full, head };
enum class EstimatorKind { two_sided, one_sided };
enum class DirectionKind { gaussian, rademacher, uniform, sphere };
enum class UpdateKind { sgd, sign, sign_scalar, momentum, conservative, adam, adamw };
enum class BlockOrderKind { all, cyclic, random, jacobi };
enum class ScheduleKind { constant, linear, cosine, trapezoid };

/// How the learning rate changes: rises over `warm_up` steps, then stays, or falls to 0 at the last step.
struct ScheduleOption {
    ScheduleKind kind = ScheduleKind::trapezoid;
    std::uint64_t warm_up = 0;
};

/// The zeroth-order method.
struct Method {
    EstimatorKind estimator = EstimatorKind::two_sided;
    DirectionKind direction = DirectionKind::gaussian;
    UpdateKind update = UpdateKind::sgd;
    std::uint32_t queries = 1;
    double epsilon = 1e-3;
    double learning_rate = 0;
    ScheduleOption schedule;
    std::optional<double> weight_decay;
    std::size_t window = 0;  ///< of the stateless momentum and Adam; 0: with state
    std::string blocks = "none";
    BlockOrderKind block_order = BlockOrderKind::all;
    std::size_t parts_a_step = 1;  ///< that a step estimates; known once the model is

    /// What learns on a model of hundreds of thousands of weights; found on stories260K.
    double usual_learning_rate() const {
        switch (update) {
        case UpdateKind::momentum: return 2e-5;
        case UpdateKind::sign:
        case UpdateKind::sign_scalar:
        case UpdateKind::adam:
        case UpdateKind::adamw: return 1e-3;
        case UpdateKind::conservative:
        case UpdateKind::sgd: break;
        }
        return 2e-4;
    }

    std::size_t forward_passes_per_step() const {
        const std::size_t candidates = update == UpdateKind::conservative ? 3 : 0;
        return parts_a_step * (candidates + (estimator == EstimatorKind::two_sided ? std::size_t{2} * queries : std::size_t{1} + queries));
    }
};

struct Options {
    std::string model;
    std::string tokenizer;
    TaskKind task = TaskKind::text;
    std::string train;
    std::string eval;
    std::string prompt;
    std::vector<std::string> verbalizer;
    Scheme scheme = Scheme::full;
    Method method;  ///< its learning rate is the one below, once the run has decided what stands where none is given
    std::optional<double> learning_rate;
    std::size_t batch = 16;
    std::optional<std::size_t> length;
    std::optional<std::size_t> steps;
    std::optional<std::size_t> forwards;
    std::size_t eval_every = 0;
    std::uint64_t seed = 1;
    int threads = 0;
    std::string save;
    std::string metrics;
    std::string plot;
    std::string json;
    std::size_t generate = 0;
    double temperature = 1;

    /// Whether no file is given to work on: the built-in run.
    bool built_in() const { return model.empty(); }
    /// Steps to make: from --steps or --forwards, whichever was given.
    std::size_t step_count(std::size_t otherwise) const {
        if (steps) return *steps;
        return forwards ? *forwards / method.forward_passes_per_step() : otherwise;
    }
};

/// Text to print and to end with, status 0: of --help or --version.
struct Message {
    std::string text;
};

/// Reads the command line. Throws UsageError.
std::variant<Options, Message> read_options(int argc, const char* const* argv);

}  // namespace finetune
