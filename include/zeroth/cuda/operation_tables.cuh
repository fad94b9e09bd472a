#pragma once

#include <zeroth/ground/device_copyable.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Bytes of the entries that an operation's tables have for each block: of those it reads, and of results.
struct EntryBytes {
    std::size_t read = 0;
    std::size_t results = 0;

    template <class Entry>
    ZEROTH_HOST_DEVICE constexpr void operator()(Entry*&) noexcept {
        static_assert(sizeof(Entry) % 8 == 0 && alignof(Entry) <= 8 && std::is_trivially_copyable_v<Entry>);
        (std::is_const_v<Entry> ? read : results) += sizeof(Entry);
    }
};
template <class Operation>
constexpr EntryBytes entry_bytes_of() noexcept {
    EntryBytes bytes;
    if constexpr (requires(Operation operation) { operation.for_each_table(bytes); }) {
        Operation operation{};
        operation.for_each_table(bytes);
    }
    return bytes;
}
template <class Operation>
inline constexpr EntryBytes entry_bytes = entry_bytes_of<Operation>();
template <class Operation>
inline constexpr bool has_tables = entry_bytes<Operation>.read + entry_bytes<Operation>.results != 0;
template <class Operation>
inline constexpr bool has_results = entry_bytes<Operation>.results != 0;

/// Points an operation's tables at copies of them, one after the other, of `capacity` entries each.
struct PointAtTables {
    const std::byte* read;
    std::byte* results;
    std::size_t capacity;

    template <class Entry>
    ZEROTH_INLINE void operator()(Entry*& table) noexcept {
        if constexpr (std::is_const_v<Entry>) {
            table = reinterpret_cast<Entry*>(read);
            read += sizeof(Entry) * capacity;
        } else {
            table = reinterpret_cast<Entry*>(results);
            results += sizeof(Entry) * capacity;
        }
    }
};

/// Copies some blocks' entries out of an operation's tables, to where PointAtTables finds them. IndexOf: a copied block's place in the tables.
template <class IndexOf>
struct GatherTables {
    IndexOf index_of;
    int blocks;
    std::byte* read;
    std::byte* results;
    std::size_t capacity;

    template <class Entry>
    ZEROTH_HOST_DEVICE void operator()(Entry*& table) noexcept {
        std::byte*& to = std::is_const_v<Entry> ? read : results;
        for (int b = 0; b < blocks; ++b) {
            std::memcpy(to + static_cast<std::size_t>(b) * sizeof(Entry), table + index_of(b), sizeof(Entry));
        }
        to += sizeof(Entry) * capacity;
    }
};

/// Copies the results of some blocks back into an operation's tables.
template <class IndexOf>
struct ScatterResults {
    IndexOf index_of;
    int blocks;
    const std::byte* results;
    std::size_t capacity;

    template <class Entry>
    ZEROTH_HOST_DEVICE void operator()(Entry*& table) noexcept {
        if constexpr (!std::is_const_v<Entry>) {
            for (int b = 0; b < blocks; ++b) {
                std::memcpy(static_cast<void*>(table + index_of(b)), results + static_cast<std::size_t>(b) * sizeof(Entry), sizeof(Entry));
            }
            results += sizeof(Entry) * capacity;
        }
    }
};

} // namespace cuda
ZEROTH_END_NAMESPACE
