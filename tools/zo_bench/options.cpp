#include "options.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <thread>

#include <program/command_line.hpp>

namespace zo_bench {
namespace {

constexpr const char* description =
    "Compares ways to fine-tune a language model: methods x schemes x tasks, with equal\n"
    "budgets of forward passes, several seeds and a search for each learning rate. Every\n"
    "run is the program finetune in a process of its own.";

constexpr const char* footer =
    "The learning rate of a cell of the grid is searched for with the first seed, on the\n"
    "last ninth of the training part, held out of training: --rates points around the\n"
    "method's usual rate, each --rate-ratio times the last, and up to two more on the side\n"
    "where the best is the outermost. The test part is seen by the final runs alone.\n"
    "recommended finds its rate itself. A first-order step counts as three forward passes:\n"
    "its own, and two for the backward pass; a pass of forward mode as two.\n"
    "\n"
    "With several --batch sizes every cell is run with each. --forwards and\n"
    "--search-forwards are then of the first; the others get as many as process the same\n"
    "number of windows. Their searches begin at the usual rate times the square root of\n"
    "batch / 16.\n"
    "\n"
    "The folder --output holds runs.csv, a line a run with the command that makes it;\n"
    "table.md; plots of the loss against forward passes, tokens, seconds and memory; and\n"
    "the curves. Started again, the study goes on from what is there: a run that has ended is\n"
    "not made again. Interrupted (Ctrl-C), it ends the runs under way and reports what is\n"
    "done.\n"
    "Exit status: 0 done, 1 if some run failed, 2 wrong arguments, 130 interrupted.\n"
    "\n"
    "Examples\n"
    "  zo_bench --model stories260K.bin --tokenizer tok512.bin --text tinyshakespeare.txt\n"
    "           --quick\n"
    "      every method once, on a few forward passes\n"
    "  zo_bench --model stories260K.bin --tokenizer tok512.bin --text tinyshakespeare.txt\n"
    "           --sentences train.tsv dev.tsv --prompt \" It was\" --verbalizer terrible,great\n"
    "           --methods zo-sgd,adam,fo-adam --schemes full,lora --forwards 5000\n"
    "      a study";

constexpr std::size_t quick_forwards = 40, quick_batch = 4, quick_length = 64;
constexpr double min_ratio = 1.1, max_ratio = 100;  // closer rates are the same to three digits

std::vector<std::string> different_names(const std::string& option, const std::string& list) {
    const std::vector<std::string> names = program::split(option, list);
    for (auto name = names.begin(); name != names.end(); ++name) {
        if (std::find(names.begin(), name, *name) != name) throw UsageError(option, "\"" + *name + "\" is there twice");
    }
    return names;
}

std::string method_names() {
    std::string names;
    for (const Method& method : all_methods()) names += (names.empty() ? "" : ", ") + std::string(method.name);
    return names;
}

std::vector<const Method*> read_methods(const std::string& list) {
    std::vector<const Method*> methods;
    if (list == "all") {
        for (const Method& method : all_methods()) methods.push_back(&method);
        return methods;
    }
    for (const std::string& name : different_names("--methods", list)) {
        methods.push_back(find_method(name));
        if (methods.back() == nullptr) throw UsageError("--methods", "\"" + name + "\" is not one of " + method_names());
    }
    return methods;
}

std::vector<std::string> read_schemes(const std::string& list) {
    if (list == "all") return {std::begin(schemes), std::end(schemes)};
    std::vector<std::string> names = different_names("--schemes", list);
    for (const std::string& name : names) {
        if (std::ranges::find(schemes, name) == std::end(schemes)) {
            throw UsageError("--schemes", "\"" + name + "\" is not one of full, lora, prefix, prompt, head");
        }
    }
    return names;
}

std::vector<std::size_t> read_batches(const std::string& list) {
    std::vector<std::size_t> batches;
    for (const std::string& word : program::split("--batch", list)) {
        const std::size_t batch = program::read_whole("--batch", word, 1, 1 << 20);
        if (std::ranges::find(batches, batch) != batches.end()) throw UsageError("--batch", "\"" + word + "\" is there twice");
        batches.push_back(batch);
    }
    return batches;
}

/// The runs' command lines stand in the journal, a line each.
void require_printable(const std::string& option, const std::string& value) {
    const auto control = [](char character) { return static_cast<unsigned char>(character) < 0x20 || character == 0x7F; };
    if (std::ranges::any_of(value, control)) throw UsageError(option, "has a line break, a tab or another control character");
}

class Reader {
public:
    explicit Reader(Options& options) : options_(options) {}

