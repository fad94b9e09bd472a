#include "run.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include <llama/adapters.hpp>
#include <llama/generate.hpp>
#include <program/interrupt.hpp>
#include <report/crc32c.hpp>
#include <report/format.hpp>
#include <report/memory.hpp>

#include "adapter_file.hpp"
#include "classify.hpp"
#include "memory_plan.hpp"
#include "outputs.hpp"
#include "recommendation.hpp"
#include "recorder.hpp"
#include "summary.hpp"
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

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string sample(const Model<float>& model, const Tokenizer& tokenizer, const Options& options) {
    const std::string begin = options.task == TaskKind::text ? options.prompt : "";
    std::vector<int> tokens = tokenizer.encode(begin, {.start = true});
    if (tokens.size() + static_cast<std::size_t>(model.adapters().virtual_tokens()) >= static_cast<std::size_t>(model.config().sequence)) throw UsageError("--prompt", "leaves the model no room to write");
    llama::Generator<float> generator(model);
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

/// The text to train on and the one to evaluate on: the last tenth of the first where no other is given; to choose settings by, the last ninth
/// of what would be trained on.
std::pair<std::string, std::string> training_texts(const Options& options) {
    std::string train = read_text(options.train), eval;
    const auto cut = [&](std::size_t parts) {
        const std::size_t bytes = character_boundary(train, train.size() / parts * (parts - 1) + train.size() % parts * (parts - 1) / parts);
        eval = train.substr(bytes);
        train.resize(bytes);
    };
    if (options.eval.empty()) {
        cut(10);
    } else {
        eval = read_text(options.eval);
    }
    if (options.validation) cut(9);
    return {std::move(train), std::move(eval)};
}

std::unique_ptr<Task> text_task(const Options& options, const Model<float>& model, const Tokenizer& tokenizer) {
    const std::size_t length = length_of(options, model, default_length);
    const auto [text, eval_text] = training_texts(options);
    std::vector<int> train = encode_stream(tokenizer, text);
    const std::vector<int> eval = encode_stream(tokenizer, eval_text);
    train.shrink_to_fit();
    require_tokens(options.train, train.size(), length + 1, "train on");
    require_tokens(options.eval.empty() || options.validation ? options.train : options.eval, eval.size(), length, "evaluate on");
    Chunks chunks;
    chunks.add_even(eval, length);
    return std::make_unique<TextTask>(model, options.threads, std::move(train), std::move(chunks), TextTask::Shape{options.batch, length}, options.seed);
}

/// Evaluation alone: of documents from their start, as the model was pretrained.
std::unique_ptr<Task> document_task(const Options& options, const Model<float>& model, const Tokenizer& tokenizer) {
    const std::size_t length = length_of(options, model, static_cast<std::size_t>(model.config().sequence));
    const std::string text = read_text(options.eval);
    const std::size_t bytes = character_boundary(text, max_evaluated_bytes);
    Chunks chunks;
    for (const std::vector<int>& document : encode_documents(tokenizer, std::string_view(text).substr(0, bytes))) chunks.add_document(document, length);
    if (chunks.size() == 0) throw FileError(options.eval, "", "holds nothing but blanks");
    print(grouped(chunks.size()) + (chunks.size() == 1 ? " chunk" : " chunks") + " of at most " + grouped(length) + " tokens, from the first " +
          grouped(bytes) + " of " + grouped(text.size()) + " bytes\n");
    return std::make_unique<TextTask>(model, options.threads, std::vector<int>{}, std::move(chunks), TextTask::Shape{options.batch, length}, options.seed);
}

std::unique_ptr<Task> classify_task(const Options& options, const Model<float>& model, const Tokenizer& tokenizer) {
    const std::size_t length = length_of(options, model, default_length);
    const Prompt prompt(options.prompt);
    Verbalizer words(tokenizer, options.verbalizer);
    LabelledSentences train, eval;
    if (!options.train.empty()) train = read_sentences(options.train, tokenizer, prompt, words, length);
    if (options.validation) {
        eval = train.split_off(train.size() - train.size() / 9);
        if (eval.size() == 0) throw UsageError("--validation", "there are too few sentences to hold some out");
    } else {
        eval = read_sentences(options.eval, tokenizer, prompt, words, length);
    }
    return std::make_unique<ClassifyTask>(model, options.threads, std::move(words), std::move(train), std::move(eval),
                                          ClassifyTask::Shape{options.batch, length}, options.seed);
}

std::unique_ptr<Task> make_task(const Options& options, const Model<float>& model, const Tokenizer& tokenizer) {
    if (options.task == TaskKind::classify) return classify_task(options, model, tokenizer);
    return options.train.empty() ? document_task(options, model, tokenizer) : text_task(options, model, tokenizer);
}

/// Real tokens for a prefix or a prompt to begin from: the first of the training data, of sentences without their labels.
std::vector<int> first_tokens(const Options& options, const Tokenizer& tokenizer, std::size_t count) {
    std::string text = read_text(options.train);
    text.resize(character_boundary(text, std::min(text.size(), std::size_t{1} << 12)));
    if (options.task == TaskKind::classify) {
        std::string sentences;
        for (std::size_t begin = 0; begin < text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size()), tab = text.rfind('\t', end);
            const bool header = begin == 0 && std::string_view(text).substr(0, end).ends_with("label");
            if (!header && tab != std::string::npos && tab > begin) sentences += text.substr(begin, tab - begin);
            begin = end + 1;
        }
        text = sentences;
    }
    std::vector<int> tokens = tokenizer.encode(text, {.start = true});
    if (tokens.size() > count) tokens.resize(count);
    return tokens;
}

