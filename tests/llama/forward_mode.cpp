// The forward pass on dual numbers is a DirectionalFn: its derivative is back-propagation's gradient along the tangent.

#include <llama/backward.hpp>
#include <llama/dual.hpp>
#include <llama/forward.hpp>
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

        llama::Gradients<double> gradients(config);
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
