// The program as its user sees it, without a GPU: a run on the processor, and its replay.

#include <files/safetensors.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sys/wait.h>

namespace {

namespace fs = std::filesystem;

std::string big_endian(std::size_t number) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xFF);
    return bytes;
}

/// What a run of the program left.
struct Run {
    int status = -1;
    std::string text;  ///< of both streams

    bool says(const std::string& part) const { return text.find(part) != std::string::npos; }
};

/// A folder with a perceptron of 4 hidden units and some digits, gone at the end.
class Folder {
public:
    Folder() : path_(fs::temp_directory_path() / ("zeroth_cuda_finetune_" + std::to_string(std::random_device()()))) {
        fs::create_directory(path_);
        write_digits("train", 40);
        write_digits("t10k", 20);
        write_model(1);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path_); }

    void write_model(unsigned seed) const {
        std::minstd_rand random(seed);
        std::vector<std::vector<float>> values;
        std::vector<files::TensorView> views;
        for (const std::size_t size : {std::size_t{4 * 784}, std::size_t{4}, std::size_t{40}, std::size_t{10}}) {
            for (float& value : values.emplace_back(size)) value = static_cast<float>(random() % 1000) / 5000 - 0.1f;
        }
        views = {{"fc1.weight", 4, 784, values[0]}, {"fc1.bias", 4, 1, values[1]}, {"fc2.weight", 10, 4, values[2]}, {"fc2.bias", 10, 1, values[3]}};
        files::write_safetensors(path_ / "mlp.safetensors", views);
    }

    Run run(const std::string& arguments) const {
        const std::string command = "cd '" + path_.string() + "' && '" CUDA_FINETUNE_PROGRAM "' --data . " + arguments + " 2>&1";
        std::FILE* const pipe = ::popen(command.c_str(), "r");
        REQUIRE(pipe != nullptr);
        Run run;
        char part[4096];
        for (std::size_t count; (count = std::fread(part, 1, sizeof part, pipe)) > 0;) run.text.append(part, count);
        const int status = ::pclose(pipe);
        run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return run;
    }

    std::string read(const char* name) const {
        std::ifstream stream(path_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    void write(const char* name, const std::string& text) const { std::ofstream(path_ / name, std::ios::binary) << text; }

private:
    void write_digits(const std::string& part, std::size_t count) const {
        std::minstd_rand random(2);
        std::string pixels, labels;
        for (std::size_t i = 0; i < count * 784; ++i) pixels += static_cast<char>(random() % 256);
        for (std::size_t i = 0; i < count; ++i) labels += static_cast<char>(i % 10);
        write((part + "-images-idx3-ubyte.gz").c_str(), big_endian(0x803) + big_endian(count) + big_endian(28) + big_endian(28) + pixels);
        write((part + "-labels-idx1-ubyte.gz").c_str(), big_endian(0x801) + big_endian(count) + labels);
    }

    fs::path path_;
};

/// The value of a key of a file's first object, as it stands there.
std::string value_of(const std::string& json, const std::string& key) {
    const std::size_t at = json.find("\"" + key + "\":");
    REQUIRE(at != std::string::npos);
    const std::size_t begin = at + key.size() + 3;
    return json.substr(begin, json.find_first_of(",}\n", begin) - begin);
}

void check_refused(const Folder& folder, const std::string& arguments, const std::string& begins) {
    const Run refused = folder.run(arguments);
    INFO(arguments << ": " << refused.text);
    CHECK(refused.status == 2);
    CHECK(refused.text.starts_with("cuda_finetune: " + begins + ": "));
    CHECK(std::ranges::count(refused.text, '\n') == 1);
}

}  // namespace

TEST_CASE("A run is replayed by its terms to the same bits") {
    const Folder folder;
    for (const std::string type : {"", "--bfloat16 "}) {
        const Run run = folder.run("--on cpu --forwards 90 --queries 3 --batch 8 --terms run.jsonl --json run.json " + type);
        INFO(run.text);
        REQUIRE(run.status == 0);
        CHECK(run.says("the same bits"));
        CHECK(value_of(folder.read("run.json"), "weights_crc32c") == value_of(folder.read("run.json"), "replay_crc32c"));
        const std::string terms = folder.read("run.jsonl");
        CHECK(std::ranges::count(terms, '\n') == 1 + 15);
        CHECK(value_of(terms, "weights") == (type.empty() ? "\"float32\"" : "\"bfloat16\""));
        CHECK(value_of(terms, "start_crc32c") != value_of(terms, "end_crc32c"));
        CHECK(folder.run("--replay run.jsonl").status == 0);
        CHECK(folder.run("--replay run.jsonl --threads 1").status == 0);
    }
}

TEST_CASE("A replay of other terms says that its bits are others") {
    const Folder folder;
    REQUIRE(folder.run("--on cpu --forwards 20 --batch 8 --terms run.jsonl").status == 0);
    const std::string terms = folder.read("run.jsonl");
    const std::string last = "\n{\"step\":9,";
    REQUIRE(terms.find(last) != std::string::npos);
    folder.write("short.jsonl", terms.substr(0, terms.find(last) + 1));
    const Run shorter = folder.run("--replay short.jsonl");
    CHECK(shorter.status == 1);
    CHECK(shorter.says("OTHER BITS"));
    std::string other_seed = terms;
    other_seed.replace(other_seed.find("\"seed\":1"), 8, "\"seed\":2");
    folder.write("seed.jsonl", other_seed);
    CHECK(folder.run("--replay seed.jsonl").status == 1);
}

TEST_CASE("What cannot be replayed is refused") {
    const Folder folder;
    REQUIRE(folder.run("--on cpu --forwards 4 --batch 8 --terms run.jsonl").status == 0);
    const std::string terms = folder.read("run.jsonl");
    folder.write("torn.jsonl", terms.substr(0, terms.size() - 9));
    check_refused(folder, "--replay torn.jsonl", "torn.jsonl: line 3");
    folder.write("other.jsonl", "{}\n");
    check_refused(folder, "--replay other.jsonl", "other.jsonl: line 1");
    check_refused(folder, "--replay nowhere.jsonl", "nowhere.jsonl");
    check_refused(folder, "--replay run.jsonl --epsilon 1", "--epsilon");
    folder.write_model(3);
    check_refused(folder, "--replay run.jsonl", "run.jsonl");
}

TEST_CASE("Options of cuda_finetune that cannot be followed are refused") {
    const Folder folder;
    check_refused(folder, "--on tpu", "--on");
    check_refused(folder, "--queries 2 --forwards 3", "--forwards");
    check_refused(folder, "--on cpu --terms /nowhere/run.jsonl", "/nowhere/run.jsonl");
}

TEST_CASE("1,000 steps on a GPU are replayed to the same bits; where there is none, a line says so") {
    const Folder folder;
    for (const std::string type : {"", "--bfloat16 "}) {
        const Run run = folder.run("--forwards 2000 --batch 8 " + type);
        INFO(run.text);
        if (run.status == 77) {
            CHECK(run.text.starts_with("cuda_finetune: there is no CUDA device ("));
            CHECK(std::ranges::count(run.text, '\n') == 1);
        } else {
            CHECK(run.status == 0);
            CHECK(run.says("the same bits"));
            CHECK(folder.run("--replay cuda_finetune.jsonl --on gpu").status == 0);
        }
    }
}
