#include <zeroth/estimators/coordinate_wise.hpp>

#include "direction_trainer.hpp"

namespace finetune {

std::unique_ptr<Trainer> make_coordinate_trainer(const TrainerParts& parts) {
    // Drawn: in turn, a run would see the first tensor alone.
    const zeroth::CoordinateWise estimator{.direction = zeroth::Coordinate(parts.parameters, zeroth::CoordinateOrder::random),
                                           .epsilon = parts.method.epsilon(),
                                           .coordinates = parts.method.queries};
    return with_rule(parts, [&](auto rule) { return optimizer_trainer(parts, estimator, std::move(rule)); });
}

}  // namespace finetune
