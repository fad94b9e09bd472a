#include "direction_trainer.hpp"

namespace finetune {

template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Scaled<zeroth::Uniform>&, const TrainerParts&);

}  // namespace finetune
