#include <zeroth/backends/simd.hpp>
#include <zeroth/zeroth.hpp>

#include <cstdio>
#include <span>
#include <string>
#include <vector>

int main() {
    std::vector<float> w(100000, 1.0f);
    zeroth::Parameters parameters;
    parameters.add("w", std::span{w});
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{.direction = zeroth::Gaussian{}, .epsilon = 1e-3f},
                                zeroth::Sgd{.learning_rate = 1e-6f}, zeroth::Settings{}, zeroth::Threads<zeroth::Simd<>>{}};
    const zeroth::StepReport report = optimizer.step([&] { return 0.5 * w[0] * w[0]; });
    std::printf("step %4d  loss %.4f  %s\n", int(report.step), report.loss, std::string{report.backend}.c_str());
}
