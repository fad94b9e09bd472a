// Moves of 16-bit weights are rounded stochastically, so that in the mean nothing of an update is lost.

#include <zeroth/backends/simd.hpp>
#include <zeroth/directions/rademacher.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>
#include <zeroth/first_order/first_order_optimizer.hpp>
#include <zeroth/optimizer.hpp>
#include <zeroth/updates/adam.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/updates/sgd.hpp>
#include <zeroth/updates/sign_sgd.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

using namespace zeroth;

namespace {

using Fast = Simd<WidestArch, ScalarTypes<float, bfloat16, float16>>;

template <class Lanes, class T>
T stored(float x, std::uint64_t element) {
    T lane[16];
    StochasticStore<Lanes, T>{Key{1, 2, 3}, BlockIdentity{7, 1, 1}}(lane, Lanes::broadcast(x), element, AllLanes<Lanes>{});
    return lane[0];
}

template <class T>
T from_bits(std::uint32_t bits) {
    T x;
    x.bits = static_cast<std::uint16_t>(bits);
    return x;
}

/// The means over `elements` draws of numbers at 1/8, 1/2 and 7/8 of the way from a stored number to the next lie there, to 5 sigma.
template <class T>
bool unbiased(std::uint32_t bits, int elements) {
    const double low = static_cast<double>(static_cast<float>(from_bits<T>(bits)));
    const double high = static_cast<double>(static_cast<float>(from_bits<T>(bits + 1)));
    for (const double share : {0.125, 0.5, 0.875}) {
        const auto x = static_cast<float>(low + share * (high - low));
        int up = 0;
        for (int i = 0; i < elements; ++i) {
            const std::uint32_t rounded = stored<ScalarLanes, T>(x, static_cast<std::uint64_t>(i)).bits;
            if (rounded != bits && rounded != bits + 1) {
                return false;
            }
            up += rounded == bits ? 0 : 1;
        }
        if (std::abs(up - share * elements) > 5 * std::sqrt(share * (1 - share) * elements)) {
            return false;
        }
    }
    return true;
}

double rms(const std::vector<double>& x) {
    double sum = 0;
    for (const double value : x) {
        sum += value * value;
    }
    return std::sqrt(sum / static_cast<double>(x.size()));
}

constexpr std::size_t n = 20000;
constexpr int steps = 40;

/// Where weights of 0.02 have gone after some steps along made-up losses.
template <class T, class Rule, class Restore>
std::vector<double> displacement(const Rule& rule, const Settings<Restore>& settings, std::vector<T>& w) {
    const T start{0.02f};
    w.assign(n, start);
    Parameters parameters;
    parameters.add("w", std::span{w});
    int calls = 0;
    {
        // An epsilon of sixteen units of a bfloat16 at 0.02: what in-place restoring rounds away does not blur the picture.
        Optimizer optimizer{parameters, TwoSidedRge{.direction = Rademacher{}, .epsilon = 0x1p-9}, rule, settings, Fast{}};
        for (int step = 0; step < steps; ++step) {
            // The projected gradient is 1 or 2.
            optimizer.step([&] {
                const double loss = 0x1p-9 * (1 + calls / 2 % 2);
                return calls++ % 2 == 0 ? loss : -loss;
            });
        }
    }
    std::vector<double> moved(n);
    for (std::size_t i = 0; i < n; ++i) {
        moved[i] = static_cast<double>(static_cast<float>(w[i])) - static_cast<double>(static_cast<float>(start));
    }
    return moved;
}

/// The share of a float's displacement that 16-bit weights make: 1 to 5 sigma.
template <class T, class Rule, class Restore>
void keeps_updates(const Rule& rule, const Settings<Restore>& settings) {
    std::vector<float> floats;
    std::vector<T> w, again;
    const std::vector<double> wanted = displacement(rule, Settings{.seed = 3}, floats);
    const std::vector<double> moved = displacement(rule, settings, w);
    double product = 0;
    for (std::size_t i = 0; i < n; ++i) {
        product += wanted[i] * moved[i];
    }
    const double size = rms(wanted);
    const double share = product / (static_cast<double>(n) * size * size);
    // A step's rounding varies by at most a quarter of a unit's square; restoring in place by as much again, twice.
    const double unit = std::is_same_v<T, bfloat16> ? 0x1p-13 : 0x1p-16;
    const double sigma = std::sqrt(3 * 0.25 * steps) * unit / (size * std::sqrt(static_cast<double>(n)));
    INFO("share " << share << " +- " << sigma);
    CHECK(std::abs(share - 1) < 5 * sigma);
    CHECK(sigma < 0.1);
    // Replay.
    displacement(rule, settings, again);
    CHECK(std::memcmp(w.data(), again.data(), n * sizeof(T)) == 0);
}

} // namespace

