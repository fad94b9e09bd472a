// LowRank: matrices of low rank whose right factor is an epoch's, the same bits from every backend, formed ahead or not.

#include "prepared.hpp"
#include "reference_of.hpp"

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/directions/low_rank.hpp>
#include <zeroth/directions/masked.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/updates/momentum.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace zeroth;
using zeroth_test::ReferenceOf;

namespace {

using Registers = Simd<WidestArch, ScalarTypes<float>>;

/// Of rows longer and shorter than a register, a group of them and a tile, whole multiples and not; and blocks that are not factored.
const std::vector<Shape> shapes{{40, 64}, {64, 172}, {7, 37}, {700, 5}, {33, 16}, {1000, 3}, {2, 100}, {600, 2}, {2100, 1}, {9, 300}, {5, 2500}, {17, 17}};

template <class T>
struct Model {
    std::vector<std::vector<T>> weights{};
    Parameters parameters{};

    explicit Model(const std::vector<Shape>& of) {
        for (const Shape& shape : of) {
            weights.emplace_back(shape.rows * shape.columns);
        }
        for (std::size_t b = 0; b < of.size(); ++b) {
            parameters.add(std::string{"w"}.append(std::to_string(b)), std::span{weights[b]}, of[b]);
        }
    }
    [[nodiscard]] std::span<const Block> blocks() const { return parameters.blocks(); }
};

std::vector<Key> some_keys(int count) {
    std::vector<Key> keys;
    for (int k = 0; k < count; ++k) {
        keys.push_back(Key{3, 40 + 30 * static_cast<std::uint64_t>(k), static_cast<std::uint32_t>(k % 2)});
    }
    return keys;
}

template <class D, class B>
std::vector<std::vector<float>> displaced(const D& direction, const B& backend, const std::vector<Key>& keys) {
    Model<float> model{shapes};
    std::vector<double> rows;
    while (rows.size() < keys.size()) {
        rows.push_back(1.0 + 0.5 * static_cast<double>(rows.size()));
    }
    zeroth_test::traverse(backend, model.blocks(), direction, keys, rows, Displace{});
    return model.weights;
}

template <class D>
void check_backends(const D& direction) {
    const Model<float> model{shapes};
    for (const int count : {1, 2, 5}) {
        const std::vector<Key> keys = some_keys(count);
        const auto expected = displaced(direction, ReferenceOf<float>{}, keys);
        CHECK(displaced(direction, Registers{}, keys) == expected);
        CHECK(displaced(direction, Threads<Registers>{{}, 3, 1}, keys) == expected);
        if (count == 1) {
            const zeroth_test::Prepared prepared{direction, model.blocks(), keys, {}, Registers{}};
            for (std::size_t b = 0; b < shapes.size(); ++b) {
                for (std::size_t i = 0; i < expected[b].size(); i += i < 400 ? 1 : 37) {
                    INFO("block " << b << ", element " << i);
                    REQUIRE(expected[b][i] == direction(keys[0], model.blocks()[b].identity, i));
                    REQUIRE(expected[b][i] == number_at(prepared.rays().ray(0, b), i));
                }
            }
        }
    }
}

using Matrix = std::vector<std::vector<double>>;

template <class D>
Matrix matrix(const D& direction, const Key& key, const BlockIdentity& block) {
    Matrix z(block.rows, std::vector<double>(block.columns));
    for (std::uint64_t i = 0; i < block.size(); ++i) {
        z[i / block.columns][i % block.columns] = static_cast<double>(direction(key, block, i));
    }
    return z;
}
Matrix beside(Matrix left, const Matrix& right) {
    for (std::size_t i = 0; i < left.size(); ++i) {
        left[i].insert(left[i].end(), right[i].begin(), right[i].end());
    }
    return left;
}
Matrix over(Matrix top, const Matrix& bottom) {
    top.insert(top.end(), bottom.begin(), bottom.end());
    return top;
}

/// By elimination with full pivots.
int rank_of(Matrix a) {
    for (int rank = 0;; ++rank) {
        std::size_t row = 0, column = 0;
        double largest = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            for (std::size_t j = 0; j < a[i].size(); ++j) {
                if (std::abs(a[i][j]) > largest) {
                    largest = std::abs(a[i][j]);
                    row = i;
                    column = j;
                }
            }
        }
        if (largest < 1e-5) {
            return rank;
        }
        const std::vector<double> pivot = a[row];
        for (std::vector<double>& line : a) {
            const double factor = line[column] / pivot[column];
            for (std::size_t j = 0; j < line.size(); ++j) {
                line[j] -= factor * pivot[j];
            }
        }
    }
}

} // namespace

