#include "demo.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <llama/generate.hpp>
#include <program/interrupt.hpp>
#include <program/standard_streams.hpp>
#include <report/chart.hpp>
#include <report/crc32c.hpp>
#include <report/format.hpp>
#include <report/table.hpp>

#include "language.hpp"
#include "outputs.hpp"
#include "phase.hpp"
#include "recorder.hpp"
#include "summary.hpp"
#include "text.hpp"
#include "trainer.hpp"

namespace finetune {
namespace {

using report::bytes;
using report::duration;
using report::fixed;
using report::grouped;

constexpr std::size_t default_steps = 12'000;
constexpr double adam_rate = 5e-3;
constexpr std::size_t adam_steps = 400;
constexpr std::size_t training_words = 200'000;
constexpr std::size_t evaluation_words = 8'192;
constexpr std::size_t window = 32;

/// Plain data that a forked process hands back.
struct Curve {
    std::size_t size = 0;
    std::array<report::Series::Point, 512> points;
};

struct Result {
    Outcome outcome;
    std::array<char, 2048> sample;
    std::array<char, 1024> failures{};  ///< of its outputs
    std::array<char, 64> trainer;
    std::array<char, 16> weights_crc32c;
    Curve training;
    Curve evaluations;
};

template <std::size_t Size>
void put(std::array<char, Size>& target, std::string_view text) {
    const std::size_t size = std::min(text.size(), Size - 1);
    std::memcpy(target.data(), text.data(), size);
    target[size] = '\0';
}

void put(Curve& target, const report::Series& series) {
    target.size = std::min(series.points().size(), target.points.size());
    std::copy_n(series.points().begin(), target.size, target.points.begin());
}

report::Series series_of(const Curve& curve, const std::string& name) {
    report::Series series(name, curve.points.size() + 1);
    for (std::size_t i = 0; i < curve.size; ++i) series.add(curve.points[i].x, curve.points[i].y);
    return series;
}

using program::print;

/// The run: each part in a process of its own, which starts from the weights it finds and may leave others.
class Demo {
public:
    explicit Demo(Options options) : options_(std::move(options)), weights_(config().parameters()) {
        options_.method.learning_rate = options_.learning_rate.value_or(5 * options_.method.usual_learning_rate());
        llama::Model<float> model(config());
        options_.method.parts_a_step = parts_a_step(model, options_.method);
        options_.require_a_step();
        plan_.steps = options_.step_count(default_steps);
        plan_.eval_every = options_.eval_every != 0 ? options_.eval_every : std::max<std::size_t>(plan_.steps / 40, 1);
        length_ = options_.length.value_or(window);
        if (length_ > window) throw UsageError("--length", std::to_string(length_) + " is more than the built-in model reads, " + std::to_string(window));
    }

    int run();

private:
    llama::Config config() const {
        return {.dim = 32, .hidden = 64, .layers = 2, .heads = 4, .kv_heads = 2, .vocab = language_.vocabulary(), .sequence = static_cast<int>(window)};
    }

    std::unique_ptr<Task> make_task(const llama::Model<float>& model, Language::Form form, std::uint64_t purpose, int threads) const;
    std::string sample(const llama::Model<float>& model) const;
    void adam(Language::Form form, const char* name, std::size_t evaluations, Result& result, bool keep);
    void zeroth(Result& result);
    void finish(Result& result, const Outcome& outcome, const Recorder& recorder, const llama::Model<float>& model) const;
    void show(const Result& pretrained, const Result& adapted, const Result& reference) const;

