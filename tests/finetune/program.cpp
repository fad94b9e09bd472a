// The program as its user sees it: what it prints, writes and ends with.

#include <llama/checkpoint.hpp>
#include <llama/model.hpp>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <sys/wait.h>

namespace {

namespace fs = std::filesystem;

constexpr int vocab = 300;

/// What a run of the program left.
struct Run {
    int status = -1;
    std::string output;
    std::string error;
    std::vector<std::string> files;  ///< names in the folder that were not there before
};

std::string read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

template <class Value>
std::string bytes_of(Value value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// A folder with a small model, its tokenizer, a text and labelled sentences; gone at the end.
class Folder {
public:
    Folder() : path_(fs::temp_directory_path() / ("zeroth_finetune_" + std::to_string(std::random_device()()))) {
        fs::create_directory(path_);
        const llama::Config config{.dim = 16, .hidden = 24, .layers = 1, .heads = 2, .kv_heads = 1, .vocab = vocab, .sequence = 32};
        llama::write_checkpoint(path_ / "model.bin", llama::Model<float>::random(config, 1));
        std::string tokenizer = bytes_of(std::int32_t{8});
        const auto piece = [&](const std::string& text) { tokenizer += bytes_of(0.0f) + bytes_of(static_cast<std::int32_t>(text.size())) + text; };
        for (const char* mark : {"<unk>", "<s>", "</s>"}) piece(mark);
        for (int byte = 0; byte < 256; ++byte) {
            constexpr char digits[] = "0123456789ABCDEF";
            piece(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">");
        }
        for (int i = 0; i < vocab - 259; ++i) piece(std::string(1, static_cast<char>(' ' + (i == 0 ? 0 : 'a' - ' ' + i % 26))) + (i > 26 ? "e" : ""));
        write(path_ / "tokenizer.bin", tokenizer);
        std::string text;
        for (int i = 0; i < 200; ++i) text += "the cat sat on the mat, line " + std::to_string(i * i) + "\n";
        write(path_ / "text.txt", text);
        std::string lines = "sentence\tlabel\n";
        for (int i = 0; i < 40; ++i) lines += (i % 2 != 0 ? "good thing \t1\n" : "bad thing \t0\n");
        write(path_ / "data.tsv", lines);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path_); }

    fs::path operator/(const char* name) const { return path_ / name; }

    Run run(const std::string& arguments) const {
        const std::vector<std::string> before = names();
        const std::string output = path_.string() + ".stdout", errors = path_.string() + ".stderr";
        const std::string command = "cd '" + path_.string() + "' && '" FINETUNE_PROGRAM "' " + arguments + " > '" + output + "' 2> '" + errors + "'";
        const int status = std::system(command.c_str());
        Run run{WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(output), read(errors), {}};
        fs::remove(output);
        fs::remove(errors);
        std::ranges::set_difference(names(), before, std::back_inserter(run.files));
        return run;
    }

private:
    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(path_)) names.push_back(entry.path().filename().string());
        std::ranges::sort(names);
        return names;
    }

    fs::path path_;
};

const std::string model = "--model model.bin --tokenizer tokenizer.bin ";
const std::string train_text = model + "--train text.txt --length 16 --batch 4 --steps 6 ";
const std::string outputs = " --save out.bin --json out.json --metrics out.csv --plot out.svg";

/// One line that holds `part`, status 2 and nothing written.
void check_refused(const Folder& folder, const std::string& arguments, const std::string& part) {
    INFO(arguments);
    const Run run = folder.run(arguments);
    INFO(run.error);
    CHECK(run.status == 2);
    CHECK(run.error.starts_with("finetune: "));
    CHECK(std::ranges::count(run.error, '\n') == 1);
    CHECK(run.error.find(part) != std::string::npos);
    CHECK(run.files.empty());
}

nlohmann::json figures(const Folder& folder, const std::string& arguments) {
    INFO(arguments);
    const Run run = folder.run(arguments + " --json figures.json");
    INFO(run.error);
    REQUIRE(run.status == 0);
    return nlohmann::json::parse(read(folder / "figures.json"));
}

}  // namespace

