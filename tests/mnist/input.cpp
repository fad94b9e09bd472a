// What is read: files that make no perceptron or no digits are refused before a forward pass.

#include <files/file_error.hpp>
#include <files/safetensors.hpp>
#include <mnist/data.hpp>
#include <mnist/mlp.hpp>
#include <mnist/options.hpp>
#include <mnist/run.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Message;
using files::Safetensors;

struct Shape {
    std::size_t rows = 0;
    std::size_t columns = 0;
};

/// A perceptron of zeros with these shapes, which those of 4 hidden units are unless given.
struct Shapes {
    Shape w1{4, 784}, b1{4, 1}, w2{10, 4}, b2{10, 1};
};

Safetensors weights_of(const Shapes& shapes) {
    Safetensors weights;
    const auto add = [&](const char* name, Shape shape) {
        weights.tensors.push_back({name, shape.rows, shape.columns, std::vector<float>(shape.rows * shape.columns)});
    };
    add("fc1.weight", shapes.w1);
    add("fc1.bias", shapes.b1);
    add("fc2.weight", shapes.w2);
    add("fc2.bias", shapes.b2);
    return weights;
}

void check_refused(const Shapes& shapes, const std::string& message) {
    const Safetensors weights = weights_of(shapes);
    CHECK_THROWS_MATCHES(mnist::Mlp(weights), std::runtime_error, Message(message));
}

std::string big_endian(std::size_t number) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xFF);
    return bytes;
}

/// A folder with `train` training digits, `test` test digits and a perceptron for them; gone at the end. zlib reads what is not
/// compressed as it is.
class Folder {
public:
    Folder(std::size_t train, std::size_t test)
        : path_(fs::temp_directory_path() / ("zeroth_mnist_" + std::to_string(std::random_device()()))) {
        fs::create_directory(path_);
        write_digits("train", train);
        write_digits("t10k", test);
        const Safetensors weights = weights_of({});
        std::vector<files::TensorView> views;
        for (const auto& [name, rows, columns, values] : weights.tensors) views.push_back({name, rows, columns, values});
        files::write_safetensors(path_ / "mlp.safetensors", views);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path_); }

    fs::path images(const std::string& part) const { return path_ / (part + "-images-idx3-ubyte.gz"); }
    fs::path labels(const std::string& part) const { return path_ / (part + "-labels-idx1-ubyte.gz"); }
    mnist::Digits read(const std::string& part) const { return mnist::read_digits(images(part), labels(part)); }
    std::string string() const { return path_.string(); }

private:
    void write_digits(const std::string& part, std::size_t count) const {
        std::ofstream(images(part), std::ios::binary)
            << big_endian(0x803) + big_endian(count) + big_endian(28) + big_endian(28) + std::string(count * 784, '\x7F');
        std::ofstream(labels(part), std::ios::binary) << big_endian(0x801) + big_endian(count) + std::string(count, '\x03');
    }

    fs::path path_;
};

}  // namespace

TEST_CASE("Tensors of other shapes than the perceptron's are refused by name") {
    const Safetensors right = weights_of({});
    CHECK_NOTHROW(mnist::Mlp(right));
    const Safetensors rows = weights_of({.b1 = {1, 4}, .b2 = {1, 10}});
    CHECK_NOTHROW(mnist::Mlp(rows));
    check_refused({.w1 = {4, 783}}, "tensor fc1.weight is 4 x 783, not rows of 784");
    check_refused({.w1 = {0, 784}, .b1 = {0, 1}, .w2 = {10, 0}}, "tensor fc1.weight is 0 x 784, not rows of 784");
    check_refused({.b1 = {0, 1}}, "tensor fc1.bias is 0 x 1, not 4 numbers");
    check_refused({.b1 = {8, 1}}, "tensor fc1.bias is 8 x 1, not 4 numbers");
    check_refused({.w2 = {9, 4}, .b2 = {9, 1}}, "tensor fc2.weight is 9 x 4, not 10 x 4");
    check_refused({.w2 = {4, 10}}, "tensor fc2.weight is 4 x 10, not 10 x 4");
    check_refused({.b2 = {0, 1}}, "tensor fc2.bias is 0 x 1, not 10 numbers");
    Safetensors missing = right;
    missing.tensors.pop_back();
    CHECK_THROWS_MATCHES(mnist::Mlp(missing), std::runtime_error, Message("the model has no tensor fc2.bias"));
}

TEST_CASE("A batch's loss and what is recognised come from one forward pass") {
    Safetensors weights = weights_of({});
    weights.tensors.back().values[3] = 1;
    mnist::Mlp model(weights);
    const mnist::Mlp::Matrix images = mnist::Mlp::Matrix::Zero(4, 784);
    const std::vector<int> labels = {3, 0, 3, 9};
    const auto [loss, correct] = model.loss_and_correct(images, labels);
    CHECK(correct == 2);
    CHECK(loss == model.loss(images, labels));
}

TEST_CASE("Files without a digit are refused") {
    const Folder folder(0, 1);
    CHECK(folder.read("t10k").size() == 1);
    CHECK_THROWS_MATCHES(folder.read("train"), files::FileError, Message(folder.images("train").string() + ": header: says 0 items"));
}

TEST_CASE("Digits are found under each of their names, zipped or not") {
    const Folder folder(2, 1);
    const fs::path images = folder.images("train"), other = images.parent_path() / "train-images.idx3-ubyte";
    for (const fs::path& name : {images.parent_path() / "train-images-idx3-ubyte", other, fs::path(other.string() + ".gz"), images}) {
        fs::path now;
        for (const auto& entry : fs::directory_iterator(images.parent_path())) {
            if (entry.path().filename().string().starts_with("train-images")) now = entry.path();
        }
        fs::rename(now, name);
        INFO(name);
        CHECK(folder.read("train").size() == 2);
    }
    fs::remove(images);
    CHECK_THROWS_MATCHES(folder.read("train"), files::FileError,
                         Message(images.string() + ": there is none of the files train-images-idx3-ubyte.gz, train-images-idx3-ubyte, train-images.idx3-ubyte, train-images.idx3-ubyte.gz"));
}

TEST_CASE("Digits too few to hold some out are refused") {
    const Folder folder(9, 1);
    CHECK_THROWS_MATCHES(mnist::run({.data = folder.string(), .validation = true}), mnist::UsageError,
                         Message("--validation: needs at least 10 training digits; there are 9"));
}
