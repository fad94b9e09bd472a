// Forward and backward passes against the formulas written out, and against finite differences.

#include "dense_model.hpp"
#include "doubles.hpp"

#include <llama/generate.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {
std::atomic<std::size_t> allocations = 0;
}  // namespace

// Eigen's memory comes from malloc, not from operator new. Clang's OpenMP, too, takes some for each parallel region.
#if defined(__GLIBC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ZEROTH_TEST_COUNTS_MALLOC
extern "C" void* __libc_malloc(std::size_t size);
extern "C" [[gnu::noinline]] void* malloc(std::size_t size) noexcept {
    ++allocations;
    return __libc_malloc(size);
}
#endif

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

/// Wider than the tiles that products and the classifier work in, and longer than a group of sequences.
llama::Config wide(bool tied) {
    return {.dim = 140, .hidden = 270, .layers = 1, .heads = 5, .kv_heads = 1, .vocab = 530, .sequence = 140, .tied = tied};
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

    explicit Texts(const std::vector<int>& lengths, int vocab = small(true).vocab) {
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

TEST_CASE("The forward pass is the decoder's formulas where it works in tiles and groups") {
    const Texts texts({30, 141, 2, 100, 7}, wide(true).vocab);
    for (const bool tied : {true, false}) {
        const llama::Model<double> model = model_of(wide(tied));
        const DenseModel dense(model);
        llama::Forward<double> forward(model, 2);
        std::vector<double> sums(texts.sequences.size());
        forward.log_probabilities(texts.sequences, sums);
        double mean = 0;
        for (std::size_t i = 0; i < sums.size(); ++i) {
            const double expected = dense.log_probability(texts.sequences[i]);
            CHECK(std::abs(sums[i] - expected) < 1e-12 * std::abs(expected));
            mean -= expected / static_cast<double>(30 - 4 + 141 - 4 + 1 + 100 - 4 + 6);
        }
        CHECK(std::abs(forward.loss(texts.sequences) - mean) < 1e-12 * mean);
        const llama::Model<float> narrow(model);
        llama::Forward<float> narrow_forward(narrow, 2);
        CHECK(std::abs(static_cast<double>(narrow_forward.loss(texts.sequences)) - mean) < 1e-5 * mean);
    }
}

TEST_CASE("The loss is the same with any number of threads, and a sequence's the same in any batch") {
    const llama::Model<float> model(model_of(small(true)));
    std::vector<int> lengths(30, 39);
    for (std::size_t i = 0; i < lengths.size(); i += 3) lengths[i] = 2 + static_cast<int>(i);
    const Texts texts(lengths);
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
    const auto log_probabilities = [&](const std::vector<int>& text) {  // [i]: of token i, after those before it
        std::vector<double> from(static_cast<std::size_t>(model.config().sequence) + 2), single(from.size());
        for (std::size_t i = text.size() - 1; i > 0; --i) {
            const llama::Sequence sequence{text, static_cast<int>(i)};
            forward.log_probabilities({&sequence, 1}, {&from[i], 1});
            single[i] = from[i] - from[i + 1];
        }
        return single;
    };
    const std::vector<int> text = Texts({40}).tokens[0];
    const std::vector<double> expected = log_probabilities(text);
    for (const std::size_t changed : {5u, 12u, 16u, 31u, 39u}) {
        std::vector<int> other = text;
        other[changed] = (other[changed] + 1) % model.config().vocab;
        const std::vector<double> found = log_probabilities(other);
        for (std::size_t i = 1; i < changed; ++i) CHECK(std::abs(found[i] - expected[i]) < 1e-12);
        for (std::size_t i = changed; i < text.size(); ++i) CHECK(std::abs(found[i] - expected[i]) > 1e-9);
        const std::vector<double> shorter = log_probabilities({text.begin(), text.begin() + static_cast<std::ptrdiff_t>(changed)});
        for (std::size_t i = 1; i < changed; ++i) CHECK(std::abs(shorter[i] - expected[i]) < 1e-12);
    }
}

TEST_CASE("Large logits, scores and gates do not overflow") {
    llama::Model<double> model = model_of(wide(false));
    const auto enlarge = [](std::span<double> weights) {
        for (double& weight : weights) weight *= 1e4;
    };
    enlarge(model.classifier());
    enlarge(model.layer(0).wq);
    enlarge(model.layer(0).w1);
    const Texts texts({30, 12, 140}, model.config().vocab);
    const double expected = DenseModel(model).loss(texts.sequences);
    REQUIRE(expected > 1e4);
    llama::Forward<double> forward(model);
    CHECK(std::abs(forward.loss(texts.sequences) - expected) < 1e-9 * expected);

    const llama::Model<float> narrow(model);
    llama::Forward<float> narrow_forward(narrow);
    const double loss = static_cast<double>(narrow_forward.loss(texts.sequences));
    CHECK(std::abs(loss - expected) < 1e-2 * expected);
    llama::Backward<float> backward(narrow);
    llama::Model<float> gradients(narrow.config());
    CHECK(std::abs(static_cast<double>(backward.loss_and_gradient(texts.sequences, gradients)) - loss) < 1e-5 * loss);
    CHECK(std::ranges::all_of(gradients.values(), [](float value) { return std::isfinite(value); }));
}

TEST_CASE("Once it has seen a batch, a forward pass allocates nothing") {
#ifdef ZEROTH_TEST_COUNTS_MALLOC
    const std::size_t none = allocations;
    const llama::Matrix<float> matrix = llama::Matrix<float>::Zero(3, 3);
    const float* const volatile escaped = matrix.data();  // or the compiler may do without the memory
    REQUIRE(*escaped == 0);
    REQUIRE(allocations > none);
#endif
    for (const llama::Config& config : {small(true), wide(false)}) {
        const llama::Model<float> model(model_of(config));
        const Texts texts(std::vector<int>(20, 41));
        for (const int threads : {1, 2}) {
            llama::Forward<float> forward(model, threads);
            forward.loss(texts.sequences);
            const std::size_t before = allocations;
            for (int i = 0; i < 5; ++i) forward.loss(texts.sequences);
            forward.loss({texts.sequences.data(), 9});
            CHECK(allocations == before);
        }
    }
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
        llama::Model<double> gradients(model.config());
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

TEST_CASE("Back-propagation agrees with central differences where it works in tiles, groups and threads") {
    const Texts texts({30, 141, 2, 100, 7}, wide(true).vocab);
    for (const bool tied : {true, false}) {
        llama::Model<double> model = model_of(wide(tied));
        llama::Forward<double> forward(model, 2);
        const double loss = forward.loss(texts.sequences);
        llama::Model<double> gradients(model.config()), other(model.config());
        llama::Backward<double>(model, 1).loss_and_gradient(texts.sequences, gradients);
        const double largest = std::abs(*std::ranges::max_element(gradients.values(), {}, [](double value) { return std::abs(value); }));
        for (const int threads : {2, 3}) {
            llama::Backward<double> backward(model, threads);
            std::ranges::fill(other.values(), 1e6);  // what was there does not stay
            CHECK(std::abs(backward.loss_and_gradient(texts.sequences, other) - loss) < 1e-12 * loss);
            double apart = 0;
            for (std::size_t i = 0; i < other.values().size(); ++i) apart = std::max(apart, std::abs(other.values()[i] - gradients.values()[i]));
            CHECK(apart < 1e-12 * largest);
            const std::vector<double> first(other.values().begin(), other.values().end());
            backward.loss_and_gradient(texts.sequences, other);
            CHECK(std::ranges::equal(first, other.values()));
        }
        const auto tensors = model.tensors();
        const auto gradient_tensors = gradients.tensors();
        std::mt19937 bits(8);
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            INFO(tensors[t].name);
            const std::vector<double> centre(tensors[t].values.begin(), tensors[t].values.end());
            std::vector<double> direction(centre.size());
            double slope = 0, norm = 0;
            for (std::size_t i = 0; i < centre.size(); ++i) {
                direction[i] = (bits() % 2 != 0 ? 1 : -1) / std::sqrt(static_cast<double>(centre.size()));
                slope += direction[i] * gradient_tensors[t].values[i];
                norm += gradient_tensors[t].values[i] * gradient_tensors[t].values[i];
            }
            const auto loss_at = [&](double step) {
                for (std::size_t i = 0; i < centre.size(); ++i) tensors[t].values[i] = centre[i] + step * direction[i];
                return forward.loss(texts.sequences);
            };
            const double step = 1e-4, difference = (loss_at(step) - loss_at(-step)) / (2 * step);
            loss_at(0);
            REQUIRE(std::abs(slope) > 1e-6 * std::sqrt(norm));
            CHECK(std::abs(difference - slope) < 1e-8 + 1e-4 * std::abs(slope));
        }
    }
}

TEST_CASE("Back-propagation refuses what it cannot work on") {
    const llama::Model<double> model = model_of(small(true));
    llama::Backward<double> backward(model);
    llama::Model<double> gradients(model.config()), foreign(small(false));
    const Texts texts({9});
    CHECK(refusal([&] { backward.loss_and_gradient({}, gradients); }) == "the batch is empty");
    CHECK(refusal([&] { backward.loss_and_gradient(texts.sequences, foreign); }) == "the gradients have another shape than the model");
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
