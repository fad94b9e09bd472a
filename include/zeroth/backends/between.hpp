#pragma once

#include <zeroth/config.hpp>

ZEROTH_BEGIN_NAMESPACE

/// x, or the end of [-bound, bound] that it lies beyond.
template <class Lanes, class Compute>
[[nodiscard]] ZEROTH_INLINE typename Lanes::template Real<Compute> between(const typename Lanes::template Real<Compute>& x,
                                                                           const typename Lanes::template Real<Compute>& bound) noexcept {
    return Lanes::larger(Lanes::smaller(x, bound), Lanes::template broadcast_real<Compute>(0) - bound);
}

ZEROTH_END_NAMESPACE
