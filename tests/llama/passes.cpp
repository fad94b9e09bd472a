// Forward and backward passes against the formulas written out, and against finite differences.

#include "dense_model.hpp"

#include <llama/backward.hpp>
#include <llama/forward.hpp>
#include <llama/generate.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <random>
#include <stdexcept>
#include <vector>

namespace {
std::atomic<std::size_t> allocations = 0;
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size != 0 ? size : 1)) return memory;
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

llama::Config small(bool tied, int kv_heads = 2) {
    return {.dim = 24, .hidden = 20, .layers = 2, .heads = 4, .kv_heads = kv_heads, .vocab = 37, .sequence = 40, .tied = tied};
}

/// Weights large enough that no part of the model is near linear, or near 0.
llama::Model<double> model_of(const llama::Config& config) {
    llama::Model<double> model = llama::Model<double>::random(config, 5);
    for (const auto& tensor : model.tensors()) {
        const bool norm = tensor.name.ends_with("norm");
        for (std::size_t i = 0; i < tensor.values.size(); ++i) tensor.values[i] = norm ? 0.7 + 0.05 * static_cast<double>(i % 11) : 12 * tensor.values[i];
    }
    return model;
}

/// Sequences of several lengths; the longer ones do not count their first targets.
struct Texts {
    std::vector<std::vector<int>> tokens;
    std::vector<llama::Sequence> sequences;

    explicit Texts(const std::vector<int>& lengths, int vocab = 37) {
        std::mt19937 bits(3);
        for (const int length : lengths) {
            tokens.emplace_back();
            for (int i = 0; i < length; ++i) tokens.back().push_back(static_cast<int>(bits() % static_cast<unsigned>(vocab)));
        }
        for (const auto& text : tokens) sequences.push_back({text, text.size() > 8 ? 4 : 1});
    }
};

