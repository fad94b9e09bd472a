#include "run.hpp"

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>

#include <files/safetensors.hpp>
#include <program/interrupt.hpp>
#include <program/standard_streams.hpp>
#include <report/format.hpp>

#include "data.hpp"
#include "evaluation.hpp"
#include "mlp.hpp"
#include "recommendation.hpp"
#include "training.hpp"

namespace mnist {
namespace {

using report::fixed;
using report::general;
using report::grouped;

void print(const std::string& line) { program::print(line + "\n"); }

/// A loss of such a weight is none, and no step would say why.
void require_finite(const Options& options, const files::Safetensors& weights) {
    for (const files::Safetensors::Tensor& tensor : weights.tensors) {
        for (std::size_t i = 0; i < tensor.values.size(); ++i) {
            if (std::isfinite(tensor.values[i])) continue;
            throw files::FileError(std::filesystem::path(options.data) / "mlp.safetensors", "tensor " + tensor.name, "element " + std::to_string(i) + " is not finite");
        }
    }
}

/// The digits to train on and those to evaluate on: at least one each.
std::pair<Digits, Digits> read_both(const Options& options) {
    const std::filesystem::path folder = options.data;
    Digits train = read_digits(folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz");
    if (options.validation && train.size() < 10) {
        throw UsageError("--validation", "needs at least 10 training digits; there are " + std::to_string(train.size()));
    }
    Digits eval = options.validation ? train.split_off(train.size() / 10)
                                     : read_digits(folder / "t10k-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz");
    return {std::move(train), std::move(eval)};
}

std::string figures(const Evaluation& evaluation) {
    return "accuracy " + fixed(evaluation.accuracy, 4) + "  loss " + fixed(evaluation.loss, 4);
}

/// One run, from the weights as they were trained.
Evaluation adapt(Options options, files::Safetensors weights, const Digits& train_digits, const Digits& eval_digits) {
    std::uint64_t passes = 0;
    if (options.recommended) {
        passes = take_recommended(options, weights, train_digits);
        print("recommended: --estimator fzoo --epsilon " + general(options.method.epsilon, 3) + " --learning-rate " +
              general(options.method.learning_rate, 3) + " --schedule linear, from " + grouped(passes) + " forward passes");
    }
    const std::uint64_t steps = options.steps_after(passes);
    const Training training = train(options, steps, weights, train_digits);
    Mlp model(weights, options.threads);
    const Evaluation after = evaluate(model, eval_digits);
    passes += training.steps * options.method.forward_passes_per_step();
    if (training.steps < steps) print("interrupted after " + grouped(training.steps) + " of " + grouped(steps) + " steps");
    print("seed " + std::to_string(options.seed) + ", after " + grouped(passes) + " forward passes  " + figures(after));
    if (training.steps > 0) {
        print(fixed(1e3 * training.seconds / static_cast<double>(training.steps), 2) + " ms a step, " +
              fixed(100 * (1 - training.forward_seconds / training.seconds), 1) + " % of it in the optimizer (" + training.backend + ")");
    }
    return after;
}

}  // namespace

int run(const Options& options) {
    const files::Safetensors trained = files::read_safetensors(std::filesystem::path(options.data) / "mlp.safetensors");
    Mlp model(trained, options.threads);
    require_finite(options, trained);
    auto [train_digits, eval_digits] = read_both(options);
    print(grouped(train_digits.size()) + " digits to train on, " + grouped(eval_digits.size()) +
          (options.validation ? " held out" : " test digits") + " to evaluate on");
    print("upright  " + figures(evaluate(model, eval_digits)));
    rotate(train_digits, options.angle);
    rotate(eval_digits, options.angle);
    print("rotated by " + general(options.angle, 6) + " degrees  " + figures(evaluate(model, eval_digits)));

    const program::InterruptGuard guard;
    constexpr int diverged_status = 3;
    bool diverged = false;
    Evaluation mean;
    Options of_seed = options;
    for (std::uint64_t i = 0; i < options.seeds; ++i, ++of_seed.seed) {
        const Evaluation after = adapt(of_seed, trained, train_digits, eval_digits);
        if (program::interrupted()) return 130;
        diverged = diverged || !std::isfinite(after.loss);
        mean.accuracy += after.accuracy / static_cast<double>(options.seeds);
        mean.loss += after.loss / static_cast<double>(options.seeds);
    }
    if (options.seeds > 1) print("mean of " + grouped(options.seeds) + " seeds  " + figures(mean));
    if (diverged) print("The run has diverged; try a smaller --learning-rate.");
    return diverged ? diverged_status : 0;
}

}  // namespace mnist
