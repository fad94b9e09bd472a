// A rule has a learning rate for every step.
// expect: a rule has rate.step., const: the learning rate
// at most 9 lines
#include <zeroth/zeroth.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

struct Still {
    using Step = zeroth::PlainStep;
    using State = zeroth::NoState;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    void validate() const {}
#if !defined(ZEROTH_REFUSED)
    [[nodiscard]] double rate(std::uint64_t) const { return 0; }
#endif
    [[nodiscard]] zeroth::Descend<Step> move(const zeroth::Estimate&, const zeroth::Key&, State&, zeroth::Gradient<Step>&) const {
        return {};
    }
};

int main() {
    std::vector<float> weights(8);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{}, Still{}}; // refused here
    optimizer.step([] { return 0.5; });
}
