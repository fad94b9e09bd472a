#include "description.hpp"

#include <algorithm>
#include <limits>
#include <locale>
#include <sstream>
#include <string>

namespace finetune {
namespace {

/// In the order of the enumerations.
constexpr const char* estimators[] = {"two-sided", "one-sided", "fzoo", "kernel", "forward-gradient", "coordinate", "first-order"};
constexpr const char* directions[] = {"gaussian", "rademacher", "uniform", "sphere", "pool", "lfsr", "mixed-pool", "low-rank"};
constexpr const char* updates[] = {"sgd", "sign", "sign-scalar", "momentum", "conservative", "adam", "adamw"};
constexpr const char* block_orders[] = {"all", "cyclic", "random", "jacobi"};
constexpr const char* schedules[] = {"constant", "linear", "cosine", "trapezoid"};

template <std::size_t N, class Kind>
const char* name_of(const char* const (&names)[N], Kind kind) {
    return names[static_cast<std::size_t>(kind)];
}

std::string mask_of(const MaskOption& mask) {
    std::ostringstream text;
    text.imbue(std::locale::classic());
    text.precision(std::numeric_limits<double>::max_digits10);
    switch (mask.kind) {
    case MaskKind::none: return "none";
    case MaskKind::n_of_m: text << mask.n << ':' << mask.m; return text.str();
    case MaskKind::bernoulli: text << "bernoulli:"; break;
    case MaskKind::global: text << "global:"; break;
    case MaskKind::magnitude: text << "magnitude:"; break;
    case MaskKind::small: text << "small:"; break;
    }
    text << mask.share;
    return text.str();
}

}  // namespace

zeroth::Method description_of(const Method& method, std::size_t steps) {
    const bool with_warm_up = method.schedule.warm_up != 0;
    return {.estimator = name_of(estimators, method.estimator),
            .direction = name_of(directions, method.direction),
            .update = name_of(updates, method.update),
            // InPlace would drift in 16 bits, and Exact has no grid for them.
            .restore = method.weights == zeroth::ScalarType::float32 ? "in-place" : "snapshot",
            .mask = mask_of(method.mask),
            .scales = method.scales,
            .block_order = name_of(block_orders, method.block_order),
            .schedule = name_of(schedules, method.schedule.kind) + (with_warm_up ? ":" + std::to_string(method.schedule.warm_up) : std::string()),
            .learning_rate = method.learning_rate,
            .steps = std::max<std::size_t>(steps, 1),
            .epsilon = method.epsilon(),
            .queries = method.queries,
            .kernel_order = method.kernel_order,
            .weight_decay = method.weight_decay,
            .window = method.window,
            .normalize = method.normalize,
            .mask_every = method.mask.every,
            .first_order_rate = method.first_order_rate.value_or(method.usual_first_order_rate())};
}

}  // namespace finetune
