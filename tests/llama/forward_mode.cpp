// The forward pass on dual numbers is a DirectionalFn: its derivative is back-propagation's gradient along the tangent.

#include "doubles.hpp"

#include <llama/adapters.hpp>
#include <llama/dual.hpp>
#include <llama/forward_mode.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <random>
#include <vector>

namespace {

using Number = zeroth::Dual<double>;

template <class Scalar>
llama::Model<Scalar> model_of(const llama::Config& config) {
    llama::Model<Scalar> model = llama::Model<Scalar>::random(config, 5);
    for (Scalar& value : model.values()) value *= 6;
    return model;
}

}  // namespace

TEST_CASE("Forward mode's derivative is back-propagation's, along the tangent") {
    for (const bool tied : {true, false}) {
        const llama::Config config{.dim = 16, .hidden = 12, .layers = 2, .heads = 4, .kv_heads = 2, .vocab = 30, .sequence = 24, .tied = tied};
        llama::Model<float> model = model_of<float>(config);
        llama::Model<double> wide(model);
        std::vector<std::vector<int>> texts;
        std::vector<llama::Sequence> batch;
        std::mt19937 bits(2);
        for (const int length : {3, 20, 24, 9}) {
            texts.emplace_back();
            for (int i = 0; i < length; ++i) texts.back().push_back(static_cast<int>(bits() % 30));
        }
        for (const auto& text : texts) batch.push_back({text});

        llama::Model<double> gradients(config);
        llama::Backward<double> backward(wide, 1);
        const double loss = backward.loss_and_gradient(batch, gradients);

        zeroth::Parameters parameters;
        for (const auto& tensor : model.tensors()) parameters.add(tensor.name, tensor.values, {.rows = tensor.rows, .columns = tensor.columns});
        llama::Model<Number> dual(config);
        llama::Forward<Number> forward(dual, 1);
        std::vector<float> z;
        double projection = 0;
        zeroth::Optimizer optimizer{parameters, zeroth::ForwardGradient{}, zeroth::Sgd{.learning_rate = 1e-3}};
        const zeroth::StepReport report = optimizer.step([&](const zeroth::Tangent& tangent) {
            std::size_t at = 0;
            for (std::size_t b = 0; b < tangent.blocks().size(); ++b) {
                z.resize(tangent.blocks()[b].size());
                tangent.fill(b, z);
                for (const float number : z) {
                    dual.values()[at] = {static_cast<double>(model.values()[at]), static_cast<double>(number)};
                    projection += gradients.values()[at] * static_cast<double>(number);
                    ++at;
                }
            }
            const Number result = forward.loss(batch);
            return zeroth::DirectionalLoss{result.value, result.derivative};
        });
        REQUIRE(report.reason == zeroth::Reason::updated);
        CHECK(std::abs(report.loss - loss) < 1e-12);
        REQUIRE(std::abs(projection) > 1e-3);
        CHECK(std::abs(report.terms[0].coefficient - projection) < 1e-10 * std::abs(projection));
    }
}

TEST_CASE("Forward mode by hand is the same derivative, with adapters and with tensors that stand still") {
    std::mt19937 bits(2);
    const auto number = [&] { return static_cast<double>(bits()) * 0x1p-31 - 1; };
    for (const bool tied : {true, false}) {
        const llama::Config config{.dim = 16, .hidden = 12, .layers = 2, .heads = 4, .kv_heads = 2, .vocab = 30, .sequence = 150, .tied = tied};
        llama::Model<double> model = model_of<double>(config);
        std::vector<std::vector<int>> texts;
        std::vector<llama::Sequence> batch;
        for (const int length : {3, 20, 130, 24, 9}) {
            texts.emplace_back();
            for (int i = 0; i < length; ++i) texts.back().push_back(static_cast<int>(bits() % 30));
        }
        for (const auto& text : texts) batch.push_back({text, text.size() > 8 ? 4 : 1});
        llama::add_adapters(model, {.rank = 2, .prefix = 3, .prompt = 4}, texts[1], 1);
        for (double& value : model.adapter_values()) value += 0.2 * number();

        llama::Model<double> z(config, model.adapters()), gradients(config, model.adapters());
        for (double& value : z.values()) value = number();
        for (double& value : z.adapter_values()) value = number();
        const double loss = llama::Backward<double>(model, 1).loss_and_gradient(batch, gradients);
        const auto inner = [&](auto selected) {
            double sum = 0;
            const auto add = [&](const auto& tensors, const auto& along) {
                for (std::size_t t = 0; t < tensors.size(); ++t) {
                    for (std::size_t i = 0; selected(tensors[t].name) && i < tensors[t].values.size(); ++i) sum += tensors[t].values[i] * along[t].values[i];
                }
            };
            add(gradients.tensors(), z.tensors());
            add(gradients.adapter_tensors(), z.adapter_tensors());
            return sum;
        };
        double targets = 0;
        for (const llama::Sequence& sequence : batch) targets += static_cast<double>(sequence.targets());
        std::vector<double> sums(batch.size()), derivatives(batch.size()), others(batch.size());
        const auto mean = [&](const std::vector<double>& values) {
            double sum = 0;
            for (const double value : values) sum -= value / targets;
            return sum;
        };
        for (const int threads : {1, 2}) {
            llama::ForwardMode<double> forward(model, threads);
            forward.log_probabilities(batch, z, sums, derivatives);
            CHECK(std::abs(mean(sums) - loss) < 1e-12);
            CHECK(std::abs(mean(derivatives) - inner([](const std::string&) { return true; })) < 1e-11);
            for (const std::string only : {"token_embedding", "layers.1.wq", "layers.0.wo", "layers.0.w2", "layers.1.w3", "layers.0.ffn_norm", "final_norm",
                                           "layers.0.lora_aq", "layers.1.lora_bv", "layers.0.prefix_keys", "layers.1.prefix_values", "prompt"}) {
                INFO(only);
                llama::Tangents<double> one(config);
                for (auto& tensor : z.tensors()) {
                    if (tensor.name == only) REQUIRE(one.set(only, tensor.values));
                }
                for (auto& tensor : z.adapter_tensors()) {
                    if (tensor.name == only) REQUIRE(one.set(only, tensor.values));
                }
                forward.log_probabilities(batch, one, others, derivatives);
                CHECK(others == sums);
                const double expected = inner([&](const std::string& name) { return name == only; });
                REQUIRE(std::abs(expected) > 1e-6);
                CHECK(std::abs(mean(derivatives) - expected) < 1e-11);
            }
            forward.log_probabilities(batch, llama::Tangents<double>(config), others, derivatives);
            CHECK(others == sums);
            CHECK(mean(derivatives) == 0);
        }
    }
}