TEMPLATE_TEST_CASE("Stochastic rounding is to the neighbours, and exact in the mean", "", bfloat16, float16) {
    for (const std::uint32_t bits : {0u, 1u, 0x80u, 0x3FFu, 0x400u, 0x1234u, 0x3CA3u, 0x7BFEu, 0x8001u, 0xA123u}) {
        INFO("from pattern " << bits);
        CHECK(unbiased<TestType>(bits, 40'000));
    }
}

TEMPLATE_TEST_CASE("What 16 bits hold is stored as it is, by every kind of lanes", "", bfloat16, float16) {
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
        const auto x = static_cast<float>(from_bits<TestType>(bits));
        const std::uint16_t scalar = stored<ScalarLanes, TestType>(x, bits).bits;
        const std::uint16_t vector = stored<SimdLanes<WidestArch>, TestType>(x, bits).bits;
        if (std::isnan(x)) {
            REQUIRE(std::isnan(static_cast<float>(from_bits<TestType>(scalar))));
        } else {
            REQUIRE(scalar == bits);
        }
        REQUIRE(vector == scalar);
    }
    // Arithmetic's NaN, of any payload, and what is beyond the largest number.
    for (const std::uint32_t pattern : {0x7FFFFFFFu, 0xFFFFFFFFu, 0x7FC00000u, 0xFFC12345u}) {
        for (std::uint64_t element = 0; element < 100; ++element) {
            REQUIRE(std::isnan(static_cast<float>(stored<ScalarLanes, TestType>(std::bit_cast<float>(pattern), element))));
            REQUIRE(std::isnan(static_cast<float>(stored<SimdLanes<WidestArch>, TestType>(std::bit_cast<float>(pattern), element))));
        }
    }
    CHECK(static_cast<float>(stored<ScalarLanes, float16>(1e6f, 0)) == 65504.0f);
    CHECK(std::isinf(static_cast<float>(stored<ScalarLanes, bfloat16>(-std::numeric_limits<float>::infinity(), 0))));
}

TEMPLATE_TEST_CASE("Every kind of lanes rounds stochastically to the same bits", "", bfloat16, float16) {
    std::uint32_t state = 5;
    for (std::uint64_t trial = 0; trial < 200'000; ++trial) {
        state = state * 1664525u + 1013904223u;
        const float x = std::bit_cast<float>(state ^ (state >> 15));
        const TestType scalar = stored<ScalarLanes, TestType>(x, trial);
        REQUIRE((stored<SimdLanes<WidestArch>, TestType>(x, trial).bits == scalar.bits || std::isnan(x)));
    }
}

TEMPLATE_TEST_CASE("Updates of a hundredth of a unit move 16-bit weights by their mean", "", InPlace, Snapshot) {
    constexpr int updates = 100;
    std::vector<bfloat16> w(n, bfloat16{0.02f});
    const auto start = static_cast<double>(static_cast<float>(w[0]));
    Parameters parameters;
    parameters.add("w", std::span{w});
    Cursor<Rademacher, TestType, Fast> cursor{parameters, Rademacher{}, TestType{}, Fast{}, 0, 1};
    for (std::uint64_t step = 0; step < updates; ++step) {
        // Always the same direction: the mean is over steps as well.
        cursor.update({.rate = 1e-6, .towards = 1, .key = Key{1, step, 0}}, std::vector<Term>{{Key{9, 0, 0}, 1.0}});
        cursor.settle();
    }
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double z = static_cast<double>(Rademacher{}(Key{9, 0, 0}, parameters.blocks()[0].identity, i));
        mean += z * (static_cast<double>(static_cast<float>(w[i])) - start) / static_cast<double>(n);
    }
    const double unit = 0x1p-13;
    const double sigma = std::sqrt(updates * 1e-6 * unit / static_cast<double>(n));
    INFO("mean " << mean << " +- " << sigma);
    CHECK(std::abs(mean - updates * 1e-6) < 5 * sigma);
    CHECK(20 * sigma < updates * 1e-6);
}

