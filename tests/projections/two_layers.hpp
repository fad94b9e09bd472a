#pragma once

#include <zeroth/backends/simd.hpp>
#include <zeroth/zeroth.hpp>

#include <cstddef>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using Fast = zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<float>>;

/// 1/2 sum (w - 1)^2 over two blocks, which begin at 0: a weight's gradient is its distance to 1.
template <class T = float>
struct TwoLayers {
    std::vector<T> near;
    std::vector<T> far;

    explicit TwoLayers(std::size_t n = 200) : near(n, T(0.0f)), far(n + 3, T(0.0f)) {}

    [[nodiscard]] zeroth::Parameters parameters() {
        zeroth::Parameters result;
        result.add("near", std::span{near});
        result.add("far", std::span{far});
        return result;
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (const std::vector<T>* layer : {&near, &far}) {
            for (const T w : *layer) {
                const double error = static_cast<double>(static_cast<float>(w)) - 1;
                sum += error * error / 2;
            }
        }
        return sum;
    }
    /// Moves away from where it began.
    void move() {
        for (std::size_t i = 0; i < near.size(); ++i) {
            near[i] = T(0.3f + 0.001f * static_cast<float>(i % 17));
        }
        for (std::size_t i = 0; i < far.size(); ++i) {
            far[i] = T(0.05f + 0.0001f * static_cast<float>(i % 23));
        }
    }
};

template <class T>
[[nodiscard]] bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// What it throws says.
[[nodiscard]] std::string refusal(auto make) {
    try {
        make();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

[[nodiscard]] constexpr bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
