#include "method.hpp"

namespace finetune {

double Method::usual_learning_rate(bool classify) const {
    // For full, lora, prefix, prompt and head.
    struct Rates {
        double of[5];
    };
    const auto rates = [this]() -> Rates {
        if (estimator == EstimatorKind::first_order) {
            const bool adaptive = update == UpdateKind::adam || update == UpdateKind::adamw || update == UpdateKind::sign;
            return adaptive ? Rates{{2e-3, 5e-3, 1e-2, 1e-2, 2e-3}} : Rates{{0.1, 1, 3, 3, 0.3}};
        }
        if (estimator == EstimatorKind::coordinate) return {{0.3, 1, 3, 3, 1}};
        if (estimator == EstimatorKind::fzoo) return {{3e-3, 1e-2, 5e-2, 5e-2, 5e-3}};
        if (normalize) return {{5e-4, 2e-3, 6e-2, 3e-2, 1e-3}};
        switch (update) {
        case UpdateKind::momentum: return {{2e-5, 2e-4, 4e-2, 4e-2, 5e-4}};
        case UpdateKind::sign:
        case UpdateKind::sign_scalar:
        case UpdateKind::adam:
        case UpdateKind::adamw: return {{1e-3, 3e-3, 1e-2, 1e-2, 2e-3}};
        case UpdateKind::conservative:
        case UpdateKind::sgd: break;
        }
        return {{2e-4, 2e-3, 0.4, 0.4, 5e-3}};
    }();
    const bool by_gradient = estimator != EstimatorKind::fzoo && !normalize &&
                             (update == UpdateKind::sgd || update == UpdateKind::momentum || update == UpdateKind::conservative);
    return rates.of[static_cast<int>(tuning.scheme)] * (classify && by_gradient ? 0.1 : 1.0);
}

double Method::usual_first_order_rate() const {
    constexpr double rates[] = {1e-3, 3e-3, 0.1, 0.1, 1e-3};
    return rates[static_cast<int>(tuning.scheme)];
}

}  // namespace finetune