static_assert(VectorDirection<LowRank<>> && VectorDirection<LowRank<16>> && !needs_all_blocks_of<LowRank<>>);
static_assert(LowRank<1>::largest > 23.567f && LowRank<1>::largest < 23.569f && LowRank<16>::largest < 94.3f && LowRank<2>::largest > 33.33f);

TEMPLATE_TEST_CASE("A traversal's numbers are those of random access, from every backend", "", LowRank<1>, LowRank<2>, LowRank<3>,
                   LowRank<16>) {
    check_backends(TestType{.refresh_every = 50});
}

TEST_CASE("A masked matrix of low rank is the same from every backend") {
    const Masked masked{LowRank<>{}, Bernoulli{.keep = 0.3}};
    static_assert(VectorDirection<Masked<LowRank<>, Bernoulli>>);
    check_backends(masked);
}

TEMPLATE_TEST_CASE("A direction has its rank, its epoch's rows and its key's columns", "", LowRank<1>, LowRank<2>, LowRank<5>) {
    const TestType direction{.refresh_every = 50};
    constexpr int rank = std::is_same_v<TestType, LowRank<1>> ? 1 : std::is_same_v<TestType, LowRank<2>> ? 2 : 5;
    const BlockIdentity block{9, 14, 12};
    const Matrix first = matrix(direction, Key{1, 0, 0}, block);
    const Matrix query = matrix(direction, Key{1, 0, 1}, block);
    const Matrix last = matrix(direction, Key{1, 49, 0}, block);
    const Matrix renewed = matrix(direction, Key{1, 50, 0}, block);
    const Matrix seeded = matrix(direction, Key{2, 0, 0}, block);
    for (const Matrix* z : {&first, &query, &last, &renewed, &seeded}) {
        CHECK(rank_of(*z) == rank);
    }
    CHECK(rank_of(over(over(first, query), last)) == rank);
    CHECK(rank_of(over(first, renewed)) == 2 * rank);
    CHECK(rank_of(over(first, seeded)) == 2 * rank);
    CHECK(rank_of(beside(first, query)) == 2 * rank);
    CHECK(rank_of(beside(first, last)) == 2 * rank);
    // Other blocks have factors of their own.
    CHECK(rank_of(over(first, matrix(direction, Key{1, 0, 0}, {10, 14, 12}))) == 2 * rank);
}

TEST_CASE("Blocks with no more rows or columns than the rank have a Gaussian's numbers") {
    for (const BlockIdentity& block : {BlockIdentity{4, 300, 1}, BlockIdentity{4, 1, 300}, BlockIdentity{4, 150, 2}, BlockIdentity{4, 2, 150}}) {
        for (std::uint64_t i = 0; i < 300; ++i) {
            REQUIRE(LowRank<>{}(Key{1, 2, 3}, block, i) == Gaussian{}(Key{1, 2, 3}, block, i));
        }
    }
    CHECK(LowRank<1>{}(Key{1, 2, 3}, {4, 2, 150}, 7) != Gaussian{}(Key{1, 2, 3}, {4, 2, 150}, 7));
}

TEST_CASE("The second moments of low rank are those of the unit matrix") {
    constexpr int keys = 20'000;
    const BlockIdentity block{5, 4, 3};
    const LowRank<> direction{.refresh_every = 1};
    std::vector<double> mean(12), product(144);
    for (std::uint64_t step = 0; step < keys; ++step) {
        double z[12];
        for (std::uint64_t i = 0; i < 12; ++i) {
            z[i] = static_cast<double>(direction(Key{1, step, 0}, block, i));
        }
        for (std::size_t i = 0; i < 12; ++i) {
            mean[i] += z[i] / keys;
            for (std::size_t j = 0; j < 12; ++j) {
                product[12 * i + j] += z[i] * z[j] / keys;
            }
        }
    }
    for (std::size_t i = 0; i < 12; ++i) {
        CHECK(std::abs(mean[i]) < 5 / std::sqrt(double{keys}));
        for (std::size_t j = 0; j < i; ++j) {
            // E z_i^2 z_j^2 = 1 + 2 / r where they share a row or a column.
            CHECK(std::abs(product[12 * i + j]) < 5 * std::sqrt((i / 3 == j / 3 || i % 3 == j % 3 ? 2.0 : 1.0) / keys));
        }
        // E z^4 = 3 + 6 / r.
        CHECK(std::abs(product[13 * i] - 1) < 5 * std::sqrt(5.0 / keys));
    }
}

