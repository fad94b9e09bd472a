#pragma once

#include <zeroth/config.hpp>
#include <zeroth/ground/function.hpp>
#include <zeroth/random/scalar_lanes.hpp>
#include <zeroth/ground/setting.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// A learning rate as a function of the step, from 0. Made from a number (constant), from one of the schedules below, or from any
/// callable `double(std::uint64_t step)`. Called once a step.
/// A callable with settings may have a validate() that throws std::invalid_argument; it is called when the Schedule is made.
class Schedule {
  public:
    /// A constant rate.
    template <class Number>
        requires std::is_arithmetic_v<Number>
    Schedule(Number rate) : rate_{[value = static_cast<double>(rate)](std::uint64_t) { return value; }} {}

    template <class F>
        requires(!std::is_arithmetic_v<F> && !std::same_as<F, Schedule> && std::is_invocable_r_v<double, const F&, std::uint64_t>)
    Schedule(F rate) : rate_{(validate(rate), std::move(rate))} {}

    [[nodiscard]] double operator()(std::uint64_t step) const { return rate_(step); }

  private:
    template <class F>
    static void validate(const F& rate) {
        if constexpr (requires { rate.validate(); }) {
            rate.validate();
        }
    }

    Function<double(std::uint64_t)> rate_;
};

/// The same rate at every step.
struct Constant {
    double rate = 1e-6;

    double operator()(std::uint64_t) const noexcept { return rate; }
};

inline void require_steps(std::uint64_t steps) {
    require_setting(steps > 0, "steps", static_cast<double>(steps), "at least 1, the steps after which the learning rate is the final one");
}

/// From rate to final_rate over `steps` steps, after holding rate for `hold` of them; then final_rate.
///
///   eta_t = rate + (final_rate - rate) min(1, max(0, t - hold) / (steps - hold))
///
/// Throws std::invalid_argument, when a Schedule is made of it, if steps is 0 (the default: how long the run is must be said) or hold is over it.
struct Linear {
    double rate = 1e-6;
    double final_rate = 0;
    std::uint64_t steps = 0;
    std::uint64_t hold = 0;

    void validate() const {
        require_steps(steps);
        require_setting(hold <= steps, "hold", static_cast<double>(hold), "at most steps");
    }
    double operator()(std::uint64_t step) const noexcept {
        if (step <= hold) {
            return rate;
        }
        if (step >= steps) {
            return final_rate;
        }
        const double part = static_cast<double>(step - hold) / static_cast<double>(steps - hold);
        return rate + ScalarLanes::product(final_rate - rate, part);
    }
};

/// Half a cosine from rate to final_rate over `steps` steps; then final_rate.
///
///   eta_t = final_rate + (rate - final_rate) (1 + cos(pi t / steps)) / 2
///
/// The cosine is the standard library's: its last bit may differ between machines, and a run's bits with it. Linear is the same everywhere.
/// Throws std::invalid_argument, when a Schedule is made of it, if steps is 0, the default.
struct Cosine {
    double rate = 1e-6;
    double final_rate = 0;
    std::uint64_t steps = 0;

    void validate() const { require_steps(steps); }
    double operator()(std::uint64_t step) const noexcept {
        if (step >= steps) {
            return final_rate;
        }
        const double turn = 3.14159265358979323846 * static_cast<double>(step) / static_cast<double>(steps);
        return final_rate + ScalarLanes::product(rate - final_rate, (1 + std::cos(turn)) / 2);
    }
};

/// Rises in proportion to the step over the first `steps` steps to what `then` gives, which counts from the first step on.
///
///   eta_t = then(t) min(1, (t + 1) / (steps + 1))
struct WarmUp {
    std::uint64_t steps = 0;
    Schedule then = 1e-6;

    double operator()(std::uint64_t step) const {
        const double rise = step >= steps ? 1.0 : static_cast<double>(step + 1) / static_cast<double>(steps + 1);
        return then(step) * rise;
    }
};

ZEROTH_END_NAMESPACE
