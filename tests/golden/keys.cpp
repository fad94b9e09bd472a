#include "answers.hpp"
#include "places.hpp"
#include "problem.hpp"

#include <zeroth/block_optimizer.hpp>
#include <zeroth/estimators/kernel_rge.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>
#include <zeroth/random/dither.hpp>
#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/schedules/schedule.hpp>
#include <zeroth/updates/sgd.hpp>

#include <string>
#include <utility>
#include <vector>

namespace golden {

namespace {

using namespace zeroth;

constexpr std::pair<const char*, Purpose> purposes[] = {
    {"direction", Purpose::direction}, {"rounding", Purpose::rounding}, {"schedule", Purpose::schedule}, {"mask", Purpose::mask},
    {"kernel", Purpose::kernel},       {"pool", Purpose::pool},         {"factor", Purpose::factor},     {"projection", Purpose::projection},
};

void add_dither(Answers& out, const char* name, Purpose purpose, const Key& key, const BlockIdentity& block, std::uint64_t element) {
    out.push_back({std::string{"dither "} + name + " " + words(key) + " " + words(block) + " " + hex(element, 16),
                   hex(Dither{key, block, purpose}.words<ScalarLanes>(element), 8)});
}

void add_order(Answers& out, const char* name, BlockOrder order, const std::vector<double>& importance) {
    for (const std::uint64_t first_step : {std::uint64_t{0}, (std::uint64_t{1} << 32) - 8}) {
        Problem problem{Types::float32};
        BlockOptimizer optimizer{partition_by_tensor(problem.parameters()), TwoSidedRge{.epsilon = 0x1p-10}, Sgd{.learning_rate = 0},
                                 Settings<>{.seed = 5, .first_step = first_step, .order = order, .importance = importance}};
        std::string answer;
        for (int step = 0; step < 24; ++step) {
            answer += (step == 0 ? "" : " ") + hex(optimizer.step([] { return 1.0; }).first_part, 1);
        }
        out.push_back({std::string{"order "} + name + " " + hex(5, 16) + " " + hex(first_step, 16), answer});
    }
}

} // namespace

Answers keys() {
    Answers out;
    for (const auto& [name, purpose] : purposes) {
        for (const Key& key : some_keys) {
            const PhiloxKey philox = philox_key(key, purpose);
            out.push_back({std::string{"philox "} + name + " " + words(key), hex(philox.low, 8) + " " + hex(philox.high, 8)});
        }
    }
    constexpr std::uint64_t two_32 = std::uint64_t{1} << 32;
    for (const std::uint64_t element : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{15}, std::uint64_t{16}, two_32 - 1, two_32,
                                        2 * two_32 + 5, 256 * two_32}) {
        add_dither(out, "rounding", Purpose::rounding, a_key, a_huge_block, element);
    }
    for (const Key& key : some_keys) {
        for (const BlockIdentity& block : {a_vector, a_small_block}) {
            add_dither(out, "rounding", Purpose::rounding, key, block, 3);
            add_dither(out, "mask", Purpose::mask, key, block, 3);
        }
    }
    for (const Key& key : some_keys) {
        out.push_back({"radius " + words(key), bits(KernelRge<4>::radius(key))});
    }
    add_order(out, "random", BlockOrder::random, {});
    add_order(out, "importance", BlockOrder::importance, {0.5, 0, 0.25});
    return out;
}

Answers schedules() {
    Answers out;
    const auto add = [&](const char* name, const Schedule& schedule) {
        for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{9}, std::uint64_t{10},
                                         std::uint64_t{11}, std::uint64_t{500}, std::uint64_t{999}, std::uint64_t{1000},
                                         ~std::uint64_t{0}}) {
            out.push_back({std::string{name} + " " + hex(step, 16), bits(schedule(step))});
        }
    };
    add("number", 1e-3);
    add("constant", Constant{.rate = 1e-3});
    add("linear", Linear{.rate = 1e-3, .steps = 1000});
    add("linear/final_rate", Linear{.rate = 1e-3, .final_rate = 1e-4, .steps = 1000});
    add("linear/hold", Linear{.rate = 1e-3, .final_rate = 1e-4, .steps = 1000, .hold = 10});
    add("warm_up", WarmUp{.steps = 10, .then = 1e-3});
    add("warm_up/linear", WarmUp{.steps = 10, .then = Linear{.rate = 1e-3, .steps = 1000}});
    return out;
}

} // namespace golden
