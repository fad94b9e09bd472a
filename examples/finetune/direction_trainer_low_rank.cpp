#include <zeroth/directions/low_rank.hpp>

#include "direction_trainer.hpp"

namespace finetune {

std::unique_ptr<Trainer> make_low_rank_trainer(const TrainerParts& parts) { return make_trainer_along(zeroth::LowRank<low_rank>{}, parts); }

}  // namespace finetune
