// Under Exact a step that is refused or kept gives the weights back bit for bit however far its probes reach, and an update is never cut.

#include <zeroth/directions/sphere.hpp>
#include <zeroth/estimators/fzoo.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth;

namespace {

template <class T>
std::vector<T> weights(std::size_t size, double scale) {
    std::vector<T> w(size);
    for (std::size_t i = 0; i < size; ++i) {
        w[i] = static_cast<T>(scale * std::sin(static_cast<double>(i) + 1));
    }
    return w;
}

template <class T>
double squares(const std::vector<T>& w) {
    double sum = 0;
    for (const T x : w) {
        sum += static_cast<double>(x) * static_cast<double>(x);
    }
    return sum;
}

/// Each step of an optimizer over blocks of 1 to 1,000 weights fails at one loss after the other; the first-laid grid's weights must stay.
template <class T, class E, class Rule>
void check_refused(const E& estimator, const Rule& rule, double scale) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{4}, std::size_t{30}, std::size_t{1000}}) {
        for (std::uint64_t seed = 0; seed < 8; ++seed) {
            std::vector<T> w = weights<T>(size, scale);
            Parameters parameters;
            parameters.add("w", std::span{w});
            Optimizer optimizer{parameters, estimator, rule, Settings<Exact>{.seed = seed}};
            const std::vector<T> before = w;
            const std::size_t losses = optimizer.forward_passes();
            for (std::size_t failing = 0; failing < losses; ++failing) {
                std::size_t call = 0;
                const StepReport report =
                    optimizer.step([&] { return call++ == failing ? std::numeric_limits<double>::quiet_NaN() : 1 + squares(w); });
                CHECK((report.reason == Reason::non_finite_loss || report.reason == Reason::out_of_reach));
                REQUIRE(w == before);
            }
        }
    }
}

} // namespace

TEMPLATE_TEST_CASE("A refused step gives the weights back, whatever their size and the probes'", "", float, double) {
    for (const double scale : {0.0, 1e-3, 1.0}) {
        check_refused<TestType>(TwoSidedRge{.direction = Sphere{}, .epsilon = 1e-2}, Sgd{.learning_rate = 0.1}, scale);
        check_refused<TestType>(Fzoo{.direction = Rademacher{}, .epsilon = 1e-2, .queries = 2}, Sgd{.learning_rate = 0.1}, scale);
        check_refused<TestType>(TwoSidedRge{.epsilon = 1e-2}, Conservative{.learning_rate = 1}, scale);
    }
}

TEST_CASE("Candidates beyond the grid are not tried, unless it is laid for them") {
    std::vector<float> w = weights<float>(1000, 0.1);
    Parameters parameters;
    parameters.add("w", std::span{w});
    const auto loss = [&] { return squares(w); };
    {
        Optimizer optimizer{parameters, TwoSidedRge{}, Conservative{.learning_rate = 10}, Settings<Exact>{}};
        const std::vector<float> before = w;
        const StepReport report = optimizer.step(loss);
        CHECK(report.reason == Reason::out_of_reach);
        CHECK(to_string(report.reason) == "out of reach");
        CHECK(report.forward_passes == 3);
        CHECK(w == before);
        CHECK(optimizer.cursor().grids() == 1);
        optimizer.set_learning_rate(1e-5);
        CHECK(optimizer.step(loss).reason == Reason::updated);
        CHECK(optimizer.cursor().grids() == 1);
    }
    Optimizer wide{parameters, TwoSidedRge{}, Conservative{.learning_rate = 10}, Settings<Exact>{.restore = {.reach = 1e4}}};
    const std::vector<float> before = w;
    CHECK(wide.step(loss).reason == Reason::kept);
    CHECK(w == before);
    CHECK_THROWS_AS((Optimizer{parameters, TwoSidedRge{}, Sgd{}, Settings<Exact>{.restore = {.reach = -1}}}), std::invalid_argument);
    CHECK_THROWS_AS((Optimizer{parameters, TwoSidedRge{}, Sgd{}, Settings<Exact>{.restore = {.reach = std::nan("")}}}), std::invalid_argument);
    CHECK(w == before);
}

