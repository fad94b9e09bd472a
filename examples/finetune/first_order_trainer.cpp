#include <zeroth/first_order/first_order_optimizer.hpp>

#include "direction_trainer.hpp"

namespace finetune {

std::unique_ptr<Trainer> make_first_order_trainer(const TrainerParts& parts) {
    return with_rule<true>(parts, [&]<class Rule>(Rule rule) -> std::unique_ptr<Trainer> {
        return std::make_unique<OptimizerTrainer<zeroth::FirstOrderOptimizer<Rule, Backend>>>(parts.config, ", back-propagation", parts.parameters,
                                                                                             std::move(rule), zeroth::Settings<>{.seed = parts.seed},
                                                                                             parts.backend());
    });
}

}  // namespace finetune
