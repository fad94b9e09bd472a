#include <zeroth/directions/mixed_pool.hpp>

#include "direction_trainer.hpp"

namespace finetune {

std::unique_ptr<Trainer> make_mixed_pool_trainer(const TrainerParts& parts) { return make_trainer_along(zeroth::MixedPool{}, parts); }

}  // namespace finetune