TEST_CASE("Every rule moves 16-bit weights as far as floats") {
    keeps_updates<bfloat16>(Sgd{.learning_rate = 1e-5}, Settings{.seed = 3});
    keeps_updates<float16>(Sgd{.learning_rate = 3e-6}, Settings{.seed = 3});
    keeps_updates<bfloat16>(Sgd{.learning_rate = 1e-5}, Settings{.seed = 3, .settling = Settling::lazily});
    keeps_updates<bfloat16>(Sgd{.learning_rate = 1e-5}, Settings{.seed = 3, .restore = Snapshot{}});
    keeps_updates<bfloat16>(Sgd{.learning_rate = 1e-5}, Settings{.seed = 3, .restore = Snapshot{}, .settling = Settling::lazily});
    keeps_updates<bfloat16>(Sgd{.learning_rate = 1e-5, .weight_decay = 0.01}, Settings{.seed = 3});
    keeps_updates<bfloat16>(SignSgd{.learning_rate = 1e-5}, Settings{.seed = 3});
    keeps_updates<bfloat16>(Momentum{.learning_rate = 1e-6}, Settings{.seed = 3});
    keeps_updates<bfloat16>(Adam{.learning_rate = 1e-5}, Settings{.seed = 3});
}

TEST_CASE("First-order updates of 16-bit weights are kept in the mean, too") {
    std::vector<bfloat16> w(n, bfloat16{0.02f});
    std::vector<bfloat16> of_reference = w;
    const auto start = static_cast<double>(static_cast<float>(w[0]));
    const auto train = [](std::vector<bfloat16>& weights, const auto& backend) {
        Parameters parameters;
        parameters.add("w", std::span{weights});
        FirstOrderOptimizer optimizer{parameters, Sgd{.learning_rate = 1e-6}, Settings<>{.seed = 1}, backend};
        for (int step = 0; step < 100; ++step) {
            optimizer.step([&](std::span<const GradientBlock> gradients) {
                for (float& g : gradients[0].floats()) {
                    g = -1;
                }
                return 0.0;
            });
        }
    };
    train(w, Fast{});
    train(of_reference, Reference{});
    CHECK(std::memcmp(w.data(), of_reference.data(), n * sizeof(bfloat16)) == 0);
    double mean = 0;
    for (const bfloat16 weight : w) {
        mean += (static_cast<double>(static_cast<float>(weight)) - start) / static_cast<double>(n);
    }
    CHECK(std::abs(mean - 1e-4) < 5 * std::sqrt(1e-4 * 0x1p-13 / static_cast<double>(n)));
}

TEMPLATE_TEST_CASE("A perturbation alone is rounded to nearest", "", InPlace, Snapshot) {
    std::vector<bfloat16> w(1000, bfloat16{0.02f});
    Parameters parameters;
    parameters.add("w", std::span{w});
    Cursor<Rademacher, TestType, Fast> cursor{parameters, Rademacher{}, TestType{}, Fast{}, 1e-6, 1};
    for (std::uint64_t step = 0; step < 100; ++step) {
        cursor.stand_at(Term{Key{1, step, 0}, 1e-6});
    }
    cursor.settle();
    for (const bfloat16 weight : w) {
        REQUIRE(weight.bits == bfloat16{0.02f}.bits);
    }
}
