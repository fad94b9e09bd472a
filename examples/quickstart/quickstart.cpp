#include <zeroth/zeroth.hpp>

#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

int main() {
    // A network of 2 inputs, 8 hidden units and 1 output, that learns "exclusive or" from its loss alone.
    std::vector<float> w1 = {.9f, -.6f, .3f, .8f, -.7f, -.4f, .5f, -.9f, -.2f, .7f, .6f, -.5f, .1f, .9f, -.8f, .4f}, b1(8), w2(8);
    auto loss = [&] {
        double sum = 0;
        for (int x = 0; x < 4; ++x) {
            double y = 0;
            for (std::size_t h = 0; h < 8; ++h)
                y += w2[h] * std::tanh(w1[2 * h] * float(x & 1) + w1[2 * h + 1] * float(x >> 1) + b1[h]);
            const double error = y - double((x & 1) ^ (x >> 1));
            sum += error * error / 4;
        }
        return sum;
    };
    zeroth::Parameters parameters;
    parameters.add("w1", std::span{w1}, {.rows = 8, .columns = 2});
    parameters.add("b1", std::span{b1});
    parameters.add("w2", std::span{w2});
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{.direction = zeroth::Gaussian{}, .epsilon = 1e-3f},
                                zeroth::Sgd{.learning_rate = 2e-2f}};
    for (int step = 0; step <= 1000; ++step) {
        zeroth::StepReport report = optimizer.step(loss);
        if (step % 250 == 0)
            std::printf("step %4d  loss %.4f  forward passes %d\n", step, report.loss, int(2 * (report.step + 1)));
    }
}
