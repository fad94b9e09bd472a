// LoRA, prefix and prompt against the model without them, gradients of parts, and passes that begin at the first changed layer.

#include "doubles.hpp"

#include <llama/adapters.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

namespace {

constexpr int vocab = 37;

llama::Config small(bool tied = true) {
    return {.dim = 24, .hidden = 20, .layers = 3, .heads = 4, .kv_heads = 2, .vocab = vocab, .sequence = 170, .tied = tied};
}

llama::Model<double> model_of(const llama::Config& config) {
    llama::Model<double> model = llama::Model<double>::random(config, 5);
    for (const auto& tensor : model.tensors()) {
        const bool norm = tensor.name.ends_with("norm");
        for (std::size_t i = 0; i < tensor.values.size(); ++i) tensor.values[i] = norm ? 0.7 + 0.05 * static_cast<double>(i % 11) : 12 * tensor.values[i];
    }
    return model;
}

std::vector<int> tokens_of(int length, unsigned seed) {
    std::mt19937 bits(seed);
    std::vector<int> tokens;
    for (int i = 0; i < length; ++i) tokens.push_back(static_cast<int>(bits() % vocab));
    return tokens;
}

/// Adapters of every kind, none of them zero.
llama::Model<double> adapted_model(bool tied) {
    llama::Model<double> model = model_of(small(tied));
    llama::add_adapters(model, {.rank = 3, .alpha = 5, .prefix = 4, .prompt = 6}, tokens_of(6, 2), 1);
    std::mt19937 bits(9);
    for (double& value : model.adapter_values()) value += 0.2 * (static_cast<double>(bits()) * 0x1p-32 - 0.5);
    return model;
}

struct Texts {
    std::vector<std::vector<int>> tokens;
    std::vector<llama::Sequence> sequences;

    explicit Texts(const std::vector<int>& lengths) {
        for (const int length : lengths) tokens.push_back(tokens_of(length, static_cast<unsigned>(3 + length)));
        for (const auto& text : tokens) sequences.push_back({text, text.size() > 8 ? 4 : 1});
    }
};

void check_differences(llama::Model<double>& model, const std::vector<llama::Tensor<double>>& tensors, const std::vector<llama::Tensor<double>>& gradients,
                       const Texts& texts) {
    llama::Forward<double> forward(model, 1);
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        INFO(tensors[t].name);
        REQUIRE(tensors[t].name == gradients[t].name);
        double largest = 0;
        for (const double value : gradients[t].values) largest = std::max(largest, std::abs(value));
        CHECK(largest > 1e-5);
        const std::size_t stride = std::max<std::size_t>(1, tensors[t].values.size() / 20);
        for (std::size_t i = 0; i < tensors[t].values.size(); i += stride) {
            double& weight = tensors[t].values[i];
            const double centre = weight, step = 1e-5;
            weight = centre + step;
            const double above = forward.loss(texts.sequences);
            weight = centre - step;
            const double below = forward.loss(texts.sequences);
            weight = centre;
            REQUIRE(std::abs((above - below) / (2 * step) - gradients[t].values[i]) < 1e-8 + 1e-6 * largest);
        }
    }
}

}  // namespace

TEST_CASE("LoRA begins without effect, and merged it is the weights' own") {
    llama::Model<double> model = model_of(small());
    const Texts texts({9, 40, 2});
    const double before = llama::Forward<double>(model, 1).loss(texts.sequences);
    llama::add_adapters(model, {.rank = 3, .alpha = 5}, {}, 1);
    CHECK(model.adapter_values().size() == 3u * (3 * (3 * 24 + 12)));
    CHECK(llama::Forward<double>(model, 1).loss(texts.sequences) == before);
    std::mt19937 bits(9);
    for (double& value : model.adapter_values()) value += 0.5 * (static_cast<double>(bits()) * 0x1p-32 - 0.5);
    const double adapted = llama::Forward<double>(model, 1).loss(texts.sequences);
    CHECK(std::abs(adapted - before) > 1e-3);

    llama::Generator<double> reader(model);
    std::vector<double> logits;
    for (const int token : texts.tokens[0]) {
        const auto next = reader.step(token);
        logits.assign(next.begin(), next.end());
    }
    llama::merge_lora(model);
    CHECK(model.adapter_values().empty());
    CHECK(std::abs(llama::Forward<double>(model, 1).loss(texts.sequences) - adapted) < 1e-12);
    llama::Generator<double> merged(model);
    std::span<const double> next;
    for (const int token : texts.tokens[0]) next = merged.step(token);
    for (std::size_t i = 0; i < logits.size(); ++i) REQUIRE(std::abs(next[i] - logits[i]) < 1e-12);
}

