// An estimator evaluates the loss when it is called.
// expect: an estimator is called as estimator.cursor, forward, key, estimate., on a const object
// at most 9 lines
#include <zeroth/zeroth.hpp>

#include <cstddef>
#include <span>
#include <vector>

struct Silent {
    zeroth::Gaussian direction{};

    [[nodiscard]] std::size_t max_terms() const { return 1; }
    [[nodiscard]] std::size_t forward_passes() const { return 1; }
    [[nodiscard]] double reach() const { return 1; }
    void validate() const {}
#if !defined(ZEROTH_REFUSED)
    template <class C, class F>
    void operator()(C&, F& forward, const zeroth::Key&, zeroth::Estimate& estimate) const {
        estimate.loss = static_cast<double>(forward());
        estimate.losses.push_back(estimate.loss);
    }
#endif
};

int main() {
    std::vector<float> weights(8);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    zeroth::Optimizer optimizer{parameters, Silent{}, zeroth::Sgd{}}; // refused here
    optimizer.step([] { return 0.5; });
}