template <class Call>
std::string refusal(Call call) {
    try {
        call();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("The forward pass is the decoder's formulas") {
    const Texts texts({2, 9, 41, 40, 3, 17, 33, 2});
    for (const int kv_heads : {1, 2, 4}) {
        for (const bool tied : {true, false}) {
            const llama::Model<double> model = model_of(small(tied, kv_heads));
            const DenseModel dense(model);
            llama::Forward<double> forward(model);
            CHECK(std::abs(forward.loss(texts.sequences) - dense.loss(texts.sequences)) < 1e-12 * 10);
            std::vector<double> sums(texts.sequences.size());
            forward.log_probabilities(texts.sequences, sums);
            for (std::size_t i = 0; i < sums.size(); ++i) CHECK(std::abs(sums[i] - dense.log_probability(texts.sequences[i])) < 1e-10);

            const llama::Model<float> narrow(model);
            llama::Forward<float> narrow_forward(narrow);
            CHECK(std::abs(static_cast<double>(narrow_forward.loss(texts.sequences)) - dense.loss(texts.sequences)) < 2e-5);
        }
    }
}

TEST_CASE("The loss is the same with any number of threads, and a sequence's the same in any batch") {
    const llama::Model<float> model(model_of(small(true)));
    const Texts texts(std::vector<int>(30, 39));
    llama::Forward<float> one(model, 1);
    std::vector<llama::Forward<float>::Sum> expected(30);
    one.log_probabilities(texts.sequences, expected);
    for (const int threads : {2, 3, 7}) {
        llama::Forward<float> forward(model, threads);
        std::vector<llama::Forward<float>::Sum> sums(30);
        forward.log_probabilities(texts.sequences, sums);
        CHECK(sums == expected);
        CHECK(forward.loss(texts.sequences) == one.loss(texts.sequences));
    }
    for (std::size_t i = 0; i < 30; ++i) {
        llama::Forward<float>::Sum alone = 0;
        one.log_probabilities({&texts.sequences[i], 1}, {&alone, 1});
        CHECK(std::abs(alone - expected[i]) < 1e-4 * std::abs(expected[i]));
    }
}

TEST_CASE("No position sees a later token") {
    const llama::Model<double> model = model_of(small(false));
    llama::Forward<double> forward(model);
    Texts texts({20, 20});
    texts.tokens[1] = texts.tokens[0];
    texts.tokens[1][12] = (texts.tokens[1][12] + 1) % 37;
    const auto first = [&](int text, std::size_t count) {
        const llama::Sequence sequence{std::span{texts.tokens[static_cast<std::size_t>(text)]}.first(count)};
        return forward.loss({&sequence, 1});
    };
    CHECK(first(0, 12) == first(1, 12));
    CHECK(first(0, 13) != first(1, 13));
    // What is written after the position does not change what is predicted there, whatever is counted.
    std::vector<int> longer = texts.tokens[0];
    for (std::size_t i = 12; i < longer.size(); ++i) longer[i] = 5;
    DenseModel dense(model);
    const auto before = dense.logits(texts.tokens[0]), after = dense.logits(longer);
    CHECK(before[11] == after[11]);
    CHECK(before[12] != after[12]);
}

TEST_CASE("A softmax of large logits does not overflow") {
    llama::Model<float> model(model_of(small(false)));
    for (float& value : model.classifier()) value *= 1e4f;
    for (int index = 0; index < 2; ++index) {
        for (float& value : model.layer(index).wq) value *= 1e4f;
    }
    const Texts texts({30, 12});
    llama::Forward<float> forward(model);
    const double loss = static_cast<double>(forward.loss(texts.sequences));
    CHECK(std::isfinite(loss));
    CHECK(loss > 100);
    llama::Backward<float> backward(model);
    llama::Gradients<float> gradients(model.config());
    CHECK(std::abs(static_cast<double>(backward.loss_and_gradient(texts.sequences, gradients)) - loss) < 1e-3 * loss);
    CHECK(std::ranges::all_of(gradients.values(), [](float value) { return std::isfinite(value); }));
}

TEST_CASE("Once it has seen a batch, a forward pass allocates nothing") {
    const llama::Model<float> model(model_of(small(true)));
    const Texts texts(std::vector<int>(20, 41));
    llama::Forward<float> forward(model, 2);
    forward.loss(texts.sequences);
    const std::size_t before = allocations;
    for (int i = 0; i < 5; ++i) forward.loss(texts.sequences);
    forward.loss({texts.sequences.data(), 3});
    CHECK(allocations == before);
}

TEST_CASE("A batch that cannot be read is refused with its place") {
    const llama::Model<double> model = model_of(small(true));
    llama::Forward<double> forward(model);
    const std::vector<int> fine(5, 1), single(1, 1), longer(42, 1), foreign{1, 2, 37, 3}, negative{1, -1};
    const auto refused = [&](const llama::Sequence& sequence) {
        const std::vector<llama::Sequence> batch{{fine}, sequence};
        return refusal([&] { forward.loss(batch); });
    };
    CHECK(refused({fine}) == "");
    CHECK(refused({single}) == "sequence 1 has fewer than two tokens");
    CHECK(refused({longer}) == "sequence 1 has 41 inputs, more than the model's 40");
    CHECK(refused({foreign}) == "sequence 1 holds token 37, outside 0..36");
    CHECK(refused({negative}) == "sequence 1 holds token -1, outside 0..36");
    CHECK(refused({fine, 0}) == "sequence 1 has its first target at 0, outside 1..4");
    CHECK(refused({fine, 5}) == "sequence 1 has its first target at 5, outside 1..4");
    CHECK(refusal([&] { forward.loss({}); }) == "the batch is empty");
}

TEST_CASE("Back-propagation agrees with central differences in every tensor") {
    const Texts texts({9, 3, 14, 2});
    for (const bool tied : {true, false}) {
        llama::Model<double> model = model_of(small(tied));
        llama::Forward<double> forward(model, 1);
        llama::Gradients<double> gradients(model.config());
        for (const int threads : {1, 2}) {
            llama::Backward<double> backward(model, threads);
            CHECK(std::abs(backward.loss_and_gradient(texts.sequences, gradients) - forward.loss(texts.sequences)) < 1e-12);
        }
        const auto tensors = model.tensors();
        const auto gradient_tensors = gradients.tensors();
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            INFO(tensors[t].name);
            double largest = 0;
            for (const double value : gradient_tensors[t].values) largest = std::max(largest, std::abs(value));
            CHECK(largest > 1e-4);
            const std::size_t stride = std::max<std::size_t>(1, tensors[t].values.size() / 40);
            for (std::size_t i = 0; i < tensors[t].values.size(); i += stride) {
                double& weight = tensors[t].values[i];
                const double centre = weight, step = 1e-5;
                weight = centre + step;
                const double above = forward.loss(texts.sequences);
                weight = centre - step;
                const double below = forward.loss(texts.sequences);
                weight = centre;
                REQUIRE(std::abs((above - below) / (2 * step) - gradient_tensors[t].values[i]) < 1e-8 + 1e-6 * largest);
            }
        }
    }
}

TEST_CASE("Reading token by token gives the logits of the whole") {
    const llama::Model<double> model = model_of(small(false, 1));
    const Texts texts({40});
    const auto expected = DenseModel(model).logits(texts.tokens[0]);
    llama::Generator<double> generator(model);
    for (int round = 0; round < 2; ++round) {
        for (std::size_t t = 0; t < 40; ++t) {
            const auto logits = generator.step(texts.tokens[0][t]);
            for (std::size_t i = 0; i < logits.size(); ++i) REQUIRE(std::abs(logits[i] - expected[t][i]) < 1e-10);
        }
        CHECK(generator.full());
        CHECK_THROWS_AS(generator.step(1), std::length_error);
        generator.reset();
    }
    CHECK_THROWS_AS(generator.step(37), std::invalid_argument);
    const std::size_t before = allocations;
    generator.step(3);
    CHECK(allocations == before);
}

TEST_CASE("Generation takes the likeliest token at temperature 0, and draws by the softmax otherwise") {
    const llama::Model<double> model = model_of(small(true));
    llama::Generator<double> generator(model);
    const std::vector<int> prompt{1, 7};
    const std::vector<int> greedy = llama::generate(generator, prompt, {.tokens = 12});
    CHECK(greedy == llama::generate(generator, prompt, {.tokens = 12, .seed = 9}));
    std::vector<int> text = prompt;
    for (const int token : greedy) {
        const auto logits = DenseModel(model).logits(text).back();
        CHECK(token == std::ranges::max_element(logits) - logits.begin());
        text.push_back(token);
    }
    const llama::GenerateSettings warm{.tokens = 12, .temperature = 2, .seed = 9};
    CHECK(llama::generate(generator, prompt, warm) == llama::generate(generator, prompt, warm));
    CHECK(llama::generate(generator, prompt, warm) != greedy);

    const std::vector<double> logits{1000, 1000 + std::log(3.0), -1000};
    constexpr int draws = 4000;
    int second = 0;
    for (int i = 0; i < draws; ++i) {
        const int token = llama::sample<double>(logits, 1, (i + 0.5) / draws);
        REQUIRE(token < 2);
        second += token;
    }
    CHECK(std::abs(second - draws * 3 / 4) <= 1);
    CHECK(llama::sample<double>(logits, 1e-9, 0.9) == 1);
    CHECK_THROWS_AS(llama::generate(generator, std::vector<int>{}, {}), std::invalid_argument);
    CHECK_THROWS_AS(llama::generate(generator, prompt, {.temperature = -1}), std::invalid_argument);
}
