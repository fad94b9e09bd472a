// A direction is z(key, block, element) and a bound.
// expect: Direction
#include <zeroth/zeroth.hpp>

struct Ones {
    static constexpr float largest = 1.0f;
#if !defined(ZEROTH_REFUSED)
    float operator()(const zeroth::Key&, const zeroth::BlockIdentity&, std::uint64_t) const { return 1.0f; }
#endif
};

int main() {
    [[maybe_unused]] const zeroth::TwoSidedRge<Ones> estimator{}; // refused here
}
