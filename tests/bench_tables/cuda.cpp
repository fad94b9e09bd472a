#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace {

namespace fs = std::filesystem;

/// A folder, gone at the end.
class Folder {
  public:
    Folder() : path_{fs::temp_directory_path() / ("zeroth_bench_tables_" + std::to_string(std::random_device{}()))} {
        fs::create_directory(path_);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path_); }

    void run(const std::string& arguments) const {
        const std::string command = "cd '" + path_.string() + "' && '" BENCH_TABLES_PROGRAM "' " + arguments + " > output.txt 2>&1";
        REQUIRE(std::system(command.c_str()) == 0);
    }
    void write(const char* name, const std::string& text) const { std::ofstream{path_ / name} << text; }
    [[nodiscard]] bool has(const char* name) const { return fs::exists(path_ / name); }
    [[nodiscard]] std::string page() const {
        std::ifstream stream{path_ / "cuda.md"};
        return {std::istreambuf_iterator<char>{stream}, {}};
    }

  private:
    fs::path path_;
};

bool says(const std::string& page, const std::string& row) { return page.find(row + '\n') != std::string::npos; }

constexpr const char* results = R"({"context": {"device": "a device, CUDA 13.0"}, "benchmarks": [
{"name": "cuda_displace<Rademacher, float>/iterations:51/manual_time", "ns_element": 0.002, "x_copy": 1.25, "bytes_element": 4, "spread": 0.01},
{"name": "cuda_displace<Gaussian, bfloat16>/iterations:51/manual_time", "ns_element": 0.001, "x_copy": 1.25, "bytes_element": 2, "spread": 0.02},
{"name": "cuda_small<Gaussian>/iterations:301/manual_time", "elements": 819200, "ns_element": 0.02, "one_ns_element": 0.016, "x_one": 1.25, "spread": 0}
]})";

} // namespace

TEST_CASE("The page of a GPU says what was not measured") {
    const Folder folder;
    folder.run("--cuda .");
    const std::string page = folder.page();
    CHECK(says(page, "| Rademacher | float | not measured | not measured | 0.95 |  |"));
    CHECK(says(page, "| Gaussian | bfloat16 | not measured | not measured | 0.70 |  |"));
    CHECK(page.find("No device has been measured") != std::string::npos);
}

TEST_CASE("The page of a GPU has shares of the copy beside their goals") {
    const Folder folder;
    folder.write("cuda.json", results);
    folder.run("--cuda . cuda.json");
    const std::string page = folder.page();
    CHECK(page.find("a device, CUDA 13.0. On a machine") != std::string::npos);
    CHECK(says(page, "| Rademacher | float | 4000 | 0.800 | 0.95 **missed** | 0.01 |"));
    CHECK(says(page, "| Gaussian | bfloat16 | 4000 | 0.800 | 0.70 met | 0.02 |"));
    CHECK(says(page, "| Uniform | float | not measured | not measured | 0.95 |  |"));
    CHECK(says(page, "| Gaussian | 16.4 | 13.1 | 1.25 | 1.2 **missed** | 0.00 |"));
}

TEST_CASE("A GPU's figures are not replaced where none was measured") {
    const Folder folder;
    folder.write("none.json", R"({"context": {}, "benchmarks": []})");
    folder.run(". none.json");
    CHECK_FALSE(folder.has("cuda.md"));
    CHECK(folder.has("kernels.md"));
    folder.write("cuda.json", results);
    folder.run(". none.json cuda.json");
    CHECK(folder.has("cuda.md"));
}