    std::variant<Options, Message> read(int argc, const char* const* argv) {
        if (argc > 0) program_ = argv[0];
        declare_tasks();
        declare_grid();
        declare_run();
        if (const auto message = line_.parse(argc, argv)) return *message;
        check();
        fill();
        return options_;
    }

private:
    void words(const char* group, const std::string& name, const char* type, const std::string& text, std::string& target) {
        line_.add(group, name, type, text, [name, &target](const std::string& value) {
            require_printable(name, value);
            target = value;
        });
    }

    static std::string absolute(const std::string& option, const std::string& name) {
        if (name.empty()) throw UsageError(option, "needs a file name");
        require_printable(option, name);
        return std::filesystem::absolute(name).lexically_normal().string();
    }

    void file(const char* group, const std::string& name, const char* type, const std::string& text, std::string& target) {
        line_.add(group, name, type, text, [name, &target](const std::string& value) { target = absolute(name, value); });
    }

    void declare_tasks() {
        const char* group = "Model and tasks";
        file(group, "--model", "FILE", "Checkpoint, as finetune's", options_.model);
        file(group, "--tokenizer", "FILE", "Tokenizer with the model's vocabulary", options_.tokenizer);
        file(group, "--text", "FILE", "The task text: next token of this", options_.text);
        const CLI::callback_t accept = [this](const CLI::results_t& results) {
            options_.train_sentences = absolute("--sentences", results.at(0));
            options_.eval_sentences = absolute("--sentences", results.at(1));
            return true;
        };
        line_.app().add_option("--sentences", accept, "The task classify: label of a sentence, to train and to\ntest on")
            ->group(group)
            ->option_text("TRAIN EVAL")
            ->expected(2)
            ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
        words(group, "--prompt", "TEXT", "classify: what stands around the sentence, {} [\"\"]", options_.prompt);
        words(group, "--verbalizer", "WORD,WORD,...", "classify: the word for label 0, 1, ...", options_.verbalizer);
    }

    void declare_grid() {
        const char* group = "Grid";
        std::string list = "Methods, or all [all]:";
        for (std::size_t i = 0; i < all_methods().size(); ++i) list += (i % 4 == 0 ? "\n" : " ") + std::string(all_methods()[i].name);
        line_.add(group, "--methods", "NAME,...", list, [this](const std::string& value) { options_.methods = read_methods(value); });
        line_.add(group, "--schemes", "NAME,...", "What is trained, or all [all]:\nfull lora prefix prompt head",
            [this](const std::string& value) { options_.schemes = read_schemes(value); });
        line_.whole(group, "--seeds", "Final runs of a cell, with seeds 1 to N [3]", 1, 1000, options_.seeds);
        line_.whole(group, "--rates", "Learning rates to search; 1: the usual, without a search\n[3]", 1, 15, options_.rates);
        line_.number(group, "--rate-ratio", "R", "Of neighbouring learning rates of the search [3]", false, options_.rate_ratio);
        line_.flag(group, "--quick",
                   "All methods on full and the first and the last on the\nother schemes; --forwards 40 --seeds 1 --rates 1\n--batch 4 "
                   "--length 64, where not given",
                   options_.quick);
    }

