#include "recommendation.hpp"

#include <algorithm>

#include <zeroth/advice/recommended.hpp>

#include "backend.hpp"
#include "tensors.hpp"

namespace finetune {

std::size_t take_recommended(Options& options, llama::Model<float>& model, Task& task, std::size_t steps) {
    // One batch's own gradient is longer than the task's.
    constexpr std::size_t batches = 4;
    Method& method = options.method;
    const auto loss = [&task] {
        double sum = 0;
        for (std::uint64_t batch = 0; batch < batches; ++batch) {
            task.draw(batch);
            sum += task.loss();
        }
        return sum / batches;
    };
    const auto scheme = static_cast<zeroth::TuningScheme>(method.tuning.scheme);  // Scheme has the same, in its order
    const Backend backend{.threads = options.threads};
    const zeroth::Recommendation found =
        zeroth::recommended(parameters_of(model, method.tuning.scheme), scheme, std::max<std::size_t>(steps, 1), loss,
                            zeroth::Settings{.seed = options.seed}, backend);
    method.queries = found.estimator.queries;
    method.smoothing = found.estimator.epsilon;
    method.learning_rate = found.learning_rate;
    return batches * static_cast<std::size_t>(found.forward_passes);
}

}  // namespace finetune
