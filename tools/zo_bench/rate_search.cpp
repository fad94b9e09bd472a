#include "rate_search.hpp"

#include <cmath>
#include <cstdlib>

#include <report/format.hpp>

namespace zo_bench {
namespace {

constexpr int max_extensions = 2;

}  // namespace

RateSearch search_rate(std::size_t points, const std::function<std::optional<RateResult>(int exponent)>& result) {
    if (points == 1) return {.best = 0};
    int least = -static_cast<int>(points / 2);
    int most = least + static_cast<int>(points) - 1;
    for (int extensions = 0;; ++extensions) {
        RateSearch search;
        double best_loss = 0;
        bool all_failed = true;
        for (int exponent = least; exponent <= most; ++exponent) {
            const auto known = result(exponent);
            if (!known) {
                search.missing.push_back(exponent);
                continue;
            }
            all_failed = all_failed && known->failed;
            if (known->failed || !known->loss || (search.best && *known->loss >= best_loss)) continue;
            search.best = exponent;
            best_loss = *known->loss;
        }
        if (!search.missing.empty()) return {.missing = search.missing};
        const auto failed_at = [&](int exponent) { return result(exponent)->failed; };
        search.at_end = search.best && (*search.best == least || *search.best == most || failed_at(*search.best - 1) || failed_at(*search.best + 1));
        if (extensions == max_extensions || all_failed || (search.best && !search.at_end)) return search;
        if (search.best == most) {
            ++most;
        } else if (!search.best || search.best == least) {
            --least;
        } else {
            return search;  // a run beside the best failed: that it is the best is not known
        }
    }
}

double rate_of(double usual, double ratio, int exponent) { return std::strtod(report::general(usual * std::pow(ratio, exponent), 3).c_str(), nullptr); }

}  // namespace zo_bench
