// Masks: the share they keep, the same weights in perturbation and update, the same bits from every backend.

#include "directions/displaced.hpp"

#include <zeroth/directions/bit_masks.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <stdexcept>
#include <vector>

using namespace zeroth_test;

namespace {

constexpr std::size_t sizes[] = {1, 7, 15, 32, 33, 130, 2049, 5000};

std::vector<float> some_weights(std::size_t n) {
    std::vector<float> w(n);
    for (std::size_t i = 0; i < n; ++i) {
        w[i] = static_cast<float>(static_cast<int>(i * 7919 % 1009) - 504) * 0.001f;
    }
    return w;
}

/// z over blocks "a" and "b", by displacing zeros.
template <class D, class B>
std::vector<float> displaced(const D& direction, const Key& key, const B& backend, std::size_t first, std::size_t second) {
    std::vector<float> z(first + second, 0.0f);
    const std::vector<Block> blocks{{"a", z.data(), ScalarType::float32, {hash_name("a"), first, 1}},
                                    {"b", z.data() + first, ScalarType::float32, {hash_name("b"), second, 1}}};
    displace(backend, blocks, direction, key);
    return z;
}

template <class D>
void check_masked(const D& direction, const Key& key) {
    for (const std::size_t first : sizes) {
        const std::size_t second = first / 2 + 3;
        const auto expected = displaced(direction, key, FloatReference{}, first, second);
        CHECK(displaced(direction, key, FastBackend{}, first, second) == expected);
        CHECK(displaced(direction, key, Threads<FastBackend>{{}, 3, 1}, first, second) == expected);
        for (std::size_t i = 0; i < first; i += 7) {
            REQUIRE(expected[i] == direction(key, BlockIdentity{hash_name("a"), first, 1}, i));
        }
    }
}

} // namespace

TEMPLATE_TEST_CASE("A Bernoulli mask keeps its share, of the direction's own numbers", "", Gaussian, Rademacher, Uniform) {
    constexpr std::size_t n = 200000;
    const BlockIdentity a{hash_name("a"), n, 1};
    for (const double keep : {0.01, 0.25, 0.9, 1.0}) {
        const Masked direction{TestType{}, Bernoulli{.keep = keep}};
        std::size_t kept = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const bool is = direction.mask(Key{3, 1, 0}, a, i);
            kept += is ? 1 : 0;
            if (i < 2000) {
                REQUIRE(direction(Key{3, 1, 0}, a, i) == (is ? TestType{}(Key{3, 1, 0}, a, i) : 0.0f));
            }
        }
        INFO("keep " << keep << ", kept " << kept);
        CHECK(std::abs(static_cast<double>(kept) - keep * n) <= 5 * std::sqrt(keep * (1 - keep) * n));
    }
    check_masked(Masked{TestType{}, Bernoulli{.keep = 0.3, .refresh_every = 4}}, Key{3, 9, 1});
}