TEST_CASE("V is kept for the epochs in flight, and no more memory taken while steps follow each other") {
    Model<float> model{shapes};
    std::size_t numbers = 0;
    for (const Shape& shape : shapes) {
        numbers += shape.rows > 2 && shape.columns > 2 ? 2 * (shape.columns + 16) : 0;
    }
    const auto loss = [&] { return static_cast<double>(model.weights[0][5]); };
    {
        Optimizer optimizer{model.parameters, TwoSidedRge{.direction = LowRank<>{.refresh_every = 3}, .queries = 2},
                            WindowedMomentum{.window = 4}, Settings{.settling = Settling::lazily}, Registers{}};
        CHECK(optimizer.state_bytes() == 2 * numbers * sizeof(float));
        for (int step = 0; step < 20; ++step) {
            optimizer.step(loss);
            // Five steps in a row are of three epochs at most.
            const std::size_t epochs = step < 6 ? 2 : 3;
            REQUIRE(optimizer.state_bytes() == epochs * numbers * sizeof(float));
        }
    }
    // Keys of steps far apart take more, and are right.
    const LowRank<> direction;
    LowRankRays<2, Registers> rays{direction, model.blocks(), 4, Registers{}};
    CHECK(rays.bytes() == 2 * numbers * sizeof(float));
    const auto right = [&](const std::vector<Key>& keys) {
        bool all = true;
        for (std::size_t k = 0; k < keys.size(); ++k) {
            for (const std::size_t b : {0u, 3u, 8u, 10u}) {
                for (std::uint64_t i = 0; i < model.blocks()[b].size(); i += 501) {
                    all = all && number_at(rays.ray(k, b), i) == direction(keys[k], model.blocks()[b].identity, i);
                }
            }
        }
        return all;
    };
    std::vector<Key> apart = some_keys(4);
    for (Key& key : apart) {
        key.step *= 100;
    }
    rays.prepare(apart, model.blocks(), Registers{});
    CHECK(rays.bytes() == 4 * numbers * sizeof(float));
    CHECK(right(apart));
    for (std::uint64_t step = 0; step < 1000; step += 10) {
        const std::vector<Key> one{{3, step, 0}};
        rays.prepare(one, model.blocks(), Registers{});
        REQUIRE(right(one));
    }
    CHECK(rays.bytes() == 5 * numbers * sizeof(float)); // beside the four that were drawn last
    CHECK_THROWS_AS((Optimizer{model.parameters, TwoSidedRge{.direction = LowRank<>{.refresh_every = 0}}, Sgd{}, {}, Registers{}}), std::invalid_argument);
}

namespace {

double quadratic(const std::vector<std::vector<float>>& weights) {
    double sum = 0;
    for (const std::vector<float>& w : weights) {
        for (std::size_t i = 0; i < w.size(); ++i) {
            const double error = static_cast<double>(w[i]) - static_cast<double>(i % 7) * 0.25;
            sum += error * error / 100;
        }
    }
    return sum;
}

template <class Restore, class B>
std::vector<std::vector<float>> trained(Settling settling, const B& backend) {
    Model<float> model{{{30, 20}, {12, 40}, {19, 1}}};
    const double before = quadratic(model.weights);
    Optimizer optimizer{model.parameters, TwoSidedRge{.direction = LowRank<>{.refresh_every = 3}, .queries = 2}, Sgd{.learning_rate = 5e-2},
                        Settings<Restore>{.seed = 8, .restore = {}, .settling = settling}, backend};
    for (int step = 0; step < 40; ++step) {
        optimizer.step([&] { return quadratic(model.weights); });
    }
    optimizer.settle();
    CHECK(quadratic(model.weights) < 0.97 * before);
    return model.weights;
}

} // namespace

TEST_CASE("Across renewals settling lazily gives the same weights, and so does every backend") {
    const auto expected = trained<Snapshot>(Settling::each_step, ReferenceOf<float>{});
    CHECK(trained<Snapshot>(Settling::lazily, ReferenceOf<float>{}) == expected);
    CHECK(trained<Snapshot>(Settling::lazily, Registers{}) == expected);
    const auto exact = trained<Exact>(Settling::each_step, ReferenceOf<float>{});
    CHECK(trained<Exact>(Settling::lazily, Registers{}) == exact);
}