TEST_CASE("A prefix or a prompt made from tokens is those tokens read before the text") {
    const std::vector<int> first = tokens_of(11, 21);
    const Texts texts({9, 30, 120, 2});
    for (const llama::Adapters adapters : {llama::Adapters{.prefix = 5}, llama::Adapters{.prompt = 11}, llama::Adapters{.prefix = 3, .prompt = 2}}) {
        llama::Model<double> model = model_of(small());
        std::vector<std::vector<int>> longer;
        std::vector<llama::Sequence> sequences;
        for (const llama::Sequence& sequence : texts.sequences) {
            std::vector<int> tokens(first.begin(), first.begin() + adapters.prefix);
            tokens.insert(tokens.end(), first.begin(), first.begin() + adapters.prompt);
            tokens.insert(tokens.end(), sequence.tokens.begin(), sequence.tokens.end());
            longer.push_back(tokens);
        }
        for (std::size_t i = 0; i < longer.size(); ++i) sequences.push_back({longer[i], adapters.virtual_tokens() + texts.sequences[i].first_target});
        std::vector<double> expected(sequences.size()), found(sequences.size());
        llama::Forward<double>(model, 2).log_probabilities(sequences, expected);
        llama::Generator<double> whole(model);
        std::span<const double> wanted;
        for (const int token : longer[0]) wanted = whole.step(token);

        llama::add_adapters(model, adapters, first, 1);
        llama::Forward<double>(model, 2).log_probabilities(texts.sequences, found);
        for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(std::abs(found[i] - expected[i]) < 1e-11);
        llama::Generator<double> reader(model);
        std::span<const double> logits;
        for (int time = 0; time < 2; ++time) {
            reader.reset();
            for (const int token : texts.tokens[0]) logits = reader.step(token);
            for (std::size_t i = 0; i < logits.size(); ++i) REQUIRE(std::abs(logits[i] - wanted[i]) < 1e-11);
        }
    }
}

TEST_CASE("Adapters that do not fit are refused") {
    llama::Model<double> model = model_of(small());
    CHECK_THROWS_AS(llama::add_adapters(model, {.rank = 25}, {}, 1), std::invalid_argument);
    CHECK_THROWS_AS(llama::add_adapters(model, {.prefix = 5}, tokens_of(4, 1), 1), std::invalid_argument);
    CHECK_THROWS_AS(llama::add_adapters(model, {.prefix = 100, .prompt = 70}, tokens_of(100, 1), 1), std::invalid_argument);
    llama::add_adapters(model, {.prefix = 5}, tokens_of(5, 1), 1);
    CHECK_THROWS_AS(llama::merge_lora(model), std::invalid_argument);
    const std::vector<int> long_text = tokens_of(167, 1);
    const std::vector<llama::Sequence> sequences = {{long_text, 1}};
    CHECK_THROWS_AS(llama::Forward<double>(model, 1).loss(sequences), std::invalid_argument);
}

TEST_CASE("Back-propagation agrees with central differences in adapters and weights together") {
    const Texts texts({9, 3, 126, 14, 2});
    for (const bool tied : {true, false}) {
        llama::Model<double> model = adapted_model(tied);
        llama::Model<double> gradients(model.config(), model.adapters());
        llama::Backward<double> backward(model, 2);
        CHECK(std::abs(backward.loss_and_gradient(texts.sequences, gradients) - llama::Forward<double>(model, 1).loss(texts.sequences)) < 1e-12);
        check_differences(model, model.adapter_tensors(), gradients.adapter_tensors(), texts);
        check_differences(model, model.tensors(), gradients.tensors(), texts);
    }
}