    Language language_;
    Options options_;
    Plan plan_;
    std::size_t length_ = window;
    Shared<float> weights_;  // after the first part, of every part's start
};

std::unique_ptr<Task> Demo::make_task(const llama::Model<float>& model, Language::Form form, std::uint64_t purpose, int threads) const {
    const std::uint64_t seed = 1000 * options_.seed + 10 * purpose;
    Chunks chunks;
    chunks.add_even(language_.write(form, evaluation_words, seed + 1), length_);
    std::unique_ptr<Task> task = std::make_unique<TextTask>(model, threads, language_.write(form, training_words, seed), std::move(chunks),
                                                            TextTask::Shape{options_.batch, length_}, options_.seed);
    if (options_.accumulate > 1) task = std::make_unique<AccumulatedTask>(std::move(task), options_.accumulate);
    return task;
}

std::string Demo::sample(const llama::Model<float>& model) const {
    const int words = options_.generate == 0 ? 30 : static_cast<int>(options_.generate);
    llama::Generator<float> generator(model);
    const std::array<int, 1> begin = {language_.full_stop()};
    return language_.text(llama::generate(generator, begin, {.tokens = words, .temperature = options_.temperature, .seed = options_.seed}));
}

void Demo::finish(Result& result, const Outcome& outcome, const Recorder& recorder, const llama::Model<float>& model) const {
    result.outcome = outcome;
    put(result.trainer, recorder.trainer());
    put(result.weights_crc32c, report::crc32c_text(model.values()));
    put(result.sample, sample(model));
    put(result.training, recorder.training());
    put(result.evaluations, recorder.evaluations());
}

/// Back-propagation, from random weights if there are none yet. On one thread: it sums in another order on more, and the run is to be
/// the same on any number.
void Demo::adam(Language::Form form, const char* name, std::size_t evaluations, Result& result, bool keep) {
    llama::Model<float> model = llama::Model<float>::random(config(), options_.seed);
    if (!keep) std::copy(weights_.begin(), weights_.end(), model.values().begin());
    const std::unique_ptr<Task> task = make_task(model, form, keep ? 1 : 2, 1);
    Recorder recorder(name, nullptr);
    Method method;
    method.estimator = EstimatorKind::first_order;
    method.update = UpdateKind::adam;
    method.learning_rate = adam_rate;
    method.schedule.kind = ScheduleKind::linear;
    const TrainerFactory factory = [&] { return make_trainer(model, *task, method, adam_steps, options_.seed, 1); };
    const Outcome outcome = train(*task, factory, {adam_steps, adam_steps / evaluations}, recorder);
    recorder.finish();
    finish(result, outcome, recorder, model);
    if (keep) std::copy(model.values().begin(), model.values().end(), weights_.begin());
}

void Demo::zeroth(Result& result) {
    llama::Model<float> model(config());
    std::copy(weights_.begin(), weights_.end(), model.values().begin());
    const std::unique_ptr<Task> task = make_task(model, Language::Form::changed, 2, options_.threads);
    Options metrics_alone;
    metrics_alone.metrics = options_.metrics;
    Outputs outputs(metrics_alone);
    Recorder recorder("forward passes alone: ", &outputs);
    const TrainerFactory factory = [&] {
        return make_trainer(model, *task, options_.method, plan_.steps, options_.seed, options_.threads);
    };
    const Outcome outcome = train(*task, factory, plan_, recorder);
    recorder.finish();
    if (outcome.steps > 0 || !outcome.interrupted) outputs.finish_metrics();
    put(result.failures, outputs.failures());
    finish(result, outcome, recorder, model);
}

void Demo::show(const Result& pretrained, const Result& adapted, const Result& reference) const {
    const auto row = [](const char* name, const Result& result, std::size_t backward) {
        const Outcome& outcome = result.outcome;
        return std::vector<std::string>{name,
                                        loss_text(outcome.after),
                                        grouped(outcome.forward_passes),
                                        grouped(backward),
                                        duration(outcome.seconds),
                                        memory_text(outcome)};
    };
    report::Table table({"on the changed language", "loss", "forward passes", "backward passes", "time", "memory beyond inference"});
    table.add({"as it was", loss_text(adapted.outcome.before), "", "", "", ""});
    table.add(row("adapted with forward passes alone", adapted, 0));
    table.add(row("adapted by back-propagation", reference, reference.outcome.forward_passes));
    print(table.text());

    const Outcome& outcome = adapted.outcome;
    print("\n  The memory is what was most resident beyond the " + bytes(outcome.inference_bytes) + " of inference, each run in a process of\n" +
          "  its own. The optimizer (" + adapted.trainer.data() + ") took " + fixed(100 * outcome.optimizer_seconds / std::max(outcome.seconds, 1e-9), 1) +
          " % of the time of the run with\n  forward passes alone.\n\n");
    const report::Series curve = series_of(adapted.evaluations, "loss on the changed language");
    print(report::text_chart(std::array{report::ChartSeries{&curve, '*'}}, "forward passes"));
    print("\nThe changed language:\n\n" + indented(language_.text(language_.write(Language::Form::changed, 30, options_.seed))));
    print("\nThe model before:\n\n" + indented(pretrained.sample.data()));
    print("\nThe model after:\n\n" + indented(adapted.sample.data()));
}

int Demo::run() {
    Options files = options_;
    files.metrics.clear();
    Outputs outputs(files);
    if (!options_.metrics.empty()) static_cast<void>(files::AtomicFile(options_.metrics));

    const program::InterruptGuard guard;
    const Shared<Result> pretrained, adapted, reference;
    print("A model of " + grouped(weights_.size()) + " weights learns a made-up language by back-propagation.\n");
    run_apart([&] { adam(Language::Form::original, "learning the language: ", 1, *pretrained, true); });
    if (program::interrupted()) {
        print("Interrupted before there was a model to adapt.\n");
        return 130;
    }
    print("  loss " + loss_text(pretrained->outcome.before) + " before, " + loss_text(pretrained->outcome.after) + " after " +
          duration(pretrained->outcome.seconds) + ":\n\n" + indented(pretrained->sample.data()) +
          "\nThe language changes: adjectives follow their nouns, places come first, the animals do other\nthings. The model is adapted with forward "
          "passes alone, and by back-propagation to compare.\n\n");
    run_apart([&] { zeroth(*adapted); });
    if (!program::interrupted()) run_apart([&] { adam(Language::Form::changed, "back-propagation: ", 40, *reference, false); });

    const Outcome& outcome = adapted->outcome;
    if (program::interrupted() && outcome.steps == 0) {
        print("Interrupted before the first step with forward passes alone: nothing is written.\n");
        return 130;
    }
    outputs.write_json(outcome, adapted->weights_crc32c.data());
    const report::Series training = series_of(adapted->training, "training batches");
    const report::Series evaluations = series_of(adapted->evaluations, "evaluation");
    outputs.write_plot({"Adapting to a changed language with forward passes alone",
                        "forward passes",
                        "loss (nats)",
                        {{.series = &training, .faint = true}, {.series = &evaluations, .dots = true}}});
    if (program::interrupted()) {
        print("Interrupted after " + grouped(outcome.steps) + " steps: the figures are those of the last one.\n\n");
    }
    show(*pretrained, *adapted, *reference);
    const std::string failures = outputs.failures() + adapted->failures.data();
    if (!failures.empty()) throw program::OutputError(failures);
    if (outcome.diverged) print("The run has diverged; try a smaller --learning-rate.\n");
    return outcome.diverged ? 3 : program::interrupted() ? 130 : 0;
}

}  // namespace

int demo(Options options) { return Demo(std::move(options)).run(); }

}  // namespace finetune
