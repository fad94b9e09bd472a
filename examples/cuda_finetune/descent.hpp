#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include <zeroth/cursor.hpp>
#include <zeroth/estimators/two_sided_rge.hpp>

#include "method.hpp"

namespace cuda_finetune {

/// The steps of a run over weights wherever a backend reaches them: each of its own, or again by its terms, to the same bits.
template <class Backend>
class Descent {
public:
    Descent(const Method& method, const zeroth::Parameters& parameters, const Backend& backend)
        : estimator_{checked({.epsilon = method.epsilon, .queries = method.queries})}, seed_(method.seed),
          cursor_(parameters, estimator_.direction, zeroth::InPlace{}, backend, estimator_.reach(), estimator_.max_terms(),
                  estimator_.max_terms()) {}

    struct Made {
        Step step{};
        double loss = 0;  ///< the mean of its losses
    };

    /// Throws std::runtime_error if a loss is not finite: the weights are then those before the step, to rounding.
    template <class Forward>
    Made make(std::uint64_t number, double learning_rate, Forward forward) {
        estimate_.clear();
        estimator_(cursor_, forward, zeroth::Key{seed_, number, 0}, estimate_);
        if (!estimate_.finite) {
            cursor_.settle();
            throw std::runtime_error("step " + std::to_string(number) + ": the loss is not finite; lower --learning-rate");
        }
        Made made{{number, learning_rate, estimate_.terms}, estimate_.loss};
        update(made.step);
        return made;
    }

    /// In place, perturbing rounds the weights too: so they stand wherever the losses were taken.
    void repeat(const Step& step) {
        for (const zeroth::Term& term : step.terms) {
            cursor_.stand_at(zeroth::Term{term.key, estimator_.epsilon});
            cursor_.stand_at(zeroth::Term{term.key, -estimator_.epsilon});
        }
        update(step);
    }

private:
    using Estimator = zeroth::TwoSidedRge<zeroth::Gaussian>;

    static Estimator checked(const Estimator& estimator) {
        estimator.validate();
        return estimator;
    }

    /// The move of zeroth::Sgd.
    void update(const Step& step) {
        cursor_.update({.rate = step.learning_rate, .key = zeroth::Key{seed_, step.number, 0}}, std::span{step.terms});
        cursor_.settle();
    }

    Estimator estimator_;
    std::uint64_t seed_;
    zeroth::Estimate estimate_;
    zeroth::Cursor<zeroth::Gaussian, zeroth::InPlace, Backend> cursor_;
};

}  // namespace cuda_finetune