TEST_CASE("Options that cannot be followed are refused") {
    const Folder folder;
    check_refused(folder, train_text + "--learning-rate -1" + outputs, "--learning-rate: ");
    check_refused(folder, train_text + "--learning-rate nan" + outputs, "--learning-rate: ");
    check_refused(folder, train_text + "--epsilon 0" + outputs, "--epsilon: ");
    check_refused(folder, model + "--train text.txt --batch 0" + outputs, "--batch: ");
    check_refused(folder, train_text + "--estimator three-sided" + outputs, "--estimator: ");
    check_refused(folder, train_text + "--forwards 10" + outputs, "--forwards: ");
    check_refused(folder, train_text + "--no-such-option" + outputs, "--no-such-option");
    check_refused(folder, train_text + "--plot out.jpg", "--plot: ");
    check_refused(folder, train_text + "--save same --json same", "--json: ");
    check_refused(folder, train_text + "--window 3" + outputs, "--window: ");
    check_refused(folder, train_text + "--block-order cyclic" + outputs, "--block-order: ");
    check_refused(folder, train_text + "--blocks 'layers.0.*,nothing*'" + outputs, "--blocks: zeroth: pattern 'nothing*' fits no block's name");
    check_refused(folder, train_text + "--blocks layer,," + outputs, "--blocks: ");
    check_refused(folder, model + "--eval text.txt --steps 5", "--steps: ");
    check_refused(folder, model + "--train text.txt --length 33" + outputs, "--length: ");
}

TEST_CASE("Checkpoints and tokenizers that are none are refused") {
    const Folder folder;
    const std::string checkpoint = read(folder / "model.bin"), tokenizer = read(folder / "tokenizer.bin");
    const std::string rest = "--tokenizer tokenizer.bin --train text.txt --length 16" + outputs;
    const auto check = [&](const std::string& bytes, const std::string& part) {
        write(folder / "model.bin", bytes);
        check_refused(folder, "--model model.bin " + rest, "model.bin: " + part);
    };
    check_refused(folder, "--model none.bin " + rest, "none.bin: no such file");
    check("", "byte 0: ");
    check(checkpoint.substr(0, checkpoint.size() - 5), "byte ");
    check(checkpoint + "x", "byte ");
    check("GGUF" + checkpoint.substr(4), "byte ");
    check(bytes_of(std::int32_t{-3}) + checkpoint.substr(4), "byte ");
    write(folder / "model.bin", checkpoint);
    write(folder / "tokenizer.bin", tokenizer + bytes_of(0.0f) + bytes_of(std::int32_t{1}) + "z");
    check_refused(folder, "--model model.bin " + rest, "tokenizer.bin: byte ");
    write(folder / "tokenizer.bin", tokenizer.substr(0, 500));
    check_refused(folder, "--model model.bin " + rest, "tokenizer.bin: byte ");
}

TEST_CASE("Texts that cannot be trained on are refused") {
    const Folder folder;
    const auto check = [&](const std::string& text, const std::string& part) {
        write(folder / "text.txt", text);
        check_refused(folder, train_text + outputs, "text.txt: " + part);
    };
    check("", "byte 0: the file is empty");
    check("too short", "the text is too short");
    check("good until here\xFF", "byte 15: is not UTF-8");
}

TEST_CASE("Labelled sentences that are none are refused") {
    const Folder folder;
    const std::string arguments = model + "--task classify --train data.tsv --eval data.tsv --verbalizer bad,good" + outputs;
    const auto check = [&](const std::string& text, const std::string& part) {
        write(folder / "data.tsv", text);
        check_refused(folder, arguments, "data.tsv: " + part);
    };
    check("sentence\tlabel\nfine\t1\nno label\n", "line 3: has no label");
    check("fine\t1\nempty\t\n", "line 2: has no label");
    check("fine\t2\n", "line 1: label \"2\"");
    check("fine\tgood\n", "line 1: label \"good\"");
    check("fine\t1\n\xC0\xAF\t0\n", "byte 7: is not UTF-8");
    check("sentence\tlabel\n", "line 1: ");
}

TEST_CASE("An output that cannot be written is found before training") {
    const Folder folder;
    for (const char* option : {"--save", "--metrics", "--json", "--plot"}) {
        check_refused(folder, train_text + option + " no/such/folder.svg", "no/such/folder.svg: cannot be written");
    }
}

TEST_CASE("A run writes what was asked for, and nothing else") {
    const Folder folder;
    const Run run = folder.run(train_text + outputs);
    INFO(run.error);
    CHECK(run.status == 0);
    CHECK(run.files == std::vector<std::string>{"out.bin", "out.csv", "out.json", "out.svg"});
    const auto json = nlohmann::ordered_json::parse(read(folder / "out.json"));
    std::vector<std::string> keys;
    for (const auto& [key, value] : json.items()) keys.push_back(key);
    CHECK(keys == std::vector<std::string>{"eval_loss_before", "eval_loss_after", "accuracy_before", "accuracy_after", "forward_passes", "learning_rate", "seconds",
                                           "optimizer_seconds", "peak_rss_bytes", "inference_rss_bytes", "inference_bytes", "peak_bytes", "planned_peak_bytes", "weights_crc32c"});
    CHECK(json["forward_passes"] == 12);
    CHECK(json["accuracy_after"].is_null());
    CHECK(json["weights_crc32c"].get<std::string>().size() == 8);
    CHECK(read(folder / "out.bin").size() == read(folder / "model.bin").size());
    CHECK(read(folder / "out.bin") != read(folder / "model.bin"));
}

