#include "methods.hpp"

#include <algorithm>

namespace zo_bench {
namespace {

/// Of the rate on classify to that on text: its gradients are some ten times as large, which matters to steps in proportion to them.
constexpr double by_gradient = 0.1, by_sign = 1;

// To add a method, add a row. The rates are of a model of hundreds of thousands of weights and batches of 16, for full, lora, prefix, prompt and head.
constexpr Method methods[] = {
    {"zo-sgd", "ZO-SGD", "--estimator two-sided --direction gaussian --update sgd", {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 2},
    {"zo-sgd-rademacher", "ZO-SGD, Rademacher", "--estimator two-sided --direction rademacher --update sgd",
     {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 2},
    {"zo-sgd-q4", "ZO-SGD, 4 queries", "--estimator two-sided --queries 4 --direction gaussian --update sgd",
     {4e-4, 4e-3, 4e-1, 4e-1, 6e-3}, by_gradient, 8},
    {"one-sided-q8", "one-sided, 8 queries", "--estimator one-sided --queries 8 --direction gaussian --update sgd",
     {4e-4, 4e-3, 4e-1, 4e-1, 6e-3}, by_gradient, 9},
    {"fzoo", "FZOO, 8 queries", "--estimator fzoo", {2e-3, 4e-3, 6e-2, 6e-2, 4e-3}, by_sign, 9, true},
    {"fzoo-rms", "FZOO, scaled", "--estimator fzoo --scales rms", {5e-3, 4e-3, 6e-2, 6e-2, 4e-3}, by_sign, 9, true},
    {"recommended", "FZOO, recommended", "--recommended", {}, by_sign, 9, false, false, false, true},
    {"kerzoo", "KerZOO, order 4", "--estimator kernel --kernel-order 4 --direction gaussian --update sgd",
     {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 2},
    {"pezo-pool", "PeZO, pool", "--estimator two-sided --direction pool --update sgd", {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 2},
    {"pezo-lfsr", "PeZO, registers", "--estimator two-sided --direction lfsr --update sgd", {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 2},
    {"mixed-pool", "ZO-SGD, mixed pool", "--estimator two-sided --direction mixed-pool --update sgd",
     {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 2},
    {"dizo", "DiZO", "--estimator two-sided --direction gaussian --update sgd --dizo 50", {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 2},
    {"meazo", "MEAZO", "--estimator two-sided --direction gaussian --update sgd --normalize meazo", {5e-4, 2e-3, 6e-2, 3e-2, 1e-3}, by_sign, 2, true},
    {"lozo", "LOZO, rank 2", "--estimator two-sided --direction low-rank --update sgd", {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 2},
    {"lozo-m", "LOZO-M, rank 2", "--estimator two-sided --direction low-rank --update momentum --window 32",
     {1.2e-5, 1.2e-4, 2e-2, 2e-2, 2e-4}, by_gradient, 2},
    {"sign", "ZO-SGD-Sign", "--estimator two-sided --direction gaussian --update sign", {5e-4, 2e-3, 6e-2, 3e-2, 1e-3}, by_sign, 2, true},
    {"sign-scalar", "ZO-SGD-Sign, scalar", "--estimator two-sided --direction gaussian --update sign-scalar",
     {5e-4, 2e-3, 6e-2, 3e-2, 1e-3}, by_sign, 2, true},
    {"momentum", "ZO-SGD-MMT", "--estimator two-sided --direction gaussian --update momentum", {1.2e-5, 1.2e-4, 2e-2, 2e-2, 2e-4}, by_gradient, 2},
    {"conservative", "ZO-SGD-Cons", "--estimator two-sided --direction gaussian --update conservative",
     {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 5},
    {"adam", "ZO-Adam", "--estimator two-sided --direction gaussian --update adam", {6e-4, 2e-3, 6e-2, 3e-2, 1e-3}, by_sign, 2, true},
    {"adamw", "ZO-AdamW", "--estimator two-sided --direction gaussian --update adamw", {6e-4, 2e-3, 6e-2, 3e-2, 1e-3}, by_sign, 2, true},
    {"forward-gradient", "Forward-Grad", "--estimator forward-gradient --direction gaussian --update sgd",
     {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, forward_mode_passes, false, false, true},
    {"coordinate", "coordinate-wise", "--estimator coordinate --queries 16 --update sgd", {1, 3, 10, 10, 3}, by_gradient, 32},
    {"block-wise", "ZO-SGD, block-wise", "--estimator two-sided --direction gaussian --update sgd --blocks layer --block-order all",
     {4e-4, 4e-3, 4e-1, 2e-1, 2e-3}, by_gradient, 2, false, true},
    {"masked", "ZO-SGD, 20 % of the weights", "--estimator two-sided --direction gaussian --update sgd --mask bernoulli:0.2",
     {6e-4, 4e-3, 4e-1, 4e-1, 6e-3}, by_gradient, 2},
    {"small-weights", "ZO-SGD, small weights", "--estimator two-sided --direction gaussian --update sgd --mask small:0.5",
     {2.4e-4, 2.4e-3, 3e-1, 3e-1, 3e-3}, by_gradient, 2},
    {"hybrid", "hybrid, last layer FO", "--estimator two-sided --direction gaussian --update sgd --hybrid 1",
     {1.2e-4, 1.2e-3, 2e-1, 2e-1, 2e-3}, by_gradient, 3},
    {"fo-sgd", "FO-SGD", "--estimator first-order --update sgd", {1e-1, 1, 3, 3, 1e-1}, by_gradient, first_order_passes, false, false, true},
    {"fo-adam", "FO-Adam", "--estimator first-order --update adam", {3e-3, 1e-2, 1e-1, 1e-1, 3e-3}, by_sign, first_order_passes, true, false, true},
};

}  // namespace

std::vector<std::string> Method::arguments() const {
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin < options.size();) {
        const std::size_t end = std::min(options.find(' ', begin), options.size());
        words.emplace_back(options.substr(begin, end - begin));
        begin = end + 1;
    }
    return words;
}

double Method::usual_rate(std::string_view task, std::string_view scheme) const {
    const double rate = rates[std::ranges::find(schemes, scheme) - std::begin(schemes)];
    return task == "classify" ? on_classify * rate : rate;
}

std::span<const Method> all_methods() { return methods; }

const Method* find_method(std::string_view name) {
    const auto* const place = std::ranges::find(methods, name, &Method::name);
    return place == std::end(methods) ? nullptr : place;
}

}  // namespace zo_bench