    void declare_run() {
        const char* group = "Runs";
        constexpr std::uint64_t many = std::uint64_t{1} << 40;
        line_.whole(group, "--forwards", "Forward passes of a final run [2000]", 1, many, options_.forwards);
        words(group, "--schedule", "KIND[:WARMUP]", "Of the learning rate, as finetune's [constant]", options_.schedule);
        line_.whole(group, "--search-forwards", "Forward passes of a run of the search [as --forwards]", 1, many, options_.search_forwards);
        line_.add(group, "--batch", "N,...", "Windows or sentences in a batch; several are compared\nat equal tokens [16]",
            [this](const std::string& value) { options_.batches = read_batches(value); });
        line_.whole(group, "--length", "Tokens of a window or sentence [finetune's]", 2, 1 << 20, options_.length);
        line_.whole(group, "--jobs", "Runs at a time, one thread each; with more than the\nmachine has cores to spare, seconds mean little\n[the cores]", 1, 4096,
              options_.jobs);
        file(group, "--finetune", "FILE", "The program finetune [that beside this one]", options_.finetune);
        file(group, "--output", "DIR", "Folder of the results; made where it is missing\n[zo_bench]", options_.output);
        line_.flag(group, "--retry", "Make runs again that are recorded as failed", options_.retry);
    }

    /// What no option can know alone.
    void check() const {
        const Options& o = options_;
        const auto require = [](bool valid, const char* option, const char* reason) {
            if (!valid) throw UsageError(option, reason);
        };
        require(!o.model.empty(), "--model", "is needed (--help shows examples)");
        require(!o.tokenizer.empty(), "--tokenizer", "is needed");
        require(!o.text.empty() || !o.train_sentences.empty(), "--text", "give it, or --sentences, or both");
        if (!o.train_sentences.empty()) {
            require(!o.verbalizer.empty(), "--sentences", "needs --verbalizer");
        } else {
            require(!line_.given("--prompt"), "--prompt", "needs --sentences");
            require(!line_.given("--verbalizer"), "--verbalizer", "needs --sentences");
        }
        const std::string kind = o.schedule.substr(0, o.schedule.find(':'));
        const std::string_view kinds[] = {"constant", "linear", "cosine", "trapezoid"};
        require(std::ranges::find(kinds, kind) != std::end(kinds), "--schedule", "is not one of constant|linear|cosine|trapezoid");
        require(o.rates > 1 || !line_.given("--search-forwards"), "--search-forwards", "needs --rates of more than 1");
        require(o.rates > 1 || !line_.given("--rate-ratio"), "--rate-ratio", "needs --rates of more than 1");
        require(o.rate_ratio >= min_ratio && o.rate_ratio <= max_ratio, "--rate-ratio", "is not a number from 1.1 to 100");
    }

    /// What was not given and depends on other options or on the machine.
    void fill() {
        Options& o = options_;
        if (o.quick) {
            if (!line_.given("--forwards")) o.forwards = quick_forwards;
            if (!line_.given("--seeds")) o.seeds = 1;
            if (!line_.given("--rates")) o.rates = 1;
            if (!line_.given("--batch")) o.batches = {quick_batch};
            if (!line_.given("--length")) o.length = quick_length;
        }
        if (!line_.given("--search-forwards")) o.search_forwards = o.forwards;
        if (o.methods.empty()) o.methods = read_methods("all");
        if (o.schemes.empty()) o.schemes = read_schemes("all");
        if (o.jobs == 0) o.jobs = std::max(1u, std::thread::hardware_concurrency());
        o.output = absolute("--output", o.output);
        if (o.finetune.empty()) {
            std::error_code error;
            std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
            if (error) self = std::filesystem::absolute(program_);
            const std::filesystem::path beside = self.parent_path() / "finetune", built = self.parent_path() / "../../examples/finetune/finetune";
            o.finetune = (std::filesystem::is_regular_file(beside, error) ? beside : built).lexically_normal().string();
        }
    }

    Options& options_;
    program::CommandLine line_{"zo_bench", description, footer};
    std::string program_;
};

}  // namespace

std::variant<Options, Message> read_options(int argc, const char* const* argv) {
    Options options;
    return Reader(options).read(argc, argv);
}

}  // namespace zo_bench
