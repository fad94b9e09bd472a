#pragma once

#include <zeroth/config.hpp>

#include <cmath>
#include <compare>
#include <concepts>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// A number and its derivative along one direction: forward-mode differentiation of any code that is a template of its scalar.
///
///   f(x + d e) = f(x) + f'(x) d e,  e^2 = 0
///
/// Comparisons are the values'. Where a function has no derivative (abs at 0, max of equals) it has that of one side.
template <std::floating_point T>
struct Dual {
    T value = 0;
    T derivative = 0;

    constexpr Dual() = default;
    template <class Number>
        requires std::convertible_to<Number, T>
    constexpr Dual(Number x) : value{static_cast<T>(x)} {}
    constexpr Dual(T x, T dx) : value{x}, derivative{dx} {}

    template <class Number>
        requires std::is_arithmetic_v<Number>
    explicit constexpr operator Number() const {
        return static_cast<Number>(value);
    }

    friend constexpr Dual operator+(const Dual& a) { return a; }
    friend constexpr Dual operator-(const Dual& a) { return {-a.value, -a.derivative}; }
    friend constexpr Dual operator+(const Dual& a, const Dual& b) { return {a.value + b.value, a.derivative + b.derivative}; }
    friend constexpr Dual operator-(const Dual& a, const Dual& b) { return {a.value - b.value, a.derivative - b.derivative}; }
    friend constexpr Dual operator*(const Dual& a, const Dual& b) {
        return {a.value * b.value, a.derivative * b.value + a.value * b.derivative};
    }
    friend constexpr Dual operator/(const Dual& a, const Dual& b) {
        const T quotient = a.value / b.value;
        return {quotient, (a.derivative - quotient * b.derivative) / b.value};
    }
    constexpr Dual& operator+=(const Dual& other) { return *this = *this + other; }
    constexpr Dual& operator-=(const Dual& other) { return *this = *this - other; }
    constexpr Dual& operator*=(const Dual& other) { return *this = *this * other; }
    constexpr Dual& operator/=(const Dual& other) { return *this = *this / other; }

    friend constexpr bool operator==(const Dual& a, const Dual& b) { return a.value == b.value; }
    friend constexpr auto operator<=>(const Dual& a, const Dual& b) { return a.value <=> b.value; }

    friend Dual exp(const Dual& x) {
        const T y = std::exp(x.value);
        return {y, y * x.derivative};
    }
    friend Dual log(const Dual& x) { return {std::log(x.value), x.derivative / x.value}; }
    friend Dual sqrt(const Dual& x) {
        const T y = std::sqrt(x.value);
        return {y, x.derivative / (2 * y)};
    }
    friend Dual tanh(const Dual& x) {
        const T y = std::tanh(x.value);
        return {y, (1 - y * y) * x.derivative};
    }
    friend Dual sin(const Dual& x) { return {std::sin(x.value), std::cos(x.value) * x.derivative}; }
    friend Dual cos(const Dual& x) { return {std::cos(x.value), -std::sin(x.value) * x.derivative}; }
    friend Dual pow(const Dual& x, T power) {
        return {std::pow(x.value, power), power * std::pow(x.value, power - 1) * x.derivative};
    }
    friend Dual abs(const Dual& x) { return x.value < 0 ? -x : x; }
    friend bool isfinite(const Dual& x) { return std::isfinite(x.value) && std::isfinite(x.derivative); }
    friend bool isnan(const Dual& x) { return std::isnan(x.value); }
    friend bool isinf(const Dual& x) { return std::isinf(x.value); }
};

ZEROTH_END_NAMESPACE
