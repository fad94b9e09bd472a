// Contracts 3 and 4: no allocation in a step; n forward passes cost n + 1 traversals settled, n settling lazily.

#include "allocations.hpp"
#include "optimizer/counting.hpp"

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace zeroth;

namespace {

struct Cost {
    std::uint64_t writes = 0;
    std::uint64_t reported = 0;
    std::uint64_t forwards = 0;
    std::size_t allocations = 0;
};

/// Of a step, the same for each of ten.
template <class Restore, class E>
Cost cost_of(const E& estimator, Settling settling, double weight_decay = 0) {
    Quadratic problem{1000};
    std::uint64_t writes = 0;
    std::uint64_t calls = 0;
    Optimizer optimizer{problem.parameters(), estimator, Sgd{.learning_rate = 1e-4, .weight_decay = weight_decay},
                        Settings<Restore>{.seed = 3, .restore = {}, .settling = settling}, Counting{&writes}};
    const std::size_t allocations_before = allocations;
    optimizer.step([&] { return problem.loss(); });
    const std::size_t in_first_step = allocations - allocations_before;
    Cost cost;
    for (int step = 0; step < 10; ++step) {
        const std::uint64_t writes_before = writes;
        const std::size_t before = allocations;
        calls = 0;
        const StepReport report = optimizer.step([&] {
            ++calls;
            return problem.loss();
        });
        const Cost now{writes - writes_before, report.traversals, calls, allocations - before + in_first_step};
        CHECK(report.forward_passes == calls);
        CHECK(calls == estimator.forward_passes());
        if (step > 0) {
            CHECK(now.writes == cost.writes);
        }
        cost = now;
    }
    return cost;
}

} // namespace

TEMPLATE_TEST_CASE("n forward passes cost n + 1 traversals, n settling lazily, and no allocation", "", InPlace, Snapshot, Exact) {
    for (const std::uint32_t queries : {1u, 2u, 5u}) {
        const TwoSidedRge two_sided{.direction = Rademacher{}, .epsilon = 1e-3, .queries = queries};
        // Snapshot copies the weights back where nothing else is to be done; that is a traversal which no backend sees.
        const Cost settled = cost_of<TestType>(two_sided, Settling::each_step);
        CHECK(settled.reported == 2 * queries + 1);
        CHECK(settled.writes == 2 * queries + 1);
        CHECK(settled.allocations == 0);
        const Cost lazy = cost_of<TestType>(two_sided, Settling::lazily);
        CHECK(lazy.reported == 2 * queries);
        CHECK(lazy.writes == 2 * queries);
        CHECK(lazy.allocations == 0);
        const Cost decayed = cost_of<TestType>(two_sided, Settling::each_step, 0.1);
        CHECK(decayed.writes == 2 * queries + 1);

        const OneSidedRge one_sided{.direction = Rademacher{}, .epsilon = 1e-3, .queries = queries};
        const Cost one = cost_of<TestType>(one_sided, Settling::each_step);
        CHECK(one.reported == queries + 1);
        CHECK(one.writes == queries + 1);
        CHECK(one.allocations == 0);
        const Cost one_lazy = cost_of<TestType>(one_sided, Settling::lazily);
        CHECK(one_lazy.reported == queries + 1);
        CHECK(one_lazy.allocations == 0);
    }
}

TEMPLATE_TEST_CASE("A sphere's norms allocate nothing either", "", InPlace, Snapshot, Exact) {
    const TwoSidedRge sphere{.direction = Sphere{}, .epsilon = 1e-3, .queries = 2};
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        const Cost cost = cost_of<TestType>(sphere, settling, 0.1);
        CHECK(cost.allocations == 0);
        CHECK(cost.reported == (settling == Settling::each_step ? 5 : 4));
    }
}
