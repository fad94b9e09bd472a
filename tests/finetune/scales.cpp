// --scales: how it is read, what goes with it, and what the factors do to a run.

#include <finetune/options.hpp>
#include <finetune/tensors.hpp>
#include <finetune/text.hpp>
#include <finetune/trainer.hpp>
#include <zeroth/any/method.hpp>
#include <zeroth/parameters/block_scales.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace finetune;
namespace matchers = Catch::Matchers;

namespace {

llama::Model<float> small_model() {
    llama::Model<float> model =
        llama::Model<float>::random({.dim = 16, .hidden = 24, .layers = 3, .heads = 2, .kv_heads = 1, .vocab = 40, .sequence = 32}, 1);
    for (float& value : model.values()) value *= 3;
    return model;
}

Method method_of(const std::string& scales) {
    Method method;
    method.learning_rate = 1e-3;
    method.scales = scales;
    return method;
}

/// What the model is after two steps.
llama::Model<float> trained(const Method& method) {
    llama::Model<float> model = small_model();
    std::vector<int> tokens(300);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int>(3 + (i * i + i / 7) % 31);
    Chunks chunks;
    chunks.add_even(tokens, 16);
    TextTask task(model, 1, tokens, std::move(chunks), {.batch = 2, .length = 16}, 1);
    const std::unique_ptr<Trainer> trainer = make_trainer(model, task, method, 2, 1, 1);
    for (std::uint64_t step = 0; step < 2; ++step) {
        task.draw(step);
        CHECK(trainer->step(task).updated);
    }
    return model;
}

/// The names of the tensors in which some bit differs.
std::vector<std::string> changed(llama::Model<float> before, llama::Model<float> after) {
    std::vector<std::string> names;
    const auto old_tensors = before.tensors(), new_tensors = after.tensors();
    for (std::size_t t = 0; t < old_tensors.size(); ++t) {
        const auto values = old_tensors[t].values;
        if (std::memcmp(values.data(), new_tensors[t].values.data(), values.size_bytes()) != 0) names.push_back(old_tensors[t].name);
    }
    return names;
}

/// The factors, one after the other, each with its tensor's name.
std::vector<std::pair<std::string, double>> factors_of(const zeroth::Parameters& parameters, const std::string& scales) {
    const zeroth::Array<double> factors = zeroth::Method{.scales = scales}.scales_of(parameters);
    REQUIRE(factors.size() == parameters.blocks().size());
    std::vector<std::pair<std::string, double>> named;
    for (std::size_t b = 0; b < factors.size(); ++b) named.emplace_back(parameters.blocks()[b].name, factors[b]);
    return named;
}

bool in_layer_1(const std::string& name) { return name.starts_with("layers.1."); }

}  // namespace

TEST_CASE("Factors of tensors are read as patterns and numbers") {
    using Factors = std::vector<std::pair<std::string, double>>;
    CHECK(pattern_factors("*=0") == Factors{{"*", 0.0}});
    CHECK(pattern_factors("*wq=2,layers.0.*=0.5,final_norm=1e-2") == Factors{{"*wq", 2.0}, {"layers.0.*", 0.5}, {"final_norm", 1e-2}});
    const auto refused = [](const std::string& scales, const std::string& reason) {
        CHECK_THROWS_MATCHES(pattern_factors(scales), UsageError, matchers::Message("--scales: " + reason));
    };
    refused("", "\"\" has an empty part");
    refused("*=1,", "\"*=1,\" has an empty part");
    refused("*wq", "\"*wq\" is not none, rms or PATTERN=FACTOR");
    refused("*=1,rms", "\"rms\" is not none, rms or PATTERN=FACTOR");
    refused("=2", "\"=2\" is not none, rms or PATTERN=FACTOR");
    refused("*=", "\"\" is not a number");
    refused("*=2=3", "\"2=3\" is not a number");
    refused("*=-1", "-1 is not a factor of at least 0");
    refused("*=inf", "inf is not a factor of at least 0");
}

