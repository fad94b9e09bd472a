#include <zeroth/directions/lfsr_bank.hpp>

#include "direction_trainer.hpp"

namespace finetune {

std::unique_ptr<Trainer> make_lfsr_trainer(const TrainerParts& parts) { return make_trainer_along(zeroth::LfsrBank{}, parts); }

}  // namespace finetune
