// A rule's state must lie where the backend's traversals reach.
// expect: the rule keeps its state on the host
#include <zeroth/zeroth.hpp>

#include <span>

struct Device : zeroth::Reference {
    static constexpr zeroth::MemorySpace space = zeroth::MemorySpace::device;
};

struct OnHost : zeroth::Sgd {
#if defined(ZEROTH_REFUSED)
    static constexpr std::size_t state_bytes_per_parameter = 4;
#endif
};

void train(const zeroth::Parameters& parameters) {
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{}, OnHost{}, {}, Device{}}; // refused here
    optimizer.step([] { return 0.5; });
}