TEST_CASE("A tensor's factor is that of the first pattern that its name fits") {
    llama::Model<float> model = small_model();
    const zeroth::Parameters parameters = parameters_of(model, Scheme::full);
    for (const auto& [name, factor] : factors_of(parameters, "none")) CHECK(factor == 1);
    for (const auto& [name, factor] : factors_of(parameters, "layers.1.*=2,*=3")) CHECK(factor == (in_layer_1(name) ? 2 : 3));
    for (const auto& [name, factor] : factors_of(parameters, "*=3,layers.1.*=2")) CHECK(factor == 3);
    for (const auto& [name, factor] : factors_of(parameters, "layers.1.*=0")) CHECK(factor == (in_layer_1(name) ? 0 : 1));
    CHECK_THROWS_MATCHES(require_fitting_scales(parameters, "*=1,layers.3.*=2"), UsageError,
                         matchers::Message("--scales: \"layers.3.*\" fits no tensor that forward passes train"));
    const zeroth::Array<double> by_rms = zeroth::scales_by_rms(parameters);
    const auto factors = factors_of(parameters, "rms");
    for (std::size_t b = 0; b < factors.size(); ++b) CHECK(factors[b].second == by_rms[b]);
    CHECK(factors.front().second != factors.back().second);
}

TEST_CASE("Options that do not go with factors of tensors are refused") {
    const auto read = [](std::vector<const char*> words) {
        words.insert(words.begin(), "finetune");
        return read_options(static_cast<int>(words.size()), words.data());
    };
    CHECK(std::get<Options>(read({})).method.scales == "none");
    CHECK(std::get<Options>(read({"--scales", "rms", "--estimator", "forward-gradient"})).method.scales == "rms");
    CHECK(std::get<Options>(read({"--scales", "*wq=2,*=0", "--direction", "uniform"})).method.scales == "*wq=2,*=0");
    CHECK_NOTHROW(read({"--scales", "none", "--mask", "small:0.5"}));
    const auto refused = [&](std::vector<const char*> words, const std::string& message) {
        words.insert(words.end(), {"--scales", "rms"});
        CHECK_THROWS_MATCHES(read(words), UsageError, matchers::Message("--scales: " + message));
    };
    refused({"--mask", "small:0.5"}, "does not go with --mask");
    for (const char* direction : {"sphere", "pool", "lfsr", "mixed-pool", "low-rank"}) {
        refused({"--direction", direction}, "goes with --direction gaussian, rademacher or uniform");
    }
    refused({"--estimator", "coordinate"}, "does not go with --estimator coordinate");
    refused({"--estimator", "first-order"}, "does not go with --estimator first-order");
    refused({"--recommended"}, "does not go with --recommended; give the settings that it prints in its place");
    CHECK_THROWS_AS(read({"--scales", "some"}), UsageError);
}

TEST_CASE("Factors of 1 change no bit of a run") {
    for (const DirectionKind direction : {DirectionKind::gaussian, DirectionKind::rademacher, DirectionKind::uniform}) {
        for (const EstimatorKind estimator : {EstimatorKind::two_sided, EstimatorKind::fzoo}) {
            Method plain = method_of("none");
            plain.direction = direction;
            plain.estimator = estimator;
            plain.queries = 2;
            Method ones = plain;
            ones.scales = "*=1";
            CHECK(changed(trained(plain), trained(ones)).empty());
        }
    }
}

TEST_CASE("A tensor with the factor 0 keeps its bits, and the others move") {
    for (const int hybrid : {0, 1}) {
        Method method = method_of("layers.1.*=0");
        method.hybrid = hybrid;
        std::vector<std::string> expected;
        llama::Model<float> before = small_model();
        for (const auto& tensor : before.tensors()) {
            if (!in_layer_1(tensor.name)) expected.push_back(tensor.name);
        }
        CHECK(changed(before, trained(method)) == expected);
    }
}

TEST_CASE("Factors by root mean squares are those of the weights as training begins") {
    llama::Model<float> model = small_model();
    const zeroth::Parameters parameters = parameters_of(model, Scheme::full);
    const zeroth::Array<double> factors = zeroth::scales_by_rms(parameters);
    std::string list;
    for (std::size_t b = 0; b < factors.size(); ++b) {
        char digits[32];
        const char* const end = std::to_chars(digits, digits + sizeof digits, factors[b]).ptr;
        list += (b == 0 ? "" : ",") + parameters.blocks()[b].name + "=" + std::string(static_cast<const char*>(digits), end);
    }
    CHECK(changed(trained(method_of("rms")), trained(method_of(list))).empty());
    CHECK(!changed(trained(method_of("rms")), trained(method_of("none"))).empty());
}

TEST_CASE("Under a hybrid the patterns are of what forward passes train") {
    Method method = method_of("layers.2.*=2");
    CHECK_NOTHROW(trained(method));
    method.hybrid = 1;
    CHECK_THROWS_MATCHES(trained(method), UsageError, matchers::Message("--scales: \"layers.2.*\" fits no tensor that forward passes train"));
}
