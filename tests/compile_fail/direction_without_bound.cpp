// A direction is z(key, block, element) and a bound.
// expect: a direction has a static `largest`, which bounds
// at most 9 lines
#include <zeroth/zeroth.hpp>

#include <cstdint>
#include <span>
#include <vector>

struct Ones {
#if !defined(ZEROTH_REFUSED)
    static constexpr float largest = 1.0f;
#endif
    float operator()(const zeroth::Key&, const zeroth::BlockIdentity&, std::uint64_t) const { return 1.0f; }
};

int main() {
    std::vector<float> weights(8);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{.direction = Ones{}}, zeroth::Sgd{}}; // refused here
    optimizer.step([] { return 0.5; });
}
