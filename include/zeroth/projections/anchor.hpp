#pragma once

#include <zeroth/parameters/parameters.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// theta0: where each block's weights began, which a projection measures their displacement from. Read, never written.
///
/// From memory: Anchor::copy_of(blocks). From addresses of the caller's, as a checkpoint mapped into memory: add() for each block; it must
/// outlive the anchor, and need not be aligned. From a run's own terms: TermRecord (projections/term_record.hpp).
/// Memory: the blocks' bytes for a copy, none for addresses.
class Anchor {
  public:
    Anchor() = default;
    Anchor(Anchor&&) noexcept = default;
    Anchor& operator=(Anchor&&) noexcept = default;
    Anchor(const Anchor&) = delete;
    Anchor& operator=(const Anchor&) = delete;
    ~Anchor() = default;

    /// The weights as they now are.
    [[nodiscard]] static Anchor copy_of(std::span<const Block> blocks) {
        require_space(blocks, MemorySpace::host, "Anchor");
        Anchor anchor;
        for (const Block& block : blocks) {
            std::byte* const copy = anchor.allocate(block);
            if (block.size() != 0) {
                std::memcpy(copy, block.data, block.bytes());
            }
        }
        return anchor;
    }

    /// Where the block of that name began. Throws std::invalid_argument if the name is taken.
    template <class T, std::size_t Extent>
        requires Scalar<std::remove_const_t<T>>
    void add(std::string_view name, std::span<T, Extent> values) {
        add_memory(name, values.data(), scalar_traits<std::remove_const_t<T>>::type, values.size());
    }
    /// The same for memory whose type is known only at run time.
    void add_memory(std::string_view name, const void* data, ScalarType type, std::size_t size) {
        if (data == nullptr && size != 0) {
            throw std::invalid_argument{"zeroth: the anchor of block '" + std::string{name} + "' is a null pointer"};
        }
        const std::uint64_t hash = hash_name(name);
        for (const Place& place : places_) {
            if (place.hash == hash) {
                throw std::invalid_argument{"zeroth: the anchor has a block '" + std::string{name} + "' already"};
            }
        }
        places_.push_back({hash, data, type, size});
    }

    /// Where a block began. Throws std::invalid_argument if the anchor has none of its name, or one of another type or size.
    [[nodiscard]] const std::byte* of(const Block& block) const {
        for (const Place& place : places_) {
            if (place.hash == block.identity.hash) {
                if (place.type != block.type || place.size != block.size()) {
                    throw std::invalid_argument{"zeroth: block '" + block.name + "' has " + std::to_string(block.size()) + " weights of " +
                                                std::string{to_string(block.type)} + ", its anchor " + std::to_string(place.size) + " of " +
                                                std::string{to_string(place.type)}};
                }
                return static_cast<const std::byte*>(place.data);
            }
        }
        throw std::invalid_argument{"zeroth: the anchor has no block '" + block.name + "'"};
    }
    [[nodiscard]] bool empty() const noexcept { return places_.empty(); }
    /// Of its own copies.
    [[nodiscard]] std::size_t bytes() const noexcept {
        std::size_t total = 0;
        for (const std::vector<std::byte>& copy : copies_) {
            total += copy.size();
        }
        return total;
    }

  private:
    friend class TermRecord;

    struct Place {
        std::uint64_t hash;
        const void* data;
        ScalarType type;
        std::size_t size;
    };

    /// Zeros of its own for a block.
    std::byte* allocate(const Block& block) {
        std::vector<std::byte>& copy = copies_.emplace_back(block.bytes());
        add_memory(block.name, copy.data(), block.type, block.size());
        return copy.data();
    }

    std::vector<Place> places_;
    std::vector<std::vector<std::byte>> copies_;
};

ZEROTH_END_NAMESPACE
