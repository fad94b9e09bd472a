#pragma once

#include <report/format.hpp>

#include <cmath>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

/// A row of a table; of heads with the rule under it, the first columns aligned left.
inline std::string markdown_row(const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) {
        text += ' ' + cell + " |";
    }
    return text + '\n';
}
inline std::string markdown_head(const std::vector<std::string>& heads, std::size_t left = 1) {
    std::string rule = "|";
    for (std::size_t i = 0; i < heads.size(); ++i) {
        rule += i < left ? "---|" : "---:|";
    }
    return markdown_row(heads) + rule + '\n';
}

/// Empty where there is no number.
inline std::string cell(double value, int decimals) { return std::isfinite(value) ? report::fixed(value, decimals) : ""; }

/// A goal beside what was reached, which is named where it misses: at most, or at least.
inline std::string goal_cell(std::optional<double> goal, double reached, int decimals, bool at_most = true) {
    if (!goal) {
        return "";
    }
    // What is written as the goal has reached it.
    const double unit = std::pow(10.0, -decimals) / 2;
    const bool missed = at_most ? reached >= *goal + unit : reached <= *goal - unit;
    return report::fixed(*goal, decimals) + (!std::isfinite(reached) ? "" : missed ? " **missed**" : " met");
}
