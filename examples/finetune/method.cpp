#include "method.hpp"

namespace finetune {

double Method::usual_learning_rate() const {
    switch (update) {
    case UpdateKind::momentum: return 2e-5;
    case UpdateKind::sign:
    case UpdateKind::sign_scalar:
    case UpdateKind::adam:
    case UpdateKind::adamw: return 1e-3;
    case UpdateKind::conservative:
    case UpdateKind::sgd: break;
    }
    return 2e-4;
}

}  // namespace finetune
