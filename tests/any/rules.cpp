// By every rule, under every restore policy, in every type of weights: the bits of the typed optimizer.

#include "any/any_model.hpp"

#include <zeroth/updates/normalized.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>

using namespace zeroth;

TEMPLATE_TEST_CASE("By each rule the bits are those of its own type", "", InPlace, Exact, Snapshot) {
    const auto check = [](const std::string& text, const auto& rule) {
        for (const Settling settling : {Settling::each_step, Settling::lazily}) {
            any::check_same<float, TestType>(text + " queries=2", TwoSidedRge{.queries = 2}, rule, settling);
        }
    };
    const Linear rate{.rate = 1e-2, .steps = 8};
    check("update=sgd learning-rate=0.01 schedule=linear steps=8 weight-decay=0.1", Sgd{.learning_rate = rate, .weight_decay = 0.1});
    check("update=sign learning-rate=1e-3", SignSgd{.learning_rate = 1e-3});
    check("update=sign-scalar learning-rate=1e-3", ScalarSignSgd{.learning_rate = 1e-3});
    check("update=momentum learning-rate=0.01 momentum=0.5", Momentum{.learning_rate = 0.01, .momentum = 0.5});
    check("update=momentum learning-rate=0.01 window=3", WindowedMomentum{.learning_rate = 0.01, .window = 3});
    check("update=conservative learning-rate=0.01", Conservative{.learning_rate = 0.01});
    check("update=adam learning-rate=1e-3 beta1=0.8 beta2=0.99", Adam{.learning_rate = 1e-3, .beta1 = 0.8, .beta2 = 0.99});
    check("update=adamw learning-rate=1e-3", Adam{.learning_rate = 1e-3, .weight_decay = 0.01});
    check("update=adam learning-rate=1e-3 window=10", WindowedAdam{.learning_rate = 1e-3});
    check("update=sgd learning-rate=1e-3 normalize=true", Normalized<Sgd>{.rule = {.learning_rate = 1e-3}});
    check("update=sign learning-rate=1e-3 normalize=true", Normalized<SignSgd>{.rule = {.learning_rate = 1e-3}});
    check("update=momentum learning-rate=1e-3 normalize=true", Normalized<Momentum>{.rule = {.learning_rate = 1e-3}});
    check("update=momentum learning-rate=1e-3 normalize=true window=32", Normalized<WindowedMomentum>{.rule = {.learning_rate = 1e-3}});
}

TEMPLATE_TEST_CASE("In each type of weights the bits are those of the typed optimizer", "", double, float16, bfloat16) {
    const auto check = [](const std::string& text, const auto& direction, const auto& rule) {
        any::check_same<TestType, InPlace>(text, TwoSidedRge{.direction = direction, .queries = 3}, rule);
        any::check_same<TestType, Snapshot>(text, TwoSidedRge{.direction = direction, .queries = 3}, rule);
        if constexpr (std::same_as<TestType, double>) {
            any::check_same<TestType, Exact>(text, TwoSidedRge{.direction = direction, .queries = 3}, rule);
        }
    };
    check("queries=3 learning-rate=0.5", Gaussian{}, Sgd{.learning_rate = 0.5});
    check("queries=3 direction=rademacher learning-rate=0.5", Rademacher{}, Sgd{.learning_rate = 0.5});
    check("queries=3 update=adam learning-rate=1e-2 window=10", Gaussian{}, WindowedAdam{.learning_rate = 1e-2});
    check("queries=3 update=adam learning-rate=1e-2", Gaussian{}, Adam{.learning_rate = 1e-2});
}
