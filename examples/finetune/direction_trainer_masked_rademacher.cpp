#include "direction_trainer.hpp"

namespace finetune {

template std::unique_ptr<Trainer> make_trainer_along(const zeroth::Masked<zeroth::Rademacher, AnyMask>&, const TrainerParts&);

}  // namespace finetune
