// A rule's state must be made with what takes memory where the backend's traversals reach.
// expect: a rule.s State is made as State.rule, blocks, max_terms, allocator.
#include <zeroth/zeroth.hpp>

#include <span>

struct Kept : zeroth::Sgd {
    struct State {
#if defined(ZEROTH_REFUSED)
        State(const Kept&, std::span<const zeroth::Block>, std::size_t) {}
#else
        State(const Kept&, std::span<const zeroth::Block>, std::size_t, const zeroth::StateAllocator&) {}
#endif
    };
    [[nodiscard]] zeroth::Descend<Step> move(const zeroth::Estimate& estimate, const zeroth::Key& key, State&, zeroth::Gradient<Step>& gradient) const {
        zeroth::append_terms(estimate, gradient);
        return {.rate = rate(key.step), .key = key};
    }
};

void train(const zeroth::Parameters& parameters) {
    zeroth::Optimizer optimizer{parameters, zeroth::TwoSidedRge{}, Kept{}}; // refused here
    optimizer.step([] { return 0.5; });
}
