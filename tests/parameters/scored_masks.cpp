// Masks by scores of the caller's, and the squared gradients that such scores are.

#include <zeroth/first_order/fisher_diagonal.hpp>
#include <zeroth/directions/bit_masks.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace zeroth;

namespace {

struct Tensors {
    std::vector<float> small = std::vector<float>(700, 1.0f), large = std::vector<float>(1300, 2.0f), none;
    std::array<std::vector<float>, 3> score{std::vector<float>(700), std::vector<float>(1300), std::vector<float>{}};

    Tensors() {
        for (std::size_t i = 0; i < 700; ++i) {
            score[0][i] = 1e-3f * static_cast<float>(i * 7919 % 701);
        }
        for (std::size_t i = 0; i < 1300; ++i) {
            score[1][i] = i % 3 == 0 ? 0.0f : 1e-30f * static_cast<float>(1 + i * 31 % 1301);
        }
    }
    [[nodiscard]] Parameters parameters() {
        Parameters result;
        result.add("small", std::span{small});
        result.add("large", std::span{large});
        result.add("none", std::span{none});
        return result;
    }
    [[nodiscard]] std::array<std::span<const float>, 3> scores() const { return {score[0], score[1], score[2]}; }
};

/// The `wanted` first of these blocks' weights in the order of falling scores, then of blocks and elements.
std::vector<std::pair<std::size_t, std::size_t>> best(const Tensors& tensors, const std::vector<std::size_t>& blocks, std::size_t wanted) {
    std::vector<std::pair<std::size_t, std::size_t>> all;
    for (const std::size_t b : blocks) {
        for (std::size_t i = 0; i < tensors.score[b].size(); ++i) {
            all.emplace_back(b, i);
        }
    }
    std::sort(all.begin(), all.end(), [&](auto l, auto r) {
        const float left = tensors.score[l.first][l.second], right = tensors.score[r.first][r.second];
        return left != right ? left > right : l < r;
    });
    all.resize(wanted);
    return all;
}

} // namespace

TEST_CASE("Bits choose the weights of the largest scores, of each tensor or of all") {
    Tensors tensors;
    BitMasks bits{tensors.parameters()};
    const auto scores = tensors.scores();
    for (const double share : {0.0, 0.001, 0.1, 0.5, 0.9, 1.0}) {
        bits.keep_largest(scores, share);
        const auto of_small = static_cast<std::size_t>(share * 700 + 0.5), of_large = static_cast<std::size_t>(share * 1300 + 0.5);
        REQUIRE(bits.count() == of_small + of_large);
        for (const auto& [b, i] : best(tensors, {0}, of_small)) {
            REQUIRE(bits.test(b, i));
        }
        for (const auto& [b, i] : best(tensors, {1}, of_large)) {
            REQUIRE(bits.test(b, i));
        }
        bits.keep_largest_of_all(scores, share);
        const auto wanted = static_cast<std::size_t>(share * 2000 + 0.5);
        REQUIRE(bits.count() == wanted);
        for (const auto& [b, i] : best(tensors, {0, 1}, wanted)) {
            REQUIRE(bits.test(b, i));
        }
    }
    CHECK(bits.count() == 2000);
}

TEST_CASE("Scores that are not the weights', or no scores, are refused") {
    Tensors tensors;
    BitMasks bits{tensors.parameters()};
    bits.set(0, 3);
    const auto scores = tensors.scores();
    CHECK_THROWS_AS(bits.keep_largest(scores, 1.5), std::invalid_argument);
    CHECK_THROWS_AS(bits.keep_largest_of_all(scores, -0.1), std::invalid_argument);
    CHECK_THROWS_AS(bits.keep_largest(std::span{scores}.first(2), 0.5), std::invalid_argument);
    const std::array<std::span<const float>, 3> short_of_one{scores[0], scores[1].first(1299), scores[2]};
    CHECK_THROWS_AS(bits.keep_largest(short_of_one, 0.5), std::invalid_argument);
    for (const float bad : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        tensors.score[1][77] = bad;
        CHECK_THROWS_AS(bits.keep_largest_of_all(tensors.scores(), 0.5), std::invalid_argument);
    }
    CHECK(bits.count() == 1); // as it was
    CHECK(bits.test(0, 3));
}

