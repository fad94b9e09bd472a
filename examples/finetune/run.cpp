#include "run.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <llama/adapters.hpp>
#include <llama/generate.hpp>
#include <program/interrupt.hpp>
#include <program/standard_streams.hpp>
#include <report/crc32c.hpp>
#include <report/format.hpp>
#include <report/memory.hpp>
#include <report/printable.hpp>

#include "adapter_file.hpp"
#include "classify.hpp"
#include "memory_plan.hpp"
#include "outputs.hpp"
#include "recommendation.hpp"
#include "recorder.hpp"
#include "summary.hpp"
#include "table.hpp"
#include "text.hpp"
#include "text_file.hpp"
#include "trainer.hpp"

namespace finetune {
namespace {

using files::FileError;
using llama::Model;
using llama::Tokenizer;
using report::grouped;

constexpr std::size_t default_steps = 500;
constexpr std::size_t default_length = 128;
/// Of a text that is only evaluated.
constexpr std::size_t max_evaluated_bytes = std::size_t{1} << 16;

constexpr int diverged_status = 3, interrupted_status = 130;

using program::print;

/// The texts of a run, each read once.
struct Inputs {
    std::optional<TextFile> train, eval;

    std::size_t bytes() const { return (train ? train->text.size() : 0) + (eval ? eval->text.size() : 0); }
};

/// Whether both names are of one pipe, which gives its text once.
bool same_pipe(const std::string& a, const std::string& b) {
    std::error_code error;
    return !std::filesystem::is_regular_file(a, error) && std::filesystem::equivalent(a, b, error) && !error;
}

Inputs read_inputs(const Options& options) {
    Inputs inputs;
    if (!options.train.empty()) inputs.train = read_text(options.train);
    const bool held_out = options.validation && options.task == TaskKind::classify;
    if (!options.eval.empty() && !held_out) inputs.eval = inputs.train && same_pipe(options.train, options.eval) ? inputs.train : read_text(options.eval);
    return inputs;
}

void say_what_was_read(const TextFile& file, const std::string& more = {}) {
    print(report::printable(file.path) + ": " + file.description() + (more.empty() ? "" : "; " + more) + "\n");
}

std::string sample(const Model<float>& model, const Tokenizer& tokenizer, const Options& options) {
    const std::string begin = options.task == TaskKind::text ? options.prompt : "";
    std::vector<int> tokens = tokenizer.encode(begin, {.start = true});
    if (tokens.size() + static_cast<std::size_t>(model.adapters().virtual_tokens()) >= static_cast<std::size_t>(model.config().sequence)) throw UsageError("--prompt", "leaves the model no room to write");
    const std::size_t positions = tokens.size() + options.generate + static_cast<std::size_t>(model.adapters().virtual_tokens());
    llama::Generator<float> generator(model, static_cast<int>(positions));
    const std::vector<int> more = llama::generate(
        generator, tokens, {.tokens = static_cast<int>(options.generate), .temperature = options.temperature, .seed = options.seed});
    tokens.insert(tokens.end(), more.begin(), more.end());
    std::string text;
    for (std::size_t i = 1; i < tokens.size(); ++i) text += tokenizer.decode(tokens[i - 1], tokens[i]);
    return text;
}

/// Tokens of a window: as given, or what is usual and the model can read.
std::size_t length_of(const Options& options, const Model<float>& model, std::size_t otherwise) {
    const auto before = static_cast<std::size_t>(model.adapters().virtual_tokens());
    const auto longest = static_cast<std::size_t>(model.config().sequence);
    const std::size_t most = longest - std::min(before, longest);
    if (!options.length) return std::min(otherwise, most);
    if (*options.length > most) {
        throw UsageError("--length", std::to_string(*options.length) + " is more than the model reads, " + std::to_string(most) +
                                         (before != 0 ? " beside " + std::to_string(before) + " virtual tokens" : ""));
    }
    return *options.length;
}

void require_tokens(const std::string& file, std::size_t tokens, std::size_t least, const char* use) {
    if (tokens >= least) return;
    throw FileError(file, "", "the text is too short: " + grouped(tokens) + " tokens to " + use + ", fewer than a window's " + grouped(least));
}

/// Parts of the text to train on, of those to evaluate on: the last tenth of the first where no other is given; to choose settings by, the last ninth
/// of what would be trained on.
std::string take_eval_text(const Options& options, Inputs& inputs) {
    std::string& train = inputs.train->text;
    std::string eval;
    const auto cut = [&](std::size_t parts) {
        const std::size_t bytes = character_boundary(train, train.size() / parts * (parts - 1) + train.size() % parts * (parts - 1) / parts);
        eval = train.substr(bytes);
        train.resize(bytes);
    };
    if (inputs.eval) {
        eval = std::move(inputs.eval->text);
    } else {
        cut(10);
    }
    if (options.validation) cut(9);
    return eval;
}

std::unique_ptr<Task> text_task(const Options& options, const Model<float>& model, const Tokenizer& tokenizer, Inputs inputs) {
    const std::size_t length = length_of(options, model, default_length);
    const std::string eval_text = take_eval_text(options, inputs);
    std::vector<int> train = encode_stream(tokenizer, inputs.train->text);
    inputs = {};  // no text is held while the next is encoded
    std::vector<int> eval = encode_stream(tokenizer, eval_text);
    require_tokens(options.train, train.size(), length + 1, "train on");
    require_tokens(options.eval.empty() || options.validation ? options.train : options.eval, eval.size(), length, "evaluate on");
    Chunks chunks;
    chunks.add_even(std::move(eval), length);
    return std::make_unique<TextTask>(model, options.threads, std::move(train), std::move(chunks), TextTask::Shape{options.batch, length}, options.seed);
}

/// Evaluation alone: of documents from their start, as the model was pretrained.
std::unique_ptr<Task> document_task(const Options& options, const Model<float>& model, const Tokenizer& tokenizer, const Inputs& inputs) {
    const std::size_t length = length_of(options, model, static_cast<std::size_t>(model.config().sequence));
    const std::string& text = inputs.eval->text;
    const std::size_t bytes = character_boundary(text, max_evaluated_bytes);
    Chunks chunks;
    for (const std::vector<int>& document : encode_documents(tokenizer, std::string_view(text).substr(0, bytes))) chunks.add_document(document, length);
    if (chunks.size() == 0) throw FileError(options.eval, "", "holds nothing but blanks");
    print(grouped(chunks.size()) + (chunks.size() == 1 ? " chunk" : " chunks") + " of at most " + grouped(length) + " tokens, from the first " +
          grouped(bytes) + " of " + grouped(text.size()) + " bytes\n");
    return std::make_unique<TextTask>(model, options.threads, std::vector<int>{}, std::move(chunks), TextTask::Shape{options.batch, length}, options.seed);
}

std::unique_ptr<Task> classify_task(const Options& options, const Model<float>& model, const Tokenizer& tokenizer, Inputs inputs) {
    const std::size_t length = length_of(options, model, default_length);
    const Prompt prompt(options.prompt);
    Verbalizer words(tokenizer, options.verbalizer);
    const auto read = [&](std::optional<TextFile>& file) {
        const LabelledTable table(*file, words.size());
        say_what_was_read(*file, table.description());
        LabelledSentences sentences = read_sentences(table, tokenizer, prompt, words, length);
        file.reset();
        return sentences;
    };
    LabelledSentences train, eval;
    if (inputs.train) train = read(inputs.train);
    if (options.validation) {
        eval = train.split_off(train.size() - train.size() / 9);
        if (eval.size() == 0) throw UsageError("--validation", "there are too few sentences to hold some out");
    } else {
        eval = read(inputs.eval);
    }
    return std::make_unique<ClassifyTask>(model, options.threads, std::move(words), std::move(train), std::move(eval),
                                          ClassifyTask::Shape{options.batch, length}, options.seed);
}

std::unique_ptr<Task> make_task(const Options& options, const Model<float>& model, const Tokenizer& tokenizer, Inputs inputs) {
    if (options.task == TaskKind::classify) return classify_task(options, model, tokenizer, std::move(inputs));
    for (const std::optional<TextFile>* file : {&inputs.train, &inputs.eval}) {
        if (*file) say_what_was_read(**file);
    }
    return options.train.empty() ? document_task(options, model, tokenizer, inputs) : text_task(options, model, tokenizer, std::move(inputs));
}

/// Real tokens for a prefix or a prompt to begin from: the first of the training data, of sentences without their labels.
std::vector<int> first_tokens(const Options& options, const Tokenizer& tokenizer, std::size_t count, const TextFile& train) {
    constexpr std::size_t enough = std::size_t{1} << 12;
    std::string text;
    if (options.task == TaskKind::classify) {
        LabelledTable(train, options.verbalizer.size()).each([&](std::string_view sentence, std::size_t) {
            text += sentence;
            return text.size() < enough;
        });
    } else {
        text = train.text.substr(0, character_boundary(train.text, enough));
    }
    std::vector<int> tokens = tokenizer.encode(text, {.start = true});
    if (tokens.size() > count) tokens.resize(count);
    return tokens;
}

/// Gives the model what the scheme trains, new or from a file.
void prepare_scheme(const Options& options, Model<float>& model, const Tokenizer& tokenizer, const Inputs& inputs) {
    const llama::Adapters adapters = options.method.tuning.adapters();
    if (!options.adapter.empty()) {
        read_adapters(options.adapter, model);
        const llama::Adapters& found = model.adapters();
        const bool same = (found.rank != 0) == (adapters.rank != 0) && (found.prefix != 0) == (adapters.prefix != 0) &&
                          (found.prompt != 0) == (adapters.prompt != 0);
        if (!options.train.empty() && !same) throw UsageError("--adapter", "\"" + options.adapter + "\" is of another --scheme");
        return;
    }
    if (options.train.empty() || adapters == llama::Adapters{}) return;
    const auto count = static_cast<std::size_t>(adapters.virtual_tokens());
    const std::vector<int> tokens = count != 0 ? first_tokens(options, tokenizer, count, *inputs.train) : std::vector<int>{};
    llama::add_adapters<float>(model, adapters, tokens, options.seed);
}

/// What is left to say and to end with, once the outputs are written.
int finish(const Outputs& outputs, int status) {
    if (outputs.failures().empty()) return status;
    const std::string names = outputs.names();
    throw program::OutputError(outputs.failures() + (names.empty() ? "" : "; written: " + names));
}

/// The loss without training.
int evaluate_only(const Options& options, const Model<float>& model, Task& task, Outputs& outputs) {
    Outcome outcome;
    report::ResidentPeak peak;
    outcome.before = outcome.after = task.evaluate();
    outcome.inference_bytes = outcome.peak_bytes = peak.bytes();
    print("loss " + report::fixed(outcome.before.loss, 4) + " nats" + (options.task == TaskKind::text ? " a token" : "") + "\n");
    if (outcome.before.accuracy) print("accuracy " + accuracy_text(outcome.before) + "\n");
    outputs.write_json(outcome, report::crc32c_text(model.values()));
    return finish(outputs, 0);
}

/// Also writes the model when its time has come.
class SavingRecorder final : public Recorder {
public:
    SavingRecorder(Outputs& outputs, const Model<float>& model, llama::CheckpointFormat format) : Recorder("", &outputs), outputs_(outputs), model_(model), format_(format) {}

