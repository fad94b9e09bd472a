/// Adapts a trained MNIST perceptron to rotated digits with forward passes alone.

#include "data.hpp"
#include "mlp.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/zeroth.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace {

struct Options {
    std::string data;
    double angle = 45;
    std::uint64_t forwards = 5000;
    std::size_t batch = 128;
    double learning_rate = 1.5e-3;
    double epsilon = 1e-3;
    std::uint64_t seed = 1;
    int threads = 0;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Mean loss and accuracy over all digits.
struct Evaluation {
    double loss = 0;
    double accuracy = 0;
};

Evaluation evaluate(Mlp& model, const Digits& digits) {
    const Eigen::Map<const Mlp::Matrix> images{digits.pixels.data(), static_cast<Eigen::Index>(digits.size()), 784};
    Evaluation total;
    constexpr std::size_t part = 500;
    for (std::size_t first = 0; first < digits.size(); first += part) {
        const std::size_t count = std::min(part, digits.size() - first);
        const auto rows = images.middleRows(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(count));
        const std::span<const int> labels{digits.labels.data() + first, count};
        total.loss += model.loss(rows, labels) * static_cast<double>(count);
        total.accuracy += model.correct(rows, labels);
    }
    total.loss /= static_cast<double>(digits.size());
    total.accuracy /= static_cast<double>(digits.size());
    return total;
}

void run(const Options& options) {
    const std::filesystem::path data{options.data};
    files::Safetensors file = files::read_safetensors(data / "mlp.safetensors");
    Digits train = read_digits(data / "train-images-idx3-ubyte.gz", data / "train-labels-idx1-ubyte.gz");
    Digits test = read_digits(data / "t10k-images-idx3-ubyte.gz", data / "t10k-labels-idx1-ubyte.gz");
    Mlp model{file};
    if (options.threads > 0) {
        Eigen::setNbThreads(options.threads);
    }
    std::printf("upright digits          accuracy %.4f\n", evaluate(model, test).accuracy);
    rotate(train, options.angle);
    rotate(test, options.angle);
    const Evaluation before = evaluate(model, test);
    std::printf("rotated by %g degrees   accuracy %.4f  loss %.4f\n", options.angle, before.accuracy, before.loss);

    zeroth::Parameters parameters;
    for (files::Safetensors::Tensor& tensor : file.tensors) {
        parameters.add(tensor.name, std::span{tensor.values}, {.rows = tensor.rows, .columns = tensor.columns});
    }
    const std::uint64_t steps = options.forwards / 2;
    zeroth::Optimizer optimizer{
        parameters, zeroth::TwoSidedRge{.direction = zeroth::Rademacher{}, .epsilon = options.epsilon},
        zeroth::Sgd{.learning_rate = zeroth::Linear{.rate = options.learning_rate, .steps = std::max<std::uint64_t>(steps, 1), .hold = steps / 2}},
        zeroth::Settings{.seed = options.seed}, zeroth::Threads<zeroth::Simd<>>{.threads = options.threads}};

    std::mt19937_64 random{options.seed};
    Mlp::Matrix images(static_cast<Eigen::Index>(options.batch), 784);
    std::vector<int> labels(options.batch);
    const Eigen::Map<const Mlp::Matrix> all{train.pixels.data(), static_cast<Eigen::Index>(train.size()), 784};
    double forward_seconds = 0;
    double step_seconds = 0;
    Clock::time_point shown = Clock::now();
    for (std::uint64_t step = 0; step < steps; ++step) {
        for (std::size_t i = 0; i < options.batch; ++i) {
            const std::size_t pick = random() % train.size();
            images.row(static_cast<Eigen::Index>(i)) = all.row(static_cast<Eigen::Index>(pick));
            labels[i] = train.labels[pick];
        }
        const Clock::time_point start = Clock::now();
        const zeroth::StepReport report = optimizer.step([&] {
            const Clock::time_point forward_start = Clock::now();
            const double loss = model.loss(images, labels);
            forward_seconds += seconds_since(forward_start);
            return loss;
        });
        step_seconds += seconds_since(start);
        if (report.reason != zeroth::Reason::updated) {
            throw InputError{"step " + std::to_string(report.step) + ": the loss is not finite; lower --learning-rate"};
        }
        if (seconds_since(shown) > 1 || step + 1 == steps) {
            shown = Clock::now();
            std::printf("step %5llu of %llu  loss %.4f  rate %.2e\n", static_cast<unsigned long long>(step + 1),
                        static_cast<unsigned long long>(steps), report.loss, report.learning_rate);
            std::fflush(stdout);
        }
    }
    const Evaluation after = evaluate(model, test);
    std::printf("after %llu forward passes  accuracy %.4f  loss %.4f\n", static_cast<unsigned long long>(2 * steps),
                after.accuracy, after.loss);
    std::printf("%.2f ms a step, %.1f %% of it in the optimizer (%s)\n", 1e3 * step_seconds / static_cast<double>(steps),
                100 * (step_seconds - forward_seconds) / step_seconds, std::string{optimizer.backend()}.c_str());
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    const char* const root = std::getenv("ZEROTH_DATA_DIR");
    options.data = std::string{root != nullptr ? root : "../shared/data"} + "/mnist";
    CLI::App app{"Adapts a trained MNIST perceptron to rotated digits with forward passes alone."};
    app.add_option("--data", options.data, "folder of mlp.safetensors and MNIST's four .gz files")->capture_default_str();
    app.add_option("--angle", options.angle, "degrees to turn the digits by")->capture_default_str();
    app.add_option("--forwards", options.forwards, "forward passes, two a step")->capture_default_str()->check(CLI::Range(2, 100000000));
    app.add_option("--batch", options.batch, "images a forward pass")->capture_default_str()->check(CLI::Range(1, 60000));
    app.add_option("--learning-rate", options.learning_rate, "held for half the run, then linearly to 0")->capture_default_str();
    app.add_option("--epsilon", options.epsilon, "how far the probes stand from the weights")->capture_default_str();
    app.add_option("--seed", options.seed, "names the run")->capture_default_str();
    app.add_option("--threads", options.threads, "0: all cores")->capture_default_str()->check(CLI::Range(0, 4096));
    try {
        app.parse(argc, argv);
        run(options);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mnist: %s\n", error.what());
        return 2;
    }
}
