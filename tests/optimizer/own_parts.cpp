// What a user brings along, through whole runs: a direction in two forms, an estimator, an update rule, a backend.

#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>
#include <zeroth/zeroth.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace zeroth;

namespace {

/// 0 with probability 1/2, else +-sqrt 2: of random words, drawn in registers.
struct Ternary {
    static constexpr float largest = 1.4142135f;
    static constexpr int groups = 16;
    static constexpr int vectors = 4;

    using Ray = PhiloxRay<Ternary>;

    template <class Lanes>
    ZEROTH_INLINE static void next(typename Lanes::Word (&words)[4], typename Lanes::Float (&z)[4]) noexcept {
        for (int k = 0; k < 4; ++k) {
            const auto shifted = words[k] + words[k];
            const auto is_set = Lanes::broadcast_word(0) - Lanes::template shift_right<31>(shifted);
            z[k] = Lanes::from_bits(((words[k] & Lanes::broadcast_word(0x80000000u)) | Lanes::broadcast_word(0x3FB504F3u)) & is_set);
            words[k] = shifted + shifted;
        }
    }
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return number_of<Ternary>(key, block, element);
    }
};

/// The same numbers, element by element and no more.
struct PlainTernary {
    static constexpr float largest = Ternary::largest;
    float operator()(const Key& key, const BlockIdentity& block, std::uint64_t element) const noexcept {
        return Ternary{}(key, block, element);
    }
};

/// Four-point differences: (8 (L(eps) - L(-eps)) - (L(2 eps) - L(-2 eps))) / (12 eps).
template <Direction D = Ternary>
struct FourPoint {
    D direction{};
    double epsilon = 1e-2;

    void validate() const { require_setting(epsilon > 0, "epsilon", epsilon, "positive"); }
    [[nodiscard]] std::size_t max_terms() const noexcept { return 1; }
    [[nodiscard]] std::size_t forward_passes() const noexcept { return 4; }
    [[nodiscard]] double reach() const noexcept { return 2 * epsilon * static_cast<double>(D::largest); }

    template <class Cursor, ForwardFn F>
    void operator()(Cursor& cursor, F& forward, const Key& key, Estimate& estimate) const {
        double sum = 0;
        for (const double at : {2.0, 1.0, -1.0, -2.0}) {
            cursor.stand_at(Term{key, at * epsilon});
            const double loss = estimate.evaluate(forward);
            if (!estimate.finite) {
                return;
            }
            sum += (std::abs(at) > 1 ? -1 : 8) * (at > 0 ? loss : -loss);
            estimate.loss += loss / 4;
        }
        estimate.add(key, sum / (12 * epsilon), 1, 1e30);
    }
};

/// theta <- theta - eta g |theta|: written as one's own step, of the base too.
struct Relative {
    struct Step {
        static constexpr int coefficients = 1;
        static constexpr int scaled = 1;
        static constexpr int sums = 1;

        template <class Lanes, class Storage>
        struct Bound : PlainSum<Lanes, Storage> {
            using Real = typename PlainSum<Lanes, Storage>::Real;

            Bound(const Step&, const BlockView&, std::size_t) noexcept {}
            template <class Count>
            ZEROTH_INLINE Real u(const Real& base, const Real* sum, std::uint64_t, Count) const noexcept {
                return Lanes::product(sum[0], Lanes::abs(base));
            }
        };
    };
    using State = NoState;
    static constexpr std::size_t state_bytes_per_parameter = 0;

    double learning_rate = 1e-3;

    void validate() const { require_rate(learning_rate); }
    [[nodiscard]] double rate(std::uint64_t) const noexcept { return learning_rate; }
    [[nodiscard]] Descend<Step> move(const Estimate& estimate, const Key& key, State&, Gradient<Step>& gradient) const {
        append_terms(estimate, gradient);
        return {.rate = learning_rate, .key = key};
    }
};

/// Block by block, the last one first, in two pieces: the order is a backend's own affair.
struct Backwards {
    using Lanes = ScalarLanes;
    int* calls = nullptr;

    [[nodiscard]] std::string name() const { return "backwards"; }
    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const {
        ++*calls;
        for (std::size_t b = traversal.blocks.size(); b-- > 0;) {
            const std::uint64_t size = traversal.blocks[b].size(), half = size / 2 / tile_size<R> * tile_size<R>;
            visit_range<ScalarLanes, AllScalarTypes>(traversal, b, half, size);
            if (half != 0) {
                visit_range<ScalarLanes, AllScalarTypes>(traversal, b, 0, half);
            }
        }
    }
};
/// A backend that looks into the traversal: it knows Displace and rays of Ternary alone, element by element, and leaves others to Reference.
struct ByHand {
    int* own = nullptr;

    [[nodiscard]] std::string name() const { return "by hand"; }
    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const {
        if constexpr (std::is_same_v<Operation, Displace>) {
            ++*own;
            for (std::size_t b = 0; b < traversal.blocks.size(); ++b) {
                auto* const weights = static_cast<float*>(traversal.blocks[b].data);
                for (std::uint64_t i = 0; i < traversal.blocks[b].size(); ++i) {
                    float sum = 0;
                    for (std::size_t k = 0; k < traversal.moves.size(); ++k) {
                        const double* const scales = traversal.moves.rays.scales(k);
                        const auto coefficient = static_cast<float>(traversal.moves.of(k)[0] * (scales != nullptr ? scales[b] : 1));
                        const float part = ScalarLanes::product(coefficient, number_at(traversal.moves.rays.ray(k, b), i));
                        sum = k == 0 ? part : sum + part;
                    }
                    weights[i] += sum;
                }
            }
        } else {
            Reference{}.traverse(traversal);
        }
    }
};
static_assert(Backend<Backwards> && Backend<ByHand>);
static_assert(VectorDirection<Ternary> && Direction<PlainTernary> && !VectorDirection<PlainTernary>);
static_assert(UpdateRule<Relative> && Estimator<FourPoint<>>);