    void on_checkpoint() override { outputs_.write_checkpoint(model_, format_); }
    void on_trained(bool diverged) override { outputs_.write_model(model_, format_, diverged); }

private:
    Outputs& outputs_;
    const Model<float>& model_;
    llama::CheckpointFormat format_;
};

/// Training, which leaves the weights written if it ends before its end.
Outcome train_and_keep(Task& task, const TrainerFactory& factory, const Plan& plan, SavingRecorder& recorder, const Outputs& outputs) {
    try {
        return train(task, factory, plan, recorder);
    } catch (const std::exception& error) {
        recorder.finish();
        if (outputs.model_place().empty() && outputs.failures().empty()) throw;
        const std::string place = outputs.model_place().empty() ? outputs.failures() : "the weights of the steps before are in " + outputs.model_place();
        throw program::OutputError(std::string(error.what()) + "; " + place);
    }
}

int train_model(const Options& options, Model<float>& model, llama::CheckpointFormat format, const Tokenizer& tokenizer, Task& task, Outputs& outputs, std::size_t text_bytes) {
    const Plan plan{options.step_count(default_steps), options.eval_every, options.save_every};
    MemoryRequest request{task.data_bytes(), options.batch * std::max<std::size_t>(options.verbalizer.size(), 1), length_of(options, model, default_length), options.threads};
    const std::size_t planned_bytes = static_cast<std::size_t>(plan_memory(model, options.method, request).peak());
    request.loading = task.data_bytes() + text_bytes;
    if (options.plan) print(memory_table(model, options.method, request) + "\n");
    const std::string before = options.generate > 0 ? sample(model, tokenizer, options) : "";
    if (options.method.projection.interval > plan.steps) print("--dizo: the run ends before its first projection\n");
    const TrainerFactory factory = [&] { return make_trainer(model, task, options.method, plan.steps, options.seed, options.threads); };

    const program::InterruptGuard guard;
    SavingRecorder recorder(outputs, model, format);
    const Outcome outcome = train_and_keep(task, factory, plan, recorder, outputs);
    recorder.finish();
    if (outcome.interrupted && outcome.steps == 0) {
        print("Interrupted before the first step: nothing is written.\n");
        return interrupted_status;
    }
    if (outcome.steps == 0 && outputs.replaces_model()) {
        print("No step was made: " + report::printable(options.save) + " stays as it was.\n");
    } else if (outcome.steps == 0) {
        outputs.write_model(model, format, false);
    }

    if (options.method.tuning.scheme == Scheme::lora && !options.saves_adapters()) llama::merge_lora(model);
    outputs.finish_metrics();
    outputs.write_plot(loss_plot("Loss of " + std::filesystem::path(options.model).filename().string() + " on " +
                                     std::filesystem::path(options.train).filename().string(),
                                 recorder));
    outputs.write_json(outcome, report::crc32c_text(model.adapter_values().empty() ? model.values() : model.adapter_values()), planned_bytes);

    if (outcome.interrupted) {
        print("Interrupted after " + grouped(outcome.steps) + " of " + grouped(plan.steps) + " steps: the weights are those of the last one.\n\n");
    }
    print(summary(outcome, recorder.trainer()));
    print(recorder.lost());
    if (const std::string names = outputs.names(); !names.empty()) print("Wrote " + report::printable(names) + ".\n");
    if (outcome.diverged) {
        const char* const kept = outputs.model_place() == options.save ? " is ruined" : outputs.replaces_model() ? " is left as it was" : " is not written";
        print("The run has diverged" + (options.save.empty() ? "" : ": " + report::printable(options.save) + kept) + "; try a smaller --learning-rate.\n");
    }
    if (options.generate > 0) {
        print("\nBefore:\n\n" + indented(before) + "\nAfter:\n\n" + indented(sample(model, tokenizer, options)));
    }
    return finish(outputs, outcome.diverged ? diverged_status : outcome.interrupted ? interrupted_status : 0);
}

}  // namespace

int run(Options options) {
    options.method.learning_rate = options.learning_rate.value_or(options.method.usual_learning_rate(options.task == TaskKind::classify));
    llama::CheckpointFormat format{};
    Model<float> model = llama::read_checkpoint(options.model, &format);
    const Tokenizer tokenizer = Tokenizer::read(options.tokenizer, model.config().vocab);
    Inputs inputs = read_inputs(options);
    const std::size_t text_bytes = inputs.bytes();
    prepare_scheme(options, model, tokenizer, inputs);
    if (!options.train.empty()) options.method.parts_a_step = parts_a_step(model, options.method);
    options.require_a_step();
    Outputs outputs(options);
    if (options.train.empty() && options.eval.empty()) {
        print(sample(model, tokenizer, options) + "\n");
        return 0;
    }
    std::unique_ptr<Task> task = make_task(options, model, tokenizer, std::move(inputs));
    if (options.accumulate > 1) task = std::make_unique<AccumulatedTask>(std::move(task), options.accumulate);
    if (options.recommended) {
        const std::size_t passes = take_recommended(options, model, *task, options.step_count(default_steps));
        print("recommended: --estimator fzoo --epsilon " + report::general(*options.method.smoothing, 3) + " --learning-rate " +
              report::general(options.method.learning_rate, 3) + " --schedule linear, from " + grouped(passes) + " forward passes\n");
        if (options.forwards) *options.forwards -= std::min(*options.forwards, passes);
        options.require_a_step();
    }
    if (!options.train.empty()) return train_model(options, model, format, tokenizer, *task, outputs, text_bytes);
    const int status = evaluate_only(options, model, *task, outputs);
    if (options.generate > 0) print("\n" + sample(model, tokenizer, options) + "\n");
    return status;
}

}  // namespace finetune
