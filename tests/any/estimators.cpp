// By every estimator, block-wise, as a hybrid and by gradients: the bits of the typed optimizer.

#include "any/any_model.hpp"

#include <zeroth/block_optimizer.hpp>
#include <zeroth/estimators/coordinate_wise.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/estimators/kernel_rge.hpp>
#include <zeroth/estimators/one_sided_rge.hpp>
#include <zeroth/first_order/hybrid_optimizer.hpp>
#include <zeroth/zeroth.hpp>

using namespace zeroth;

namespace {

/// The same bits of five steps of two optimizers, each with the losses that it needs.
template <class Known, class Step>
void check_steps(any::Model<>& known, any::Model<>& chosen, Known& typed, AnyOptimizer& any, const Step& step_of) {
    for (int step = 0; step < 5; ++step) {
        const StepReport expected = step_of(typed, known);
        const StepReport report = step_of(any, chosen);
        any::check_reports(expected, report);
        CHECK(report.first_part == expected.first_part);
        CHECK(report.parts == expected.parts);
    }
    CHECK(known == chosen);
    CHECK(!(known == any::Model{}));
    CHECK(any.forward_passes() == typed.forward_passes());
}

const auto by_losses = [](auto& optimizer, any::Model<>& model) { return optimizer.step([&] { return model.loss(); }); };
const auto by_gradients = [](auto& optimizer, any::Model<>& model) {
    return optimizer.step([&](std::span<const GradientBlock> blocks) { return model.gradient(blocks); });
};
const auto by_both = [](auto& optimizer, any::Model<>& model) {
    return optimizer.step([&] { return model.loss(); }, [&](std::span<const GradientBlock> blocks) { return model.gradient(blocks); });
};

} // namespace

TEST_CASE("By each estimator the bits are those of its own type") {
    any::Model model;
    const Sgd rule{.learning_rate = 0.1};
    const auto check = [&](const std::string& text, const auto& estimator) {
        any::check_same(text + " learning-rate=0.1", estimator, rule);
        any::check_same<float, Exact>(text + " learning-rate=0.1", estimator, rule);
    };
    check("estimator=two-sided epsilon=0.01 queries=4", TwoSidedRge{.epsilon = 0.01, .queries = 4});
    check("estimator=one-sided queries=3 clip=0.01", OneSidedRge{.queries = 3, .clip = 0.01});
    check("estimator=fzoo direction=rademacher", Fzoo{.direction = Rademacher{}, .queries = 8});
    check("estimator=kernel queries=2 kernel-order=2", KernelRge<2>{.queries = 2, .scale = KernelRge<2>::variance_matched_scale()});
    check("estimator=kernel epsilon=0.01", KernelRge<4>{.epsilon = 0.01, .scale = KernelRge<4>::variance_matched_scale()});
    check("estimator=kernel kernel-order=5", KernelRge<6>{.scale = KernelRge<6>::variance_matched_scale()});
    check("estimator=coordinate queries=7",
          CoordinateWise{.direction = Coordinate{model.parameters(), CoordinateOrder::random}, .coordinates = 7});
}

TEST_CASE("A forward gradient is taken along the same tangents") {
    any::Model known;
    any::Model chosen;
    Optimizer typed{known.parameters(), ForwardGradient{.direction = Gaussian{}, .queries = 2}, Momentum{.learning_rate = 0.1}, Settings{.seed = 4},
                    zeroth_test::ReferenceOf<float>{}};
    AnyOptimizer any{chosen.parameters(), Method::from("estimator=forward-gradient queries=2 update=momentum learning-rate=0.1"), {.seed = 4}};
    check_steps(known, chosen, typed, any,
                [](auto& optimizer, any::Model<>& model) { return optimizer.step([&](const Tangent& tangent) { return model.along(tangent); }); });
}

TEST_CASE("Block-wise, in every order") {
    using enum BlockOrder;
    for (const auto& [name, order] : {std::pair{"all", all}, {"jacobi", jacobi}, {"cyclic", cyclic}, {"random", BlockOrder::random}}) {
        INFO(name);
        any::Model known;
        any::Model chosen;
        BlockOptimizer typed{partition_by_tensor(known.parameters()), TwoSidedRge<>{}, Adam{.learning_rate = 1e-3}, Settings<>{.seed = 5, .order = order},
                             zeroth_test::ReferenceOf<float>{}};
        AnyOptimizer any{Trained{.parameters = chosen.parameters(), .partition = partition_by_tensor(chosen.parameters())},
                         Method::from(std::string{"update=adam learning-rate=1e-3 block-order="} + name),
                         {.seed = 5}};
        check_steps(known, chosen, typed, any, by_losses);
    }
}

TEST_CASE("As a hybrid, and by gradients alone") {
    any::Model known;
    any::Model chosen;
    HybridOptimizer typed{known.of_matrix(), TwoSidedRge<>{}, Momentum{.learning_rate = 0.1}, known.of_vector(), Adam{.learning_rate = 1e-2}, Settings<>{.seed = 6},
                          zeroth_test::ReferenceOf<float>{}};
    AnyOptimizer any{Trained{.parameters = chosen.of_matrix(), .first_order = chosen.of_vector()},
                     Method::from("update=momentum learning-rate=0.1 first-order-rate=0.01"),
                     {.seed = 6}};
    check_steps(known, chosen, typed, any, by_both);

    any::Model plain;
    any::Model named;
    FirstOrderOptimizer first_order{plain.parameters(), Adam{.learning_rate = 1e-3, .weight_decay = 0.01}, {}, zeroth_test::ReferenceOf<float>{}};
    AnyOptimizer by_name{named.parameters(), Method::from("estimator=first-order update=adamw learning-rate=1e-3")};
    check_steps(plain, named, first_order, by_name, by_gradients);
}
