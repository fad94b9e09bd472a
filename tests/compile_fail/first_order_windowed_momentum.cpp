// A rule that is not of the gradient alone makes no first-order steps.
// expect: FirstOrderOptimizer takes rules whose steps are functions of the gradient alone
#include <zeroth/first_order/first_order_optimizer.hpp>
#include <zeroth/zeroth.hpp>

void train(const zeroth::Parameters& parameters) {
#if defined(ZEROTH_REFUSED)
    zeroth::FirstOrderOptimizer optimizer{parameters, zeroth::WindowedMomentum{}}; // refused here
#else
    zeroth::FirstOrderOptimizer optimizer{parameters, zeroth::Sgd{}};
#endif
    optimizer.step([](std::span<const zeroth::GradientBlock>) { return 0.5; });
}
