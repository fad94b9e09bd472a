#pragma once

#include <zeroth/estimators/estimate.hpp>
#include <zeroth/ground/function.hpp>
#include <zeroth/ground/setting.hpp>
#include <zeroth/parameters/block.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

ZEROTH_BEGIN_NAMESPACE

/// What a projection's losses are taken from: a ForwardFn, or a callable that is told the pair of passes it serves,
/// `double loss = forward(pair)` with pair = 0, 1, ..., twice each: so that each pair may have a batch of its own.
template <class F>
concept PairedForwardFn = requires(F& forward, std::size_t pair) {
    { forward(pair) } -> std::convertible_to<double>;
};
template <class F>
concept ProjectionFn = ForwardFn<F> || PairedForwardFn<F>;

/// What u_l is, the unit in which a layer's displacement is probed and scaled.
enum class ProjectionUnit : std::uint8_t {
    norm,  ///< ||delta_l||, the paper's: probes move every layer by lengths of one size
    ratio, ///< 1, scale-free: by parts of its displacement of one size
};

struct LayerProjectionSettings {
    /// Names the directions of the ratios; the run's own seed will do.
    std::uint64_t seed = 0;
    /// Steps between projections (kappa): at least 1. The paper's: 50, 100, 200 or 400.
    std::uint64_t interval = 50;
    /// Pairs of forward passes in a projection (J): at least 1.
    std::uint32_t iterations = 10;
    /// Distance of the probes, in u_l's measure (eps): positive, finite. The paper's: 0.1 or 0.05.
    double epsilon = 0.1;
    /// Learning rate of the ratios (eta): zero or positive, finite. The paper's: 2 or 1.
    double rate = 2;
    /// Largest change of a displacement in a projection, as a part of it (tau): in [0, 1). The paper's: 0.1, 0.2 or 0.3.
    double clip = 0.2;
    ProjectionUnit unit = ProjectionUnit::norm;
    /// The blocks that are projected; all where there is none. The paper's: the query and value matrices.
    Function<bool(const Block&)> select{};

    void validate() const {
        require_setting(interval >= 1, "interval", static_cast<double>(interval), "at least 1");
        require_setting(iterations >= 1, "iterations", iterations, "at least 1");
        require_setting(epsilon > 0 && std::isfinite(epsilon), "epsilon", epsilon, "positive and finite");
        require_setting(rate >= 0 && std::isfinite(rate), "rate", rate, "zero or positive, and finite");
        require_setting(clip >= 0 && clip < 1, "clip", clip, "at least 0 and less than 1");
    }
};

ZEROTH_END_NAMESPACE
