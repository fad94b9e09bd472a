#pragma once

#include <zeroth/backends/simd.hpp>
#include <zeroth/zeroth.hpp>

#include <cstdint>
#include <string>

/// A backend that counts the traversals that write weights, which is what the optimizer's promise is about.
struct Counting {
    std::uint64_t* writes = nullptr;
    zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<float, double>> inner{};

    [[nodiscard]] std::string name() const { return "counting"; }

    template <class Operation, zeroth::Ray R>
    void traverse(const zeroth::Traversal<Operation, R>& traversal) const noexcept {
        *writes += Operation::writes ? 1 : 0;
        inner.traverse(traversal);
    }
};

/// sum_i (w_i - t_i)^2 / 2 over n weights, with a gradient known in closed form.
struct Quadratic {
    std::vector<float> weights;
    std::vector<float> target;

    explicit Quadratic(std::size_t n) : weights(n), target(n) {
        for (std::size_t i = 0; i < n; ++i) {
            weights[i] = 0.02f * static_cast<float>(i % 13) - 0.1f;
            target[i] = 0.03f * static_cast<float>(i % 7) - 0.09f;
        }
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const double error = static_cast<double>(weights[i]) - static_cast<double>(target[i]);
            sum += error * error / 2;
        }
        return sum;
    }
    [[nodiscard]] zeroth::Parameters parameters() {
        zeroth::Parameters result;
        const std::size_t half = weights.size() / 2;
        result.add("first", std::span{weights}.first(half));
        result.add("second", std::span{weights}.subspan(half));
        return result;
    }
};
