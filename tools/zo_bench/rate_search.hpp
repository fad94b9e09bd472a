#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace zo_bench {

/// What a learning rate led to.
struct RateResult {
    bool failed = false;
    std::optional<double> loss = {};  ///< on the validation part; absent where it was not finite
};

/// Where a search for a learning rate stands. A rate is the usual one times the search's ratio to the power of an exponent.
struct RateSearch {
    std::vector<int> missing = {};  ///< exponents to be tried now; none when the search is over
    std::optional<int> best = {};   ///< the exponent of the least loss; absent before the end, and where no loss was finite
    bool at_end = false;       ///< the best is the outermost that was tried
};

/// `points` rates around the usual one, and up to two more, one at a time, on the side where the best is the outermost, or of smaller
/// rates while no loss is finite. A single point is taken as it is. `result` gives what is known of an exponent.
RateSearch search_rate(std::size_t points, const std::function<std::optional<RateResult>(int exponent)>& result);

/// usual * ratio^exponent, to three digits.
double rate_of(double usual, double ratio, int exponent);

}  // namespace zo_bench
