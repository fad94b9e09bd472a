#include <zeroth/any/any_optimizer.hpp>

#include <cstdio>
#include <span>
#include <vector>

int main() {
    std::vector<float> weights(20);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    zeroth::AnyOptimizer optimizer{parameters, zeroth::Method::from("estimator=fzoo direction=rademacher learning-rate=0.1")};
    const auto loss = [&] {
        double sum = 0;
        for (const float w : weights) {
            sum += (w - 1) * (w - 1);
        }
        return sum;
    };
    for (int step = 0; step <= 100; ++step) {
        const zeroth::StepReport report = optimizer.step(loss);
        if (step % 50 == 0) {
            std::printf("step %4d  loss %.4f\n", step, report.loss);
        }
    }
    return loss() < 10 ? 0 : 1;
}
