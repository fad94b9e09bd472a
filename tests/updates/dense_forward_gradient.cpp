// Each rule, with forward gradients, against a plain dense computation whose gradient is worked out by hand. Conservative is not among them:
// it compares losses, and a DirectionalFn is not asked for one alone.

#include "updates/dense.hpp"

#include <zeroth/estimators/forward_gradient.hpp>

#include <catch2/catch_template_test_macros.hpp>

#include <cstdint>
#include <span>
#include <vector>

using namespace zeroth_test;

namespace {

Gradients forward_gradient(const Problem& at, std::uint64_t step, std::uint32_t queries) {
    const Vector gradient = at.gradient(at.weights);
    Gradients result;
    for (std::uint32_t q = 0; q < queries; ++q) {
        result.z.push_back(materialised(at, Gaussian{}, Key{seed, step, q}));
        double derivative = 0;
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            derivative += gradient[i] * result.z[q][i];
        }
        result.c.push_back(derivative / queries);
    }
    return result;
}

auto directional_of(const Problem& at) {
    return [&at](const Tangent& tangent) {
        std::vector<float> z(at.weights.size());
        tangent.fill(0, std::span{z}.first(at.first));
        tangent.fill(1, std::span{z}.subspan(at.first));
        std::vector<Dual<double>> dual;
        for (std::size_t i = 0; i < z.size(); ++i) {
            dual.push_back({at.weights[i], static_cast<double>(z[i])});
        }
        const Dual<double> loss = at.dual(dual);
        return DirectionalLoss{loss.value, loss.derivative};
    };
}

} // namespace

TEMPLATE_TEST_CASE("Two hundred steps of forward gradients are those of the dense computation", "", Sgd, SignSgd, ScalarSignSgd, Momentum,
                   WindowedMomentum, Adam, WindowedAdam) {
    for (const std::uint32_t queries : {1u, 4u}) {
        INFO("queries " << queries);
        compare<TestType, InPlace>([&](const Parameters&) { return ForwardGradient<>{.queries = queries}; },
                                   [&](const Problem& at, std::uint64_t step) { return forward_gradient(at, step, queries); },
                                   directional_of, true, false);
    }
}
