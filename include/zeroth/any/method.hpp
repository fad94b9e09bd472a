#pragma once

#include <zeroth/any/any_mask.hpp>
#include <zeroth/parameters/parameters.hpp>
#include <zeroth/schedules/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

ZEROTH_BEGIN_NAMESPACE

/// A method as a description: what finetune's options of the same names say, for an AnyOptimizer.
///
///     zeroth::Method method{.estimator = "fzoo", .direction = "rademacher", .learning_rate = 1e-4};
///     zeroth::Method same = zeroth::Method::from("estimator=fzoo direction=rademacher learning-rate=1e-4");
///
/// What is left out is the part's own default. Names are checked when an optimizer is made of it.
struct Method {
    /// two-sided, one-sided, fzoo, kernel (KerZOO), coordinate; forward-gradient, whose step takes a DirectionalFn; first-order, which takes
    /// a GradientFn.
    std::string estimator = "two-sided";
    /// gaussian, rademacher, uniform, sphere, pool (PeZO), lfsr, mixed-pool, low-rank (LOZO, of rank 2). Not of coordinate and first-order.
    std::string direction = "gaussian";
    /// sgd, sign, sign-scalar, momentum, conservative, adam, adamw.
    std::string update = "sgd";
    /// in-place, exact, snapshot.
    std::string restore = "in-place";
    /// none; bernoulli:S or global:S, a share S drawn from all or more from blocks of large weights; magnitude:S or small:S, the largest or
    /// smallest of each block; N:M, the N largest of every M.
    std::string mask = "none";
    /// Of the directions in each block: none; rms, in proportion to its weights'; or PATTERN=FACTOR,... of names, 1 where none fits.
    std::string scales = "none";
    /// Of a partition: all, cyclic, random, jacobi.
    std::string block_order = "all";
    /// constant; linear or cosine, falling to 0 at the last of `steps`; trapezoid, constant for half of them, then linear; KIND:WARMUP after
    /// rising over WARMUP steps.
    std::string schedule = "constant";

    std::optional<double> learning_rate{};
    /// For schedules that fall.
    std::uint64_t steps = 0;
    std::optional<double> epsilon{};
    /// Directions averaged in a step, or coordinates; 8 of fzoo, 1 of others.
    std::optional<std::uint32_t> queries{};
    /// 2, 4 or 6.
    int kernel_order = 4;
    /// adamw: 0.01.
    std::optional<double> weight_decay{};
    /// Of update=momentum; of adam and adamw; of the estimators from losses, the largest projected gradient.
    std::optional<double> momentum{};
    std::optional<double> beta1{};
    std::optional<double> beta2{};
    std::optional<double> clip{};
    /// Steps that a stateless momentum or adam remembers; 0: with state.
    std::size_t window = 0;
    /// Over the running size of the estimates: Normalized (MEAZO).
    bool normalize = false;
    /// Steps after which the mask is drawn or chosen anew; 0: never.
    std::uint64_t mask_every = 0;
    /// Of a hybrid's first-order side, by Adam.
    std::optional<double> first_order_rate{};

    /// NAME=VALUE ..., or --NAME VALUE ... as on a command line, between spaces; the names are those above with dashes.
    /// Throws std::invalid_argument for a name that there is not, and a value that is no number where one is asked for.
    [[nodiscard]] static Method from(std::string_view text);
    /// In that form, all that differs from the default, in one order: from(description()) is the same method.
    [[nodiscard]] std::string description() const;
    /// The parts whose names a saved state goes with: a rate, an epsilon or a number of queries may be another when it goes on.
    [[nodiscard]] std::string kind() const;

    /// Of the learning rate `of`: its own, or the hybrid's first-order side's.
    [[nodiscard]] Schedule schedule_of(double of) const;
    [[nodiscard]] MaskChoice mask_choice() const;
    /// Of each block.
    [[nodiscard]] Array<double> scales_of(const Parameters& parameters) const;
};

ZEROTH_END_NAMESPACE
