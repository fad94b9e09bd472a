#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace report {

/// An axis: the least and the greatest value on it, and round values between them to write.
struct Scale {
    double least = std::numeric_limits<double>::infinity();
    double greatest = -std::numeric_limits<double>::infinity();
    double step = 1;

    bool empty() const { return least > greatest; }

    void include(double value) {
        if (!std::isfinite(value)) return;
        least = std::min(least, value);
        greatest = std::max(greatest, value);
    }

    /// Widens the axis to whole steps of 1, 2 or 5 times a power of ten, about `ticks` of them.
    void round(int ticks) {
        if (greatest == least) least -= 0.5, greatest += 0.5;
        const double rough = (greatest - least) / ticks;
        const double power = std::pow(10.0, std::floor(std::log10(rough)));
        step = power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
        least = std::floor(least / step + 1e-9) * step;
        greatest = std::ceil(greatest / step - 1e-9) * step;
    }

    /// 0 at the least value, 1 at the greatest.
    double place(double value) const { return (value - least) / (greatest - least); }

    std::vector<double> ticks() const {
        std::vector<double> values;
        const long count = std::lround((greatest - least) / step);
        for (long i = 0; i <= count; ++i) values.push_back(least + static_cast<double>(i) * step);
        return values;
    }

    /// Places after the point that tell the ticks apart.
    int decimals() const { return step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(step) - 1e-9)); }
};

}  // namespace report