TEST_CASE("A run that rounding leaves where it was says so") {
    const Folder folder;
    const auto output = [&](const std::string& method) { return folder.run(train_text + method).output; };
    CHECK(output("").find("Rounding") == std::string::npos);
    CHECK(output("--epsilon 1e-30").find("Rounding takes away the probes of ") != std::string::npos);
    CHECK(output("--epsilon 1e-30").find(" in every step; try a larger --epsilon.\n") != std::string::npos);
    CHECK(output("--learning-rate 1e-20").find("Rounding takes away the updates of ") != std::string::npos);
    CHECK(output("--estimator fzoo --epsilon 1e-9").find("--epsilon") != std::string::npos);
}

TEST_CASE("A model is evaluated without a step, and keeps its weights") {
    const Folder folder;
    const nlohmann::json with_train = figures(folder, model + "--train text.txt --length 16 --steps 0");
    CHECK(with_train["forward_passes"] == 0);
    CHECK(with_train["eval_loss_before"] == with_train["eval_loss_after"]);
    const nlohmann::json alone = figures(folder, model + "--eval text.txt --steps 0");
    CHECK(alone["weights_crc32c"] == with_train["weights_crc32c"]);
}

TEST_CASE("The same seed gives the same weights with any number of threads") {
    const Folder folder;
    for (const char* method : {"--direction gaussian", "--direction rademacher --estimator one-sided --queries 3", "--direction uniform --schedule linear:2",
                               "--direction sphere --weight-decay 0.1", "--scheme head --schedule constant", "--update sign", "--update sign-scalar --queries 2",
                               "--blocks layer", "--blocks '*norm,layers.0.*' --block-order jacobi --update adam", "--blocks tensor --block-order cyclic",
                               "--update momentum", "--update momentum --window 3", "--update conservative", "--update adam", "--update adamw --window 3"}) {
        const std::string arguments = train_text + "--learning-rate 0.01 " + method;
        const nlohmann::json one = figures(folder, arguments + " --threads 1");
        CHECK(figures(folder, arguments + " --threads 3")["weights_crc32c"] == one["weights_crc32c"]);
        CHECK(figures(folder, arguments + " --threads 2 --seed 7")["weights_crc32c"] != one["weights_crc32c"]);
    }
}

TEST_CASE("Sentences are classified, and the accuracy reported") {
    const Folder folder;
    for (const char* prompt : {"", " It was", "{} was"}) {
        const nlohmann::json json =
            figures(folder, model + "--task classify --train data.tsv --eval data.tsv --verbalizer bad,good --steps 4 --batch 4 --prompt '" + prompt + "'");
        CHECK(json["accuracy_before"].is_number());
        CHECK(json["accuracy_after"].is_number());
    }
}

TEST_CASE("Every scheme trains, saves what can be saved, and continues on its own words") {
    const Folder folder;
    for (const char* scheme : {"full", "lora --rank 2", "prefix --prefix-tokens 3", "prompt --prompt-tokens 4", "head"}) {
        INFO(scheme);
        const Run run = folder.run(train_text + "--learning-rate 1e-2 --plan --generate 8 --scheme " + scheme);
        INFO(run.error);
        CHECK(run.status == 0);
    }
    check_refused(folder, train_text + "--scheme prompt" + outputs, "--save: ");
    check_refused(folder, train_text + "--rank 4" + outputs, "--rank: needs --scheme lora");
    check_refused(folder, train_text + "--scheme prefix --prefix-tokens 40 --json out.json", "prefix is 40");
    check_refused(folder, train_text + "--scheme prompt --prompt-tokens 20 --json out.json", "beside 20 virtual tokens");
    // What was added is in a file of its own, from which a run goes on.
    for (const std::string scheme : {"lora --rank 2 --alpha 3", "prefix --prefix-tokens 3", "prompt --prompt-tokens 4"}) {
        INFO(scheme);
        const auto saved = figures(folder, train_text + "--learning-rate 3e-2 --scheme " + scheme + " --save added.safetensors");
        CHECK(saved["eval_loss_after"] != saved["eval_loss_before"]);
        const std::string kind = scheme.substr(0, scheme.find(' '));
        const auto loaded = figures(folder, model + "--train text.txt --length 16 --batch 4 --steps 0 --adapter added.safetensors --scheme " + kind);
        CHECK(loaded["eval_loss_before"] == saved["eval_loss_after"]);
        if (kind != "lora") CHECK(loaded["weights_crc32c"] == saved["weights_crc32c"]);  // LoRA is merged unless it is saved apart
        CHECK(folder.run(model + "--adapter added.safetensors --generate 5").status == 0);
    }
    check_refused(folder, train_text + "--scheme lora --adapter added.safetensors --json out.json", "--adapter: ");
    check_refused(folder, train_text + "--adapter added.safetensors --json out.json", "--adapter: needs --scheme");
    check_refused(folder, train_text + "--scheme prompt --adapter model.bin --json out.json", "model.bin: ");
    check_refused(folder, train_text + "--save out.safetensors", "--save: ");
    const std::string bytes = read(folder / "added.safetensors");
    for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{40}, bytes.size() / 2, bytes.size() - 1}) {
        write(folder / "torn.safetensors", bytes.substr(0, size));
        check_refused(folder, train_text + "--scheme prompt --adapter torn.safetensors --json out.json", "torn.safetensors: ");
    }
    // Merged, LoRA is in the checkpoint: the loss that the run ended with is that of the file.
    const auto trained = figures(folder, train_text + "--learning-rate 3e-2 --scheme lora --eval data.tsv --save merged.bin");
    CHECK(trained["eval_loss_after"] != trained["eval_loss_before"]);
    const auto read_again = figures(folder, "--model merged.bin --tokenizer tokenizer.bin --train text.txt --length 16 --eval data.tsv --steps 0");
    CHECK(std::abs(read_again["eval_loss_before"].get<double>() - trained["eval_loss_after"].get<double>()) < 1e-5);
}

