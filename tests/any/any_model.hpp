#pragma once

/// A problem with blocks of several chunks, odd ends, and weights of -0, and what compares runs on it.

#include "reference_of.hpp"

#include <zeroth/any/any_optimizer.hpp>
#include <zeroth/optimizer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace any {

using namespace zeroth;

template <class T = float>
struct Model {
    std::vector<T> matrix = std::vector<T>(53 * 101);
    std::vector<T> vector = std::vector<T>(83);

    Model() {
        for (std::size_t i = 0; i < matrix.size(); ++i) {
            const int place = static_cast<int>(i * 7 % 23) - 11;
            matrix[i] = T(place == 0 ? -0.0f : 0.01f * static_cast<float>(place));
        }
        for (std::size_t i = 0; i < vector.size(); ++i) {
            vector[i] = T(0.02f * static_cast<float>(static_cast<int>(i * 5 % 13) - 6));
        }
    }
    [[nodiscard]] Parameters parameters() {
        Parameters result = of_matrix();
        result.add("layer.1.vector", std::span{vector}, {}, {.rate = 0.5, .weight_decay = 0});
        return result;
    }
    [[nodiscard]] Parameters of_matrix() {
        Parameters result;
        result.add("layer.0.matrix", std::span{matrix}, {53, 101});
        return result;
    }
    [[nodiscard]] Parameters of_vector() {
        Parameters result;
        result.add("layer.1.vector", std::span{vector}, {}, {.rate = 0.5, .weight_decay = 0});
        return result;
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (const std::vector<T>* of : {&matrix, &vector}) {
            for (const T& x : *of) {
                const double error = static_cast<double>(x) - 0.05;
                sum += error * error / 2;
            }
        }
        return sum / 50;
    }
    double gradient(std::span<const GradientBlock> blocks) const {
        for (const GradientBlock& block : blocks) {
            const std::vector<T>& of = block.size == matrix.size() ? matrix : vector;
            for (std::size_t i = 0; i < block.size; ++i) {
                block.floats()[i] = (static_cast<float>(of[i]) - 0.05f) / 50;
            }
        }
        return loss();
    }
    [[nodiscard]] DirectionalLoss along(const Tangent& tangent) const {
        DirectionalLoss result{loss(), 0};
        for (std::size_t b = 0; b < tangent.blocks().size(); ++b) {
            const std::vector<T>& of = tangent.blocks()[b].size() == matrix.size() ? matrix : vector;
            std::vector<float> z(of.size());
            tangent.fill(b, z);
            for (std::size_t i = 0; i < z.size(); ++i) {
                result.derivative += static_cast<double>(z[i]) * (static_cast<double>(of[i]) - 0.05) / 50;
            }
        }
        return result;
    }
    [[nodiscard]] bool operator==(const Model& other) const {
        return std::memcmp(matrix.data(), other.matrix.data(), matrix.size() * sizeof(T)) == 0 &&
               std::memcmp(vector.data(), other.vector.data(), vector.size() * sizeof(T)) == 0;
    }
};

inline bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

inline void check_reports(const StepReport& known, const StepReport& any) {
    CHECK(any.step == known.step);
    CHECK(any.reason == known.reason);
    CHECK(same(any.loss, known.loss));
    CHECK((same(any.relative_update, known.relative_update) ||
           std::abs(any.relative_update - known.relative_update) <= 1e-12 * known.relative_update)); // of sums that compilers may fuse
    CHECK(any.learning_rate == known.learning_rate);
    CHECK(any.forward_passes == known.forward_passes);
    CHECK(any.traversals == known.traversals);
    CHECK(any.terms.size() == known.terms.size());
}

/// The same bits and reports of five steps, with settings and a method's text.
template <class T = float, class Restore = InPlace, class E, class Rule>
void check_same(const std::string& text, const E& estimator, const Rule& rule, Settling settling = Settling::each_step) {
    INFO(text << (settling == Settling::lazily ? ", lazily" : ""));
    Model<T> known;
    Model<T> chosen;
    {
        Optimizer typed{known.parameters(), estimator, rule, Settings<Restore>{.seed = 9, .restore = {}, .settling = settling},
                        zeroth_test::ReferenceOf<T>{}};
        AnyOptimizer any{chosen.parameters(), Method::from(text + " restore=" + std::string{Restore::name}), {.seed = 9, .settling = settling}};
        CHECK(any.forward_passes() == typed.forward_passes());
        for (int step = 0; step < 5; ++step) {
            const StepReport expected = typed.step([&] { return known.loss(); });
            const StepReport report = any.step([&] { return chosen.loss(); });
            check_reports(expected, report);
        }
        REQUIRE(known == chosen);
        CHECK(any.steps() == typed.steps());
        CHECK(any.state_bytes() == typed.state_bytes());
    }
    CHECK(known == chosen);
    CHECK(!(known == Model<T>{}));
}

} // namespace any
