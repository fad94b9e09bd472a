// A direction is a function of its place, which anybody may ask.
// expect: a direction is called as direction.key, block, element., const, and returns a float
// at most 9 lines
#include <zeroth/zeroth.hpp>

#include <cstdint>
#include <span>
#include <vector>

#if defined(ZEROTH_REFUSED)
#define ZEROTH_TEST_CONST
#else
#define ZEROTH_TEST_CONST const
#endif

struct Ones {
    static constexpr float largest = 1.0f;
    float operator()(const zeroth::Key&, const zeroth::BlockIdentity&, std::uint64_t) ZEROTH_TEST_CONST { return 1.0f; }
};

int main() {
    std::vector<float> weights(8);
    zeroth::Parameters parameters;
    parameters.add("weights", std::span{weights});
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{.direction = Ones{}}, zeroth::Sgd{}}; // refused here
    optimizer.step([] { return 0.5; });
}