TEST_CASE("Methods that do not go together are refused") {
    const Folder folder;
    const auto refused = [&](const std::string& options, const std::string& part) { check_refused(folder, train_text + options + outputs, part); };
    refused("--mask bernoulli:0", "--mask: ");
    refused("--recommended --update adam", "--update: does not go with --recommended");
    refused("--kernel-order 4", "--kernel-order: needs --estimator kernel");
    refused("--estimator kernel --kernel-order 7", "--kernel-order: ");
    refused("--direction pool --mask bernoulli:0.5", "--mask: ");
    refused("--direction low-rank --estimator forward-gradient", "--direction: ");
    refused("--dizo-blocks '*'", "--dizo-blocks: needs --dizo");
    refused("--dizo 5 --dizo-blocks ,", "--dizo-blocks: ");
    refused("--normalize meazo --update adam", "--normalize: ");
    refused("--mask bernoulli:1.5", "--mask: ");
    refused("--mask 5:4", "--mask: ");
    refused("--mask some", "--mask: ");
    refused("--mask-every 3", "--mask-every: needs --mask");
    refused("--mask small:0.5 --blocks layer", "--mask: does not go with --blocks");
    refused("--mask small:0.5 --direction sphere", "--mask: ");
    refused("--hybrid 1 --blocks layer", "--hybrid: ");
    refused("--hybrid 9", "--hybrid: leaves nothing");
    refused("--estimator first-order --queries 2", "--queries: does not go with --estimator first-order");
    refused("--estimator first-order --update sign-scalar", "--update: ");
    refused("--estimator forward-gradient --update conservative", "--update: ");
    refused("--estimator coordinate --direction sphere", "--direction: ");
    refused("--reuse-activations", "--reuse-activations: needs --blocks");
    refused("--weights bfloat8", "--weights: ");
    refused("--weights float16 --estimator forward-gradient", "--estimator: other than two-sided, one-sided, fzoo and kernel does not go with --weights float16");
    refused("--weights bfloat16 --direction uniform", "--direction: ");
    refused("--weights bfloat16 --update momentum", "--update: other than sgd does not go with --weights bfloat16");
    refused("--weights bfloat16 --normalize meazo", "--normalize: does not go with --weights bfloat16");
    refused("--weights bfloat16 --blocks layer", "--blocks: does not go with --weights bfloat16");
    refused("--weights bfloat16 --mask small:0.5", "--mask: does not go with --weights bfloat16");
    refused("--weights bfloat16 --hybrid 1", "--hybrid: does not go with --weights bfloat16");
    refused("--weights bfloat16 --dizo 5", "--dizo: does not go with --weights bfloat16");
    refused("--weights bfloat16 --recommended", "--weights: does not go with --recommended");
}

TEST_CASE("Settings are chosen on a part held out of training") {
    const Folder folder;
    const auto validated = figures(folder, train_text + "--validation"), tested = figures(folder, train_text);
    CHECK(validated["eval_loss_before"] != tested["eval_loss_before"]);
    const std::string classify = model + "--task classify --train data.tsv --verbalizer a,b --length 24 --batch 4 --steps 2 ";
    CHECK(figures(folder, classify + "--validation")["accuracy_after"].is_number());
    check_refused(folder, classify + "--json out.json", "classify needs --eval");
}
