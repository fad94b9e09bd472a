#include "direction_trainer.hpp"

namespace finetune {

template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Scaled<zeroth::Rademacher>&, const TrainerParts&);

}  // namespace finetune