/// Gives the model what the scheme trains, new or from a file.
void prepare_scheme(const Options& options, Model<float>& model, const Tokenizer& tokenizer) {
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
    const std::vector<int> tokens = count != 0 ? first_tokens(options, tokenizer, count) : std::vector<int>{};
    llama::add_adapters<float>(model, adapters, tokens, options.seed);
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
    return 0;
}

int train_model(const Options& options, Model<float>& model, llama::CheckpointFormat format, const Tokenizer& tokenizer, Task& task, Outputs& outputs) {
    const Plan plan{options.step_count(default_steps), options.eval_every};
    const MemoryRequest request{task.data_bytes(), options.batch * std::max<std::size_t>(options.verbalizer.size(), 1), length_of(options, model, default_length), options.threads};
    const std::size_t planned_bytes = static_cast<std::size_t>(plan_memory(model, options.method, request).peak());
    if (options.plan) print(memory_table(model, options.method, request) + "\n");
    const std::string before = options.generate > 0 ? sample(model, tokenizer, options) : "";
    if (options.method.projection.interval > plan.steps) print("--dizo: the run ends before its first projection\n");
    const TrainerFactory factory = [&] { return make_trainer(model, task, options.method, plan.steps, options.seed, options.threads); };

    const program::InterruptGuard guard;
    Recorder recorder("", &outputs);
    const Outcome outcome = train(task, factory, plan, recorder);
    recorder.finish();

    if (options.method.tuning.scheme == Scheme::lora && !options.saves_adapters()) llama::merge_lora(model);
    outputs.write_model(model, format);
    outputs.finish_metrics();
    outputs.write_plot(loss_plot("Loss of " + std::filesystem::path(options.model).filename().string() + " on " +
                                     std::filesystem::path(options.train).filename().string(),
                                 recorder));
    outputs.write_json(outcome, report::crc32c_text(model.adapter_values().empty() ? model.values() : model.adapter_values()), planned_bytes);

    if (outcome.interrupted) {
        print("Interrupted after " + grouped(outcome.steps) + " of " + grouped(plan.steps) + " steps: the weights are those of the last one.\n\n");
    }
    print(summary(outcome, recorder.trainer()));
    if (const std::string names = outputs.names(); !names.empty()) print("Wrote " + names + ".\n");
    if (options.generate > 0) {
        print("\nBefore:\n\n" + indented(before) + "\nAfter:\n\n" + indented(sample(model, tokenizer, options)));
    }
    return outcome.interrupted ? 130 : 0;
}

}  // namespace

int run(Options options) {
    options.method.learning_rate = options.learning_rate.value_or(options.method.usual_learning_rate(options.task == TaskKind::classify));
    llama::CheckpointFormat format{};
    Model<float> model = llama::read_checkpoint(options.model, &format);
    const Tokenizer tokenizer = Tokenizer::read(options.tokenizer, model.config().vocab);
    prepare_scheme(options, model, tokenizer);
    if (!options.train.empty()) options.method.parts_a_step = parts_a_step(model, options.method);
    options.require_a_step();
    Outputs outputs(options);
    if (options.train.empty() && options.eval.empty()) {
        print(sample(model, tokenizer, options) + "\n");
        return 0;
    }
    std::unique_ptr<Task> task = make_task(options, model, tokenizer);
    if (options.accumulate > 1) task = std::make_unique<AccumulatedTask>(std::move(task), options.accumulate);
    if (options.recommended) {
        const std::size_t passes = take_recommended(options, model, *task, options.step_count(default_steps));
        print("recommended: --estimator fzoo --epsilon " + report::general(*options.method.smoothing, 3) + " --learning-rate " +
              report::general(options.method.learning_rate, 3) + " --schedule linear, from " + grouped(passes) + " forward passes\n");
        if (options.forwards) *options.forwards -= std::min(*options.forwards, passes);
        options.require_a_step();
    }
    if (!options.train.empty()) return train_model(options, model, format, tokenizer, *task, outputs);
    const int status = evaluate_only(options, model, *task, outputs);
    if (options.generate > 0) print("\n" + sample(model, tokenizer, options) + "\n");
    return status;
}

}  // namespace finetune