TEST_CASE("The Fisher diagonal is the sum of squared gradients") {
    std::vector<float> a(5, 0.5f);
    std::vector<double> b(3, 0.5);
    std::vector<bfloat16> c(4);
    Parameters parameters;
    parameters.add("a", std::span{a});
    parameters.add("b", std::span{b});
    parameters.add("c", std::span{c});
    FisherDiagonal fisher{parameters};
    int batch = 0;
    const auto gradient = [&](std::span<const GradientBlock> blocks) {
        ++batch;
        REQUIRE(blocks.size() == 3);
        for (float& g : blocks[0].floats()) {
            REQUIRE(g == 0); // whatever the last batch's was
            g = static_cast<float>(batch);
        }
        blocks[1].doubles()[2] = -0.5 * batch;
        blocks[2].floats()[1] = batch == 2 ? 1e30f : 0.25f;
        return 7.0 + batch;
    };
    CHECK(fisher.add(gradient) == 8);
    CHECK(fisher.add(gradient) == 9);
    CHECK(fisher.calls() == 2);
    const auto scores = fisher.scores();
    REQUIRE(scores.size() == 3);
    for (const float f : scores[0]) {
        CHECK(f == 5);
    }
    CHECK(std::vector<float>(scores[1].begin(), scores[1].end()) == std::vector<float>{0, 0, 1.25f});
    CHECK(scores[2][1] == std::numeric_limits<float>::max());
    CHECK(scores[2][0] == 0);

    // Nothing is added of what is not finite.
    CHECK(std::isnan(fisher.add([](std::span<const GradientBlock> blocks) {
        blocks[0].floats()[0] = 1;
        return std::nan("");
    })));
    CHECK(std::isinf(fisher.add([](std::span<const GradientBlock> blocks) {
        blocks[0].floats()[0] = 1;
        blocks[1].doubles()[1] = std::numeric_limits<double>::infinity();
        return 1.0;
    })));
    CHECK(fisher.calls() == 2);
    CHECK(scores[0][0] == 5);
    CHECK_THROWS_AS(FisherDiagonal{Parameters{}}, std::invalid_argument);
}

TEST_CASE("A mask of the sensitive weights trains them, and no others") {
    // A loss that hangs on every tenth weight of 500.
    std::vector<float> w(500, 1.0f);
    const auto slope = [](std::size_t i) { return i % 10 == 3 ? 1.0 : 1e-4; };
    const auto loss = [&] {
        double sum = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            sum += slope(i) * static_cast<double>(w[i]) * static_cast<double>(w[i]);
        }
        return sum;
    };
    Parameters parameters;
    parameters.add("w", std::span{w});
    FisherDiagonal fisher{parameters};
    fisher.add([&](std::span<const GradientBlock> gradient) {
        for (std::size_t i = 0; i < w.size(); ++i) {
            gradient[0].floats()[i] = static_cast<float>(2 * slope(i) * static_cast<double>(w[i]));
        }
        return loss();
    });
    BitMasks bits{parameters};
    bits.keep_largest_of_all(fisher.scores(), 0.1);
    const double before = loss();
    Optimizer optimizer{parameters, TwoSidedRge{.direction = Masked{Rademacher{}, bits.mask()}}, Sgd{.learning_rate = 5e-3},
                        Settings{.seed = 1, .restore = Snapshot{}}};
    for (int step = 0; step < 100; ++step) {
        optimizer.step(loss);
    }
    CHECK(loss() < 0.5 * before);
    for (std::size_t i = 0; i < w.size(); ++i) {
        REQUIRE(bits.test(0, i) == (i % 10 == 3));
        REQUIRE((bits.test(0, i) || w[i] == 1.0f));
    }
}