TEST_CASE("Gradients of some tensors are those of all, and back-propagation ends at the lowest") {
    const Texts texts({9, 3, 126, 14, 2});
    llama::Model<double> model = adapted_model(false);
    llama::Model<double> all(model.config(), model.adapters()), some(model.config(), model.adapters());
    llama::Backward<double> backward(model, 2);
    backward.loss_and_gradient(texts.sequences, all);
    CHECK(llama::Gradients<double>(all).lowest() == -1);
    const std::vector<std::pair<std::vector<std::string>, int>> cases = {{{"classifier"}, 3},
                                                                         {{"final_norm", "layers.2.wq"}, 2},
                                                                         {{"layers.2.lora_bv", "layers.1.ffn_norm"}, 1},
                                                                         {{"layers.0.prefix_keys"}, 0},
                                                                         {{"prompt"}, -1}};
    for (const auto& [names, lowest] : cases) {
        for (double& value : some.values()) value = 7;
        for (double& value : some.adapter_values()) value = 7;
        llama::Gradients<double> wanted(model.config());
        const auto each = [&](auto visit) {
            auto tensors = some.tensors(), whole = all.tensors();
            const auto more = some.adapter_tensors(), more_whole = all.adapter_tensors();
            tensors.insert(tensors.end(), more.begin(), more.end());
            whole.insert(whole.end(), more_whole.begin(), more_whole.end());
            for (std::size_t t = 0; t < tensors.size(); ++t) visit(tensors[t], whole[t], std::ranges::count(names, tensors[t].name) != 0);
        };
        each([&](const auto& tensor, const auto&, bool is_wanted) {
            if (is_wanted) REQUIRE(wanted.set(tensor.name, tensor.values));
        });
        CHECK(wanted.lowest() == lowest);
        for (const int threads : {1, 2}) {
            llama::Backward<double>(model, threads).loss_and_gradient(texts.sequences, wanted);
            each([&](const auto& tensor, const auto& whole, bool is_wanted) {
                for (std::size_t i = 0; i < tensor.values.size(); ++i) {
                    REQUIRE(std::abs(tensor.values[i] - (is_wanted ? whole.values[i] : 7)) < 1e-13);
                }
            });
        }
    }
    llama::Gradients<double> wrong(model.config());
    CHECK(!wrong.set("layers.3.wq", {}));
    REQUIRE(wrong.set("final_norm", some.values().first(23)));
    CHECK_THROWS_AS(backward.loss_and_gradient(texts.sequences, wrong), std::invalid_argument);
}

TEST_CASE("Each sequence counts by its share") {
    const Texts texts({9, 3, 126});
    const llama::Model<double> model = adapted_model(true);
    llama::Model<double> whole(model.config(), model.adapters()), part(model.config(), model.adapters());
    llama::Backward<double> backward(model, 1);
    const std::vector<double> shares = {0.5, -2, 0.25};
    const double loss = backward.loss_and_gradient(texts.sequences, shares, whole);
    double sum = 0;
    std::vector<double> expected(whole.values().size());
    for (std::size_t i = 0; i < 3; ++i) {
        const auto targets = static_cast<double>(texts.sequences[i].targets());
        sum += shares[i] * targets * backward.loss_and_gradient(std::span(texts.sequences).subspan(i, 1), part);
        for (std::size_t j = 0; j < expected.size(); ++j) expected[j] += shares[i] * targets * part.values()[j];
    }
    CHECK(std::abs(loss - sum) < 1e-11);
    for (std::size_t j = 0; j < expected.size(); ++j) REQUIRE(std::abs(whole.values()[j] - expected[j]) < 1e-11);
    CHECK_THROWS_AS(backward.loss_and_gradient(texts.sequences, std::span(shares).first(2), whole), std::invalid_argument);
}

TEST_CASE("A pass that begins at the first changed layer gives the same bits") {
    llama::Model<double> model = adapted_model(false);
    const Texts texts({9, 3, 126, 14, 2}), others({5, 140});
    llama::Forward<double> whole(model, 1), kept(model, 2);
    kept.keep_inputs(true);
    CHECK(kept.loss(texts.sequences) == whole.loss(texts.sequences));
    const auto change = [&](int layer) {
        if (layer < 0) model.token_embedding()[5] += 0.25;
        else if (layer == 3) model.final_norm()[5] += 0.25;
        else model.layer(layer).wk[5] += 0.25;
    };
    for (const int layer : {2, 3, 1, 1, 0, 2, 3, -1, 2}) {
        change(layer);
        kept.changed(layer);
        REQUIRE(kept.loss(texts.sequences) == whole.loss(texts.sequences));
    }
    kept.forget();
    CHECK(kept.loss(others.sequences) == whole.loss(others.sequences));
    // A change that is not told of is not seen: the layers below are indeed not computed again.
    change(0);
    kept.changed(1);
    CHECK(kept.loss(others.sequences) != whole.loss(others.sequences));
    kept.changed(-1);
    CHECK(kept.loss(others.sequences) == whole.loss(others.sequences));
}
