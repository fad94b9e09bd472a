#include <mnist/data.hpp>
#include <mnist/options.hpp>
#include <mnist/training.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace {

using files::Safetensors;

/// A perceptron with 4 hidden units and numbers from -0.1 to 0.1.
Safetensors small_weights() {
    std::minstd_rand random;
    Safetensors weights;
    const auto add = [&](const std::string& name, std::size_t rows, std::size_t columns) {
        Safetensors::Tensor tensor{name, rows, columns, std::vector<float>(rows * columns)};
        for (float& value : tensor.values) value = static_cast<float>(random() % 1000) / 5000 - 0.1f;
        weights.tensors.push_back(std::move(tensor));
    };
    add("fc1.weight", 4, 784);
    add("fc1.bias", 4, 1);
    add("fc2.weight", 10, 4);
    add("fc2.bias", 10, 1);
    return weights;
}

mnist::Digits small_digits(std::size_t count) {
    std::minstd_rand random;
    mnist::Digits digits;
    for (std::size_t i = 0; i < count; ++i) digits.labels.push_back(static_cast<int>(i % 10));
    for (std::size_t i = 0; i < count * 784; ++i) digits.pixels.push_back(static_cast<float>(random() % 256) / 255);
    return digits;
}

/// The names of the tensors in which some bit differs.
std::vector<std::string> changed(const Safetensors& before, const Safetensors& after) {
    std::vector<std::string> names;
    for (const Safetensors::Tensor& tensor : before.tensors) {
        if (after.find(tensor.name)->values != tensor.values) names.push_back(tensor.name);
    }
    return names;
}

Safetensors trained(const mnist::Method& method) {
    Safetensors weights = small_weights();
    const mnist::Digits digits = small_digits(20);
    CHECK(mnist::train({.method = method, .batch = 5}, 3, weights, digits).steps == 3);
    return weights;
}

}  // namespace

TEST_CASE("Only the tensors that are named are trained") {
    CHECK(changed(small_weights(), trained({.trained = {"fc2.weight"}})) == std::vector<std::string>{"fc2.weight"});
}

TEST_CASE("A tensor whose perturbation is scaled by 0 stays as it is") {
    const Safetensors after = trained({.scales = {{"fc1.weight", 0.0}, {"fc2.bias", 0.0}}});
    CHECK(changed(small_weights(), after) == std::vector<std::string>{"fc1.bias", "fc2.weight"});
}

TEST_CASE("Each option of the method reaches the weights") {
    const Safetensors usual = trained({});
    CHECK(changed(usual, trained({})).empty());
    CHECK(changed(usual, trained({.scales = {{"fc1.weight", 1.0}}})).empty());
    CHECK(changed(usual, trained({.estimator = mnist::EstimatorKind::two_sided})).size() == 4);
    CHECK(changed(usual, trained({.direction = mnist::DirectionKind::gaussian})).size() == 4);
    CHECK(changed(usual, trained({.direction = mnist::DirectionKind::low_rank})).size() == 4);
    CHECK(changed(usual, trained({.queries = 4})).size() == 4);
    CHECK(changed(usual, trained({.schedule = mnist::ScheduleKind::constant})).size() == 4);
    CHECK(changed(usual, trained({.momentum = 0.5})).size() == 4);
    CHECK(changed(usual, trained({.normalize = true})).size() == 4);
    CHECK(changed(usual, trained({.scales = {{"fc1.weight", 2.0}}})).size() == 4);
}

TEST_CASE("Digits are split between two images") {
    mnist::Digits digits = small_digits(5);
    const mnist::Digits all = digits;
    const mnist::Digits last = digits.split_off(2);
    CHECK(digits.labels == std::vector<int>{0, 1, 2});
    CHECK(last.labels == std::vector<int>{3, 4});
    CHECK(digits.pixels == std::vector<float>(all.pixels.begin(), all.pixels.begin() + 3 * 784));
    CHECK(last.pixels == std::vector<float>(all.pixels.begin() + 3 * 784, all.pixels.end()));
}
