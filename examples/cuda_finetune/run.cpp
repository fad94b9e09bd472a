#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <files/atomic_file.hpp>
#include <files/safetensors.hpp>
#include <mnist/batch.hpp>
#include <mnist/data.hpp>
#include <mnist/mlp.hpp>
#include <nlohmann/json.hpp>
#include <program/interrupt.hpp>
#include <report/crc32c.hpp>
#include <report/format.hpp>
#include <report/progress.hpp>
#include <zeroth/schedules/schedule.hpp>

#include "device_trainer.hpp"
#include "host_trainer.hpp"
#include "term_file.hpp"

namespace cuda_finetune {
namespace {

using report::fixed;
using report::grouped;
using Clock = std::chrono::steady_clock;

constexpr int without_device = 77;
/// Images of a forward pass of an evaluation.
constexpr std::size_t evaluated_at_once = 500;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void print(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

std::string crc32c_of(Trainer& trainer) {
    char text[9];
    std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(report::crc32c(trainer.weights())));
    return text;
}

/// The model, whose tensors are those of the perceptron.
files::Safetensors read_model(const Options& options) {
    files::Safetensors weights = files::read_safetensors(std::filesystem::path(options.data) / "mlp.safetensors");
    static_cast<void>(mnist::Mlp(weights));
    return weights;
}

std::unique_ptr<Trainer> make_trainer(const Options& options, Place place, const Method& method, const files::Safetensors& weights) {
    if (place == Place::host) return make_host_trainer(method, weights, options.threads);
    return make_device_trainer(method, weights, std::max(options.batch, evaluated_at_once));
}

/// Mean loss, and the share of digits recognised.
struct Evaluation {
    double loss = 0;
    double accuracy = 0;
};

Evaluation evaluate(Trainer& trainer, const mnist::Digits& digits) {
    Evaluation total;
    for (std::size_t first = 0; first < digits.size(); first += evaluated_at_once) {
        const std::size_t count = std::min(evaluated_at_once, digits.size() - first);
        trainer.load(std::span(digits.pixels).subspan(first * 784, count * 784), std::span(digits.labels).subspan(first, count));
        const Score score = trainer.score();
        total.loss += score.loss * static_cast<double>(count) / static_cast<double>(digits.size());
        total.accuracy += static_cast<double>(score.correct) / static_cast<double>(digits.size());
    }
    return total;
}

std::string figures(const Evaluation& evaluation) {
    return "accuracy " + fixed(evaluation.accuracy, 4) + "  loss " + fixed(evaluation.loss, 4);
}

/// The run's steps, fewer if it is interrupted.
std::vector<Step> adapt(const Options& options, Trainer& trainer, const mnist::Digits& digits) {
    const std::uint64_t count = options.steps();
    const zeroth::Schedule rate = zeroth::Linear{.rate = options.learning_rate, .steps = count, .hold = count / 2};
    mnist::Batch batch(digits, options.batch, options.method.seed);
    std::vector<Step> steps;
    report::Progress line;
    for (std::uint64_t number = 0; number < count && !program::interrupted(); ++number) {
        batch.draw();
        trainer.load({batch.images().data(), static_cast<std::size_t>(batch.images().size())}, batch.labels());
        auto [step, loss] = trainer.make(number, rate(number));
        steps.push_back(std::move(step));
        if (line.due()) {
            line.show("step " + grouped(steps.size()) + "/" + grouped(count) + "  loss " + fixed(loss, 4) + "  rate " +
                      report::general(rate(number), 3));
        }
    }
    return steps;
}

/// A run made again, from the file alone.
struct Replay {
    std::string crc32c{};
    std::string backend{};
    double seconds = 0;
};

/// Throws std::runtime_error if the weights are not those that the run started from.
Replay replay(const Options& options, Place place, const std::string& path, const files::Safetensors& weights) {
    const Run run = read_run(path);
    const std::unique_ptr<Trainer> trainer = make_trainer(options, place, run.method, weights);
    if (const std::string start = crc32c_of(*trainer); start != run.start_crc32c) {
        throw std::runtime_error(path + ": starts from weights of CRC-32C " + run.start_crc32c + "; those of --data have " + start);
    }
    const Clock::time_point begin = Clock::now();
    for (const Step& step : run.steps) trainer->repeat(step);
    Replay again{crc32c_of(*trainer), trainer->backend(), seconds_since(begin)};
    print("the run's weights     CRC-32C " + run.end_crc32c);
    print("the replayed weights  CRC-32C " + again.crc32c + ", " + grouped(run.steps.size()) + " steps in " + fixed(again.seconds, 2) + " s (" +
          again.backend + "): " + (again.crc32c == run.end_crc32c ? "the same bits" : "OTHER BITS"));
    return again;
}

int run_and_replay(const Options& options, const files::Safetensors& weights) {
    const std::filesystem::path folder = options.data;
    mnist::Digits train = mnist::read_digits(folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz");
    mnist::Digits test = mnist::read_digits(folder / "t10k-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz");
    mnist::rotate(train, options.angle);
    mnist::rotate(test, options.angle);
    std::optional<files::AtomicFile> json_file;
    if (!options.json.empty()) json_file.emplace(options.json);
    files::AtomicFile(std::filesystem::path(options.terms));  // whether it can be written

    const program::InterruptGuard guard;
    const std::unique_ptr<Trainer> trainer = make_trainer(options, options.on, options.method, weights);
    Run run{.method = options.method, .start_crc32c = crc32c_of(*trainer)};
    const Evaluation before = evaluate(*trainer, test);
    print(grouped(train.size()) + " digits to train on, " + grouped(test.size()) + " to evaluate on, rotated by " +
          report::general(options.angle, 6) + " degrees");
    print("before  " + figures(before));
    const Clock::time_point begin = Clock::now();
    run.steps = adapt(options, *trainer, train);
    run.end_crc32c = crc32c_of(*trainer);  // waits for the last of them
    const double seconds = seconds_since(begin);
    const Evaluation after = evaluate(*trainer, test);
    const std::uint64_t passes = run.steps.size() * 2 * options.method.queries;
    print("after " + grouped(passes) + " forward passes  " + figures(after));
    if (!run.steps.empty()) {
        print(fixed(1e3 * seconds / static_cast<double>(run.steps.size()), 3) + " ms a step (" + trainer->backend() + ")");
    }
    write_run(options.terms, run);
    print("the terms are in " + options.terms);
    const Replay again = replay(options, Place::host, options.terms, weights);
    if (json_file) {
        const nlohmann::ordered_json json = {{"backend", trainer->backend()},
                                             {"loss_before", before.loss},
                                             {"loss_after", after.loss},
                                             {"accuracy_before", before.accuracy},
                                             {"accuracy_after", after.accuracy},
                                             {"forward_passes", passes},
                                             {"seconds", seconds},
                                             {"weights_crc32c", run.end_crc32c},
                                             {"replay_backend", again.backend},
                                             {"replay_seconds", again.seconds},
                                             {"replay_crc32c", again.crc32c}};
        json_file->stream() << json.dump(2) << '\n';
        json_file->commit();
    }
    if (again.crc32c != run.end_crc32c) return 1;
    return program::interrupted() ? 130 : 0;
}

int replay_alone(const Options& options, const files::Safetensors& weights) {
    std::optional<files::AtomicFile> json_file;
    if (!options.json.empty()) json_file.emplace(options.json);
    const Replay again = replay(options, options.on, options.replay, weights);
    const std::string expected = read_run(options.replay).end_crc32c;
    if (json_file) {
        const nlohmann::ordered_json json = {{"weights_crc32c", expected},
                                             {"replay_backend", again.backend},
                                             {"replay_seconds", again.seconds},
                                             {"replay_crc32c", again.crc32c}};
        json_file->stream() << json.dump(2) << '\n';
        json_file->commit();
    }
    return again.crc32c == expected ? 0 : 1;
}

}  // namespace

int run(const Options& options) {
    if (options.on == Place::device) {
        const FoundDevice device = find_device();
        if (device.name.empty()) {
            print("cuda_finetune: there is no CUDA device (" + device.missing + "); --on cpu and --replay need none");
            return without_device;
        }
        print("on " + device.name);
    }
    const files::Safetensors weights = read_model(options);
    return options.replay.empty() ? run_and_replay(options, weights) : replay_alone(options, weights);
}

}  // namespace cuda_finetune