TEST_CASE("A Bernoulli mask is the step's, not the query's, and changes when it is to be refreshed") {
    constexpr std::size_t n = 4000;
    const BlockIdentity a{hash_name("a"), n, 1}, b{hash_name("b"), n, 1};
    const auto agreeing = [&](const Bernoulli& mask, const Key& left, const BlockIdentity& in_left, const Key& right, const BlockIdentity& in_right) {
        std::size_t same = 0;
        for (std::size_t i = 0; i < n; ++i) {
            same += mask(left, in_left, i) == mask(right, in_right, i) ? 1 : 0;
        }
        return static_cast<double>(same) / n;
    };
    const Bernoulli fixed{.keep = 0.5};
    CHECK(agreeing(fixed, {1, 0, 0}, a, {1, 77, 3}, a) == 1);
    const Bernoulli redrawn{.keep = 0.5, .refresh_every = 10};
    CHECK(agreeing(redrawn, {1, 10, 0}, a, {1, 19, 5}, a) == 1);
    // Independent: half of them agree.
    CHECK(std::abs(agreeing(redrawn, {1, 9, 0}, a, {1, 10, 0}, a) - 0.5) < 0.04);
    CHECK(std::abs(agreeing(fixed, {1, 0, 0}, a, {2, 0, 0}, a) - 0.5) < 0.04);
    CHECK(std::abs(agreeing(fixed, {1, 0, 0}, a, {1, 0, 0}, b) - 0.5) < 0.04);
    CHECK_THROWS_AS((Bernoulli{.keep = 0}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((Bernoulli{.keep = 1.5}.validate()), std::invalid_argument);
}

TEST_CASE("Each block may have a share of its own") {
    const double shares[2] = {0.05, 0.8};
    const Masked direction{Rademacher{}, Bernoulli{.keep_of_block = shares}};
    const auto z = displaced(direction, Key{5, 0, 0}, FastBackend{}, 50000, 50000);
    for (const int block : {0, 1}) {
        const auto begin = z.begin() + block * 50000;
        const auto kept = static_cast<double>(std::count_if(begin, begin + 50000, [](float x) { return x != 0; }));
        CHECK(std::abs(kept - shares[block] * 50000) < 5 * std::sqrt(50000 * shares[block] * (1 - shares[block])));
    }
}

TEST_CASE("Bits choose the weights by magnitude") {
    for (const std::size_t n : sizes) {
        std::vector<float> w = some_weights(n);
        Parameters parameters;
        parameters.add("a", std::span{w});
        BitMasks bits{parameters};
        CHECK(bits.count() == 0);
        for (const double share : {0.0, 0.1, 0.5, 1.0}) {
            const auto wanted = static_cast<std::size_t>(share * static_cast<double>(n) + 0.5);
            for (const bool largest : {true, false}) {
                largest ? bits.keep_largest(share) : bits.keep_smallest(share);
                REQUIRE(bits.count() == wanted);
                // No weight outside is better than one inside.
                float worst_inside = largest ? 1e30f : -1, best_outside = largest ? -1 : 1e30f;
                for (std::size_t i = 0; i < n; ++i) {
                    float& end = bits.test(0, i) ? worst_inside : best_outside;
                    const bool lower = bits.test(0, i) == largest;
                    end = lower ? std::min(end, std::abs(w[i])) : std::max(end, std::abs(w[i]));
                }
                if (wanted > 0 && wanted < n) {
                    CHECK((largest ? worst_inside >= best_outside : worst_inside <= best_outside));
                }
            }
        }
        bits.keep_n_of_m(2, 4);
        for (std::size_t first = 0; first < n; first += 4) {
            const std::size_t size = std::min<std::size_t>(4, n - first);
            std::vector<std::size_t> order(size);
            std::iota(order.begin(), order.end(), first);
            std::sort(order.begin(), order.end(), [&](std::size_t l, std::size_t r) {
                return std::abs(w[l]) > std::abs(w[r]) || (std::abs(w[l]) == std::abs(w[r]) && l < r);
            });
            for (std::size_t k = 0; k < size; ++k) {
                REQUIRE(bits.test(0, order[k]) == (k < 2));
            }
        }
        CHECK_THROWS_AS(bits.keep_largest(1.5), std::invalid_argument);
        CHECK_THROWS_AS(bits.keep_n_of_m(3, 2), std::invalid_argument);
    }
}

TEST_CASE("Shares by global magnitude are each block's part of the largest weights") {
    std::vector<float> small(1000), large(500), mixed(300), none;
    std::vector<float> all;
    for (std::size_t i = 0; i < small.size(); ++i) {
        small[i] = (i % 2 == 0 ? 1e-3f : -1e-3f) * static_cast<float>(1 + i * 7919 % 1009);
    }
    for (std::size_t i = 0; i < large.size(); ++i) {
        large[i] = 10 + static_cast<float>(i * 31 % 503);
    }
    for (std::size_t i = 0; i < mixed.size(); ++i) {
        mixed[i] = i < 100 ? 1e-9f : -1000 - static_cast<float>(i);
    }
    Parameters parameters;
    parameters.add("small", std::span{small});
    parameters.add("large", std::span{large});
    parameters.add("mixed", std::span{mixed});
    parameters.add("none", std::span{none});
    for (const auto* block : {&small, &large, &mixed}) {
        all.insert(all.end(), block->begin(), block->end());
    }
    std::sort(all.begin(), all.end(), [](float a, float b) { return std::abs(a) > std::abs(b); });
    for (const double share : {0.0, 0.05, 0.1, 0.3, 0.5, 1.0}) {
        const Array<double> shares = shares_by_magnitude(parameters, share);
        const auto wanted = static_cast<std::size_t>(share * 1800 + 0.5);
        REQUIRE(shares.size() == 4);
        CHECK(shares[3] == 0);
        CHECK(std::abs(1000 * shares[0] + 500 * shares[1] + 300 * shares[2] - static_cast<double>(wanted)) < 1e-9);
        if (wanted == 0) {
            continue;
        }
        const float threshold = std::abs(all[wanted - 1]);
        double above = 0;
        for (const float w : large) {
            above += std::abs(w) >= threshold ? 1 : 0;
        }
        CHECK(std::abs(500 * shares[1] - above) < 1); // no two of them are equal
    }
    // Equal weights share what is left.
    std::vector<float> first(60, 1.0f), second(40, 1.0f);
    Parameters equal;
    equal.add("first", std::span{first});
    equal.add("second", std::span{second});
    const Array<double> shares = shares_by_magnitude(equal, 0.25);
    CHECK(std::abs(shares[0] - 0.25) < 1e-12);
    CHECK(std::abs(shares[1] - 0.25) < 1e-12);
    CHECK_THROWS_AS(shares_by_magnitude(equal, 1.5), std::invalid_argument);
}

TEST_CASE("A mask is of the blocks that it was made for, whatever their order, and of no others") {
    std::vector<float> a(40, 1.0f), b(70, 1.0f), c(40, 1.0f);
    Parameters both;
    both.add("a", std::span{a});
    both.add("b", std::span{b});
    BitMasks bits{both};
    for (std::size_t i = 0; i < 70; i += 3) {
        bits.set(1, i);
    }
    Parameters second;
    second.add("b", std::span{b});
    const TwoSidedRge estimator{.direction = Masked{Rademacher{}, bits.mask()}};
    Optimizer optimizer{second, estimator, Sgd{.learning_rate = 0.5}, Settings{.restore = Snapshot{}}, FastBackend{}};
    double sign = 1;
    optimizer.step([&] { return sign = -sign; });
    for (std::size_t i = 0; i < 70; ++i) {
        CHECK((b[i] != 1.0f) == (i % 3 == 0));
    }
    Parameters other;
    other.add("a", std::span{a});
    other.add("c", std::span{c});
    CHECK_THROWS_AS((Optimizer{other, estimator, Sgd{}, {}, FastBackend{}}), std::invalid_argument);
    Parameters longer;
    longer.add("a", std::span{b});
    CHECK_THROWS_AS((Optimizer{longer, estimator, Sgd{}, {}, FastBackend{}}), std::invalid_argument);
    const std::vector<double> shares = {0.5}, wrong = {0.5, 1.5};
    for (const std::vector<double>& some : {shares, wrong}) {
        const TwoSidedRge masked{.direction = Masked{Gaussian{}, Bernoulli{.keep_of_block = some}}};
        CHECK_THROWS_AS((Optimizer{both, masked, Sgd{}, {}, FastBackend{}}), std::invalid_argument);
    }
}

TEST_CASE("A bit mask is read alike by every backend") {
    for (const std::size_t first : sizes) {
        std::vector<float> a = some_weights(first), b = some_weights(first / 2 + 3);
        Parameters parameters;
        parameters.add("a", std::span{a});
        parameters.add("b", std::span{b});
        BitMasks bits{parameters};
        bits.keep_largest(0.3);
        const Masked direction{Gaussian{}, bits.mask()};
        const auto expected = displaced(direction, Key{1, 1, 1}, FloatReference{}, first, first / 2 + 3);
        CHECK(displaced(direction, Key{1, 1, 1}, FastBackend{}, first, first / 2 + 3) == expected);
        for (std::size_t i = 0; i < first; ++i) {
            REQUIRE((expected[i] != 0) == bits.test(0, i));
            REQUIRE(expected[i] == direction(Key{1, 1, 1}, BlockIdentity{hash_name("a"), first, 1}, i));
        }
    }
}

TEMPLATE_TEST_CASE("Perturbation and update touch the mask's weights, and no other", "", Sgd, SignSgd, Adam) {
    std::vector<float> a = some_weights(3000), b = some_weights(700);
    const std::vector<float> before_a = a, before_b = b;
    Parameters parameters;
    parameters.add("a", std::span{a});
    parameters.add("b", std::span{b});
    const Masked direction{Gaussian{}, Bernoulli{.keep = 0.2}};
    TestType rule{};
    rule.learning_rate = 1e-2;
    Optimizer optimizer{parameters, TwoSidedRge{.direction = direction, .queries = 2}, rule, Settings{.seed = 4, .restore = Snapshot{}},
                        FastBackend{}};
    const auto touched = [&](const std::vector<float>& w, const std::vector<float>& before, const char* name, std::size_t i) {
        const bool in_mask = direction.mask(Key{4, 0, 0}, BlockIdentity{hash_name(name), w.size(), 1}, i);
        return in_mask || w[i] == before[i];
    };
    std::size_t displaced_weights = 0;
    for (int step = 0; step < 5; ++step) {
        optimizer.step([&] {
            double sum = 0;
            for (std::size_t i = 0; i < a.size(); ++i) {
                REQUIRE(touched(a, before_a, "a", i));
                displaced_weights += a[i] != before_a[i] ? 1 : 0;
                sum += static_cast<double>(a[i]) * static_cast<double>(a[i]);
            }
            for (std::size_t i = 0; i < b.size(); ++i) {
                REQUIRE(touched(b, before_b, "b", i));
            }
            return sum;
        });
    }
    CHECK(displaced_weights > 10 * 500);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        REQUIRE(touched(a, before_a, "a", i));
        moved += a[i] != before_a[i] ? 1 : 0;
    }
    CHECK(moved > 500);
}
