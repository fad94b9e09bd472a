#include <zeroth/directions/reuse_pool.hpp>

#include "direction_trainer.hpp"

namespace finetune {

std::unique_ptr<Trainer> make_pool_trainer(const TrainerParts& parts) { return make_trainer_along(zeroth::ReusePool{}, parts); }

}  // namespace finetune
