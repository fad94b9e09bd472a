#include <zeroth/schedules/schedule.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

using namespace zeroth;

namespace {

std::string refusal(auto make) {
    try {
        make();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-15 * std::abs(b); }

} // namespace

TEST_CASE("A schedule is made from a number, a schedule's type or any callable") {
    CHECK(Schedule{1e-3}(0) == 1e-3);
    CHECK(Schedule{0.5f}(7) == 0.5);
    CHECK(Schedule{2}(1'000'000) == 2.0);
    CHECK(Schedule{Constant{.rate = 0.25}}(123) == 0.25);
    const Schedule callable = [](std::uint64_t step) { return static_cast<double>(step) * 2; };
    CHECK(callable(21) == 42);
    const Schedule copy = callable;
    CHECK(copy(21) == 42);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<Schedule, const char*>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<Schedule, double (*)(double, double)>);
}

TEST_CASE("Linear holds, then falls in a straight line, then stays") {
    const Linear linear{.rate = 0.5, .final_rate = 0.125, .steps = 50, .hold = 20};
    CHECK(linear(0) == 0.5);
    CHECK(linear(20) == 0.5);
    CHECK(close(linear(21), 0.5 - 0.375 / 30));
    CHECK(close(linear(35), 0.3125));
    CHECK(close(linear(49), 0.125 + 0.375 / 30));
    CHECK(linear(50) == 0.125);
    CHECK(linear(std::numeric_limits<std::uint64_t>::max()) == 0.125);
    const Linear rising{.rate = 0, .final_rate = 1, .steps = 4};
    CHECK(rising(1) == 0.25);
    CHECK(rising(3) == 0.75);
    // Held to the end, and no steps at all: no division by zero.
    CHECK(Linear{.rate = 2, .final_rate = 1, .steps = 5, .hold = 5}(5) == 2);
    CHECK(Linear{.rate = 2, .final_rate = 1, .steps = 5, .hold = 5}(6) == 1);
    CHECK(Linear{.rate = 2, .final_rate = 1, .steps = 0}(1) == 1);
}

TEST_CASE("Cosine falls by half a cosine") {
    const Cosine cosine{.rate = 1.0, .final_rate = 0.2, .steps = 120};
    CHECK(cosine(0) == 1.0);
    CHECK(std::abs(cosine(40) - (0.2 + 0.8 * 0.75)) < 1e-12); // cos 60 degrees
    CHECK(std::abs(cosine(60) - 0.6) < 1e-12);
    CHECK(std::abs(cosine(80) - (0.2 + 0.8 * 0.25)) < 1e-12);
    CHECK(cosine(120) == 0.2);
    CHECK(cosine(121) == 0.2);
    for (std::uint64_t step = 0; step < 120; ++step) {
        CHECK(cosine(step + 1) < cosine(step));
    }
    CHECK(Cosine{.rate = 1, .final_rate = 0.5, .steps = 0}(0) == 0.5);
}

TEST_CASE("Warm-up rises in proportion to what follows, which counts from the first step") {
    const WarmUp constant{.steps = 3, .then = 0.8};
    CHECK(close(constant(0), 0.2));
    CHECK(close(constant(1), 0.4));
    CHECK(close(constant(2), 0.6));
    CHECK(constant(3) == 0.8);
    CHECK(constant(4) == 0.8);
    const Linear linear{.rate = 1, .final_rate = 0, .steps = 10};
    const Schedule both = WarmUp{.steps = 4, .then = linear};
    CHECK(close(both(2), linear(2) * 0.6));
    CHECK(both(7) == linear(7));
    CHECK(WarmUp{.steps = 0, .then = 0.5}(0) == 0.5);
}

TEST_CASE("A schedule that does not say how long it is, or holds beyond its end, is refused") {
    const std::string no_steps = "zeroth: steps is 0; it must be at least 1, the steps after which the learning rate is the final one";
    CHECK(refusal([] { Schedule{Linear{.rate = 1e-3}}; }) == no_steps);
    CHECK(refusal([] { Schedule{Cosine{.rate = 1e-3}}; }) == no_steps);
    CHECK(refusal([] { static_cast<void>(WarmUp{.steps = 10, .then = Linear{.rate = 1e-3}}); }) == no_steps);
    CHECK(refusal([] { static_cast<void>(Sgd{.learning_rate = Cosine{.rate = 1e-3}}); }) == no_steps);
    CHECK(refusal([] { Schedule{Linear{.rate = 1e-3, .steps = 4, .hold = 5}}; }) == "zeroth: hold is 5; it must be at most steps");
    CHECK(refusal([] { Schedule{Linear{.rate = 1e-3, .steps = 4, .hold = 4}}; }) == "");
    CHECK(refusal([] { Schedule{Cosine{.rate = 1e-3, .steps = 1}}; }) == "");
    std::vector<float> w(4);
    Parameters parameters;
    parameters.add("w", std::span{w});
    CHECK(refusal([&] { Optimizer{parameters, TwoSidedRge{}, Sgd{.learning_rate = Linear{.rate = 1e-3}}}; }) == no_steps);
    // A callable of one's own may have settings too.
    struct Refusing {
        void validate() const { throw std::invalid_argument{"never"}; }
        double operator()(std::uint64_t) const { return 1; }
    };
    CHECK(refusal([] { Schedule{Refusing{}}; }) == "never");
}