struct Problem {
    std::vector<float> weights = std::vector<float>(5000);

    Problem() {
        for (std::size_t i = 0; i < weights.size(); ++i) {
            weights[i] = std::sin(static_cast<float>(i)) + 2;
        }
    }
    Parameters parameters() {
        Parameters result;
        result.add("first", std::span{weights}.first(4100), {41, 100});
        result.add("second", std::span{weights}.subspan(4100, 17));
        result.add("third", std::span{weights}.subspan(4117));
        return result;
    }
    double loss() const {
        double sum = 0;
        for (const float w : weights) {
            sum += std::pow(static_cast<double>(w) - 1, 2) + 0.1 * std::pow(static_cast<double>(w) - 1, 4);
        }
        return sum / 1000;
    }
};

template <class Restore, class E, class Rule, class B>
std::vector<float> trained(const E& estimator, const Rule& rule, Settling settling, const B& backend) {
    Problem problem;
    const double before = problem.loss();
    {
        Optimizer optimizer{problem.parameters(), estimator, rule, Settings<Restore>{.seed = 12, .restore = {}, .settling = settling}, backend};
        for (int step = 0; step < 60; ++step) {
            const StepReport report = optimizer.step([&] { return problem.loss(); });
            REQUIRE(report.reason == Reason::updated);
            REQUIRE(report.backend == backend.name());
            REQUIRE(report.forward_passes == estimator.forward_passes());
        }
    }
    CHECK(problem.loss() < 0.995 * before);
    return problem.weights;
}

} // namespace

TEMPLATE_TEST_CASE("A direction of one's own trains alike element by element and in registers, with any backend", "", InPlace, Snapshot, Exact) {
    const Sgd rule{.learning_rate = 0.1};
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        const auto expected = trained<TestType>(TwoSidedRge<Ternary>{.queries = 2}, rule, settling, Reference{});
        const TwoSidedRge<PlainTernary> plain{.queries = 2};
        CHECK(trained<TestType>(plain, rule, settling, Reference{}) == expected);
        CHECK(trained<TestType>(plain, rule, settling, Simd<>{}) == expected);
        CHECK(trained<TestType>(TwoSidedRge<Ternary>{.queries = 2}, rule, settling, Simd<>{}) == expected);
        CHECK(trained<TestType>(TwoSidedRge<Ternary>{.queries = 2}, rule, settling, Threads<Simd<>>{{}, 3, 1}) == expected);
        CHECK(trained<TestType>(plain, rule, settling, Threads<Reference>{{}, 2, 1}) == expected);
    }
}

TEMPLATE_TEST_CASE("An estimator, a rule and a backend of one's own make whole runs", "", InPlace, Snapshot, Exact) {
    int calls = 0;
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        const auto expected = trained<TestType>(FourPoint<>{}, Relative{.learning_rate = 0.02}, settling, Reference{});
        CHECK(trained<TestType>(FourPoint<>{}, Relative{.learning_rate = 0.02}, settling, Simd<>{}) == expected);
        CHECK(trained<TestType>(FourPoint<PlainTernary>{}, Relative{.learning_rate = 0.02}, settling, Reference{}) == expected);
        calls = 0;
        CHECK(trained<TestType>(FourPoint<>{}, Relative{.learning_rate = 0.02}, settling, Backwards{&calls}) == expected);
        CHECK(calls >= 60 * (settling == Settling::lazily ? 4 : 5));
        int own = 0;
        CHECK(trained<TestType>(FourPoint<>{}, Relative{.learning_rate = 0.02}, settling, ByHand{&own}) == expected);
        CHECK((own > 0) == std::is_same_v<TestType, InPlace>);
    }
}

TEST_CASE("A rule of one's own moves each weight as it says") {
    Problem problem;
    const std::vector<float> base = problem.weights;
    Optimizer optimizer{problem.parameters(), FourPoint<>{}, Relative{.learning_rate = 0.05}, Settings{.seed = 3, .restore = Snapshot{}}, Simd<>{}};
    const StepReport report = optimizer.step([&] { return problem.loss(); });
    REQUIRE(report.terms.size() == 1);
    CHECK(report.relative_update != report.relative_update); // the step does not know its size
    const Parameters parameters = problem.parameters();
    std::size_t at = 0;
    for (const Block& block : parameters.blocks()) {
        for (std::uint64_t i = 0; i < block.size(); ++i, ++at) {
            const double z = static_cast<double>(Ternary{}(Key{3, 0, 0}, block.identity, i));
            const double g = report.terms[0].coefficient * z;
            const double expected = static_cast<double>(base[at]) - 0.05 * g * std::abs(static_cast<double>(base[at]));
            REQUIRE(std::abs(static_cast<double>(problem.weights[at]) - expected) < 1e-6);
        }
    }
}
