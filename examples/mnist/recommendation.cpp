#include "recommendation.hpp"

#include <zeroth/advice/recommended.hpp>

#include "batch.hpp"
#include "mlp.hpp"
#include "parameters.hpp"

namespace mnist {

std::uint64_t take_recommended(Options& options, files::Safetensors& weights, const Digits& digits) {
    // One batch's own gradient is longer than the task's.
    constexpr std::size_t batches = 4;
    Method& method = options.method;
    Mlp model(weights, options.threads);
    Batch batch(digits, batches * options.batch, options.seed);
    batch.draw();
    const zeroth::Recommendation found =
        zeroth::recommended(parameters_of(weights, method.trained), zeroth::TuningScheme::full, options.steps_after(0),
                            [&] { return model.loss(batch.images(), batch.labels()); }, zeroth::Settings{.seed = options.seed},
                            Backend{.threads = options.threads});
    method.queries = found.estimator.queries;
    method.epsilon = found.estimator.epsilon;
    method.learning_rate = found.learning_rate;
    return batches * found.forward_passes;
}

}  // namespace mnist