TEST_CASE("Exact gives back the bits of a matrix displaced along low rank") {
    Model<float> model{{{30, 20}, {19, 1}}};
    for (std::size_t i = 0; i < 600; ++i) {
        model.weights[0][i] = std::sin(static_cast<float>(i));
    }
    Optimizer optimizer{model.parameters, TwoSidedRge{.direction = LowRank<4>{.refresh_every = 2}}, Sgd{.learning_rate = 0}, Settings{.restore = Exact{}},
                        Registers{}};
    const auto before = model.weights;
    double value = 0;
    for (int step = 0; step < 20; ++step) {
        optimizer.step([&] {
            REQUIRE(model.weights != before);
            return value += 0.25;
        });
        REQUIRE(model.weights == before);
    }
}

TEST_CASE("Momentum over replayed keys is that of the dense directions, whichever epochs they are of") {
    using Vector = std::vector<double>;
    constexpr double epsilon = 1e-2, eta = 0.02;
    Model<double> model{{{6, 5}, {17, 1}}};
    const auto at = [](const std::vector<Vector>& w) {
        double sum = 0;
        for (const Vector& block : w) {
            for (std::size_t i = 0; i < block.size(); ++i) {
                sum += (1 + static_cast<double>(i % 3)) * std::pow(block[i] - std::sin(static_cast<double>(i)), 2) / 20;
            }
        }
        return sum;
    };
    const LowRank<> direction{.refresh_every = 4};
    Optimizer optimizer{model.parameters, TwoSidedRge{.direction = direction, .epsilon = epsilon},
                        WindowedMomentum{.learning_rate = eta, .momentum = 0.8, .window = 9}, Settings{.seed = 4}, ReferenceOf<double>{}};
    std::vector<Vector> dense = model.weights;
    const double before = at(dense);
    std::vector<std::pair<double, std::vector<Vector>>> past;
    for (std::uint64_t step = 0; step < 60; ++step) {
        optimizer.step([&] { return at(model.weights); });
        std::vector<Vector> z;
        for (const Block& block : model.blocks()) {
            Vector& numbers = z.emplace_back();
            for (std::size_t i = 0; i < block.size(); ++i) {
                numbers.push_back(static_cast<double>(direction(Key{4, step, 0}, block.identity, i)));
            }
        }
        const auto move = [&](double by, const std::vector<Vector>& along) {
            for (std::size_t b = 0; b < along.size(); ++b) {
                for (std::size_t i = 0; i < along[b].size(); ++i) {
                    dense[b][i] += by * along[b][i];
                }
            }
        };
        const std::vector<Vector> base = dense;
        move(epsilon, z);
        const double above = at(dense);
        dense = base;
        move(-epsilon, z);
        const double below = at(dense);
        dense = base;
        past.insert(past.begin(), {(above - below) / (2 * epsilon), z});
        if (past.size() > 9) {
            past.pop_back();
        }
        for (std::size_t k = 0; k < past.size(); ++k) {
            move(-eta * std::pow(0.8, k) * past[k].first, past[k].second);
        }
        for (std::size_t b = 0; b < dense.size(); ++b) {
            for (std::size_t i = 0; i < dense[b].size(); ++i) {
                REQUIRE(std::abs(dense[b][i] - model.weights[b][i]) < 1e-9);
            }
        }
    }
    CHECK(at(model.weights) < 0.8 * before);
}

TEST_CASE("A forward gradient's tangent is of low rank") {
    Model<float> model{{{30, 20}, {19, 1}}};
    const LowRank<> direction{.refresh_every = 2};
    Optimizer optimizer{model.parameters, ForwardGradient{.direction = direction, .queries = 2}, Sgd{.learning_rate = 5e-2}, Settings{.seed = 6},
                        Registers{}};
    const double before = quadratic(model.weights);
    std::uint64_t calls = 0;
    for (int step = 0; step < 40; ++step) {
        optimizer.step([&](const Tangent& tangent) {
            const Key key{6, calls / 2, static_cast<std::uint32_t>(calls % 2)};
            ++calls;
            double derivative = 0;
            for (std::size_t b = 0; b < 2; ++b) {
                std::vector<float> z(model.weights[b].size());
                tangent.fill(b, z);
                for (std::size_t i = 0; i < z.size(); ++i) {
                    REQUIRE(z[i] == direction(key, tangent.blocks()[b].identity, i));
                    derivative += (static_cast<double>(model.weights[b][i]) - static_cast<double>(i % 7) * 0.25) / 50 * static_cast<double>(z[i]);
                }
            }
            return DirectionalLoss{quadratic(model.weights), derivative};
        });
    }
    CHECK(quadratic(model.weights) < 0.97 * before);
}
