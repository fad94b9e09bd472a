#pragma once

#include <zeroth/config.hpp>

#include <memory>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Move assignment of what ends well when it is destroyed: member by member it would be half the old one while the first of them ends.
template <class T>
T& replace(T& old, T&& by) noexcept {
    if (&old != &by) {
        std::destroy_at(&old);
        std::construct_at(&old, std::move(by));
    }
    return old;
}

ZEROTH_END_NAMESPACE
