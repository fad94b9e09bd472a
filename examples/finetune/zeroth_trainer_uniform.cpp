#include "zeroth_trainer.hpp"

namespace finetune {

template std::unique_ptr<Trainer> make_trainer_along(zeroth::Uniform, const TrainerParts&);

}  // namespace finetune
