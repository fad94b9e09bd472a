#pragma once

#include <zeroth/config.hpp>

ZEROTH_BEGIN_NAMESPACE

/// Whether an operation, a move or a ray can be carried out on a device from a copy of its bytes: it then says
/// `static constexpr bool is_device_copyable = true`.
///
/// Its functions are ZEROTH_HOST_DEVICE, it points to nothing of the host's but its tables, and its finish() merges results of tables or has
/// nothing to do. A table is an array with an entry for each block, of a multiple of 8 bytes; for_each_table(visit), HOST_DEVICE and
/// constexpr, calls visit(pointer) for each: one to const is read, another holds results, to which traversals add.
template <class T>
inline constexpr bool is_device_copyable = requires { requires T::is_device_copyable; };

ZEROTH_END_NAMESPACE