TEMPLATE_TEST_CASE("An update moves a block of zeros as far as it says, from the first step on", "", float, double) {
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        std::vector<TestType> b(1000);
        std::vector<TestType> ones(50, TestType{1});
        Parameters parameters;
        parameters.add("zeros", std::span{b});
        parameters.add("ones", std::span{ones}, {}, {.rate = 1e-3, .weight_decay = 0});
        Optimizer optimizer{parameters, TwoSidedRge{.direction = Rademacher{}, .epsilon = 1e-3}, SignSgd{.learning_rate = 0.05},
                            Settings<Exact>{.settling = settling}};
        std::vector<TestType> before = b;
        for (int step = 0; step < 4; ++step) {
            REQUIRE(optimizer.step([&] { return squares(ones) + squares(b); }).reason == Reason::updated);
            optimizer.settle();
            for (std::size_t i = 0; i < b.size(); ++i) {
                REQUIRE(std::abs(std::abs(static_cast<double>(b[i]) - static_cast<double>(before[i])) - 0.05) < 1e-6);
            }
            before = b;
        }
        CHECK(optimizer.cursor().grids() > 1);
    }
}

TEST_CASE("A grid that was widened for an update goes on with the same bits from a saved state") {
    std::vector<std::byte> state;
    std::vector<float> b(64);
    const auto make = [](std::vector<float>& of) {
        Parameters parameters;
        parameters.add("zeros", std::span{of});
        return parameters;
    };
    const TwoSidedRge estimator{.epsilon = 1e-3};
    const Momentum rule{.learning_rate = 0.5, .weight_decay = 0.5};
    const auto loss_of = [](const std::vector<float>& of) {
        double sum = 0;
        for (const float x : of) {
            sum += (x - 3) * (x - 3);
        }
        return sum / 64;
    };
    std::vector<float> stood;
    {
        Optimizer optimizer{make(b), estimator, rule, Settings<Exact>{}};
        for (int step = 0; step < 10; ++step) {
            if (step == 4) {
                stood = b;
                optimizer.save([&](std::span<const std::byte> piece) { state.insert(state.end(), piece.begin(), piece.end()); });
            }
            optimizer.step([&] { return loss_of(b); });
        }
    }
    Optimizer resumed{make(stood), estimator, rule, Settings<Exact>{}, Reference{},
                      Resume{[&state, at = std::size_t{0}](std::span<std::byte> piece) mutable {
                          std::size_t size = 0;
                          for (; size < piece.size() && at < state.size(); ++size) {
                              piece[size] = state[at++];
                          }
                          return size;
                      }}};
    for (int step = 4; step < 10; ++step) {
        resumed.step([&] { return loss_of(stood); });
    }
    CHECK(stood == b);
}

TEST_CASE("A grid that is laid for a block that has outgrown it keeps room for the others' updates") {
    // One block doubles at each step, and outgrows its grid; the other, of zeros, is moved to and fro as far as its grid goes.
    std::vector<float> growing(40, 1e-3f);
    std::vector<float> zeros(40);
    Parameters parameters;
    parameters.add("growing", std::span{growing}, {}, {.rate = 1, .weight_decay = 1});
    parameters.add("zeros", std::span{zeros}, {}, {.rate = 1, .weight_decay = 0});
    Cursor cursor{parameters, Rademacher{}, Exact{}, Reference{}, 1e-6, 1, 1};
    for (std::uint64_t step = 0; step < 20; ++step) {
        const std::vector<float> before = zeros;
        const Term term{Key{1, 0, 0}, step % 2 == 0 ? 1.0 : -1.0};
        // base <- base - 0.25 g - decay base, decay -1: doubles
        cursor.update({.rate = 0.25, .weight_decay = -4, .key = Key{1, step, 0}}, std::span{&term, 1});
        cursor.settle();
        for (std::size_t i = 0; i < zeros.size(); ++i) {
            REQUIRE(std::abs(std::abs(static_cast<double>(zeros[i]) - static_cast<double>(before[i])) - 0.25) < 1e-6);
        }
    }
    CHECK(growing[0] > 100);
}
