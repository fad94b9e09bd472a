#pragma once

#include <zeroth/ground/digest.hpp>
#include <zeroth/ground/state_memory.hpp>
#include <zeroth/ground/state_stream.hpp>
#include <zeroth/parameters/block.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// The bits of a block's weights, by which a state knows those that it belongs to; 0 for a device's.
[[nodiscard]] inline std::uint64_t digest_of(const Block& block) noexcept {
    if (block.options.space != MemorySpace::host) {
        return 0;
    }
    Digest digest;
    digest.add({static_cast<const std::byte*>(block.data), block.bytes()});
    return digest.value();
}

/// The blocks that a state was saved of, and which of those at hand they are.
class SavedBlocks {
  public:
    static constexpr std::size_t none = ~std::size_t{0};

    static void write(StateWriter& writer, std::span<const Block> blocks) {
        writer.number<std::uint64_t>("blocks", blocks.size());
        for (const Block& block : blocks) {
            writer.text("block", block.name);
            writer.number("rows", block.identity.rows);
            writer.number("columns", block.identity.columns);
            writer.text("type", to_string(block.type));
            writer.number("digest of its weights", digest_of(block));
        }
    }
    /// Throws std::invalid_argument where a block is of another shape or type, holds other weights, or, unless others are welcome, is not
    /// among those at hand, or one of these not among them.
    SavedBlocks(StateReader& reader, std::span<const Block> blocks, bool others_are_welcome) {
        const auto count = reader.number<std::uint64_t>("blocks");
        if (count > max_blocks) {
            StateReader::fail("the state's 'blocks' is " + std::to_string(count) + ": it is damaged");
        }
        for (std::uint64_t k = 0; k < count; ++k) { // a damaged count takes no memory
            Place& place = places_.emplace_back();
            const std::string name = reader.text("block");
            place.rows = reader.number<std::uint64_t>("rows");
            place.columns = reader.number<std::uint64_t>("columns");
            const std::string type = reader.text("type");
            const auto digest = reader.number<std::uint64_t>("digest of its weights");
            for (std::size_t b = 0; b < blocks.size(); ++b) {
                if (blocks[b].name == name) {
                    place.index = b;
                    require_same(blocks[b], place, type, digest);
                    ++known_;
                }
            }
            if (place.index == none && !others_are_welcome) {
                throw std::invalid_argument{"zeroth: the state has a block '" + name + "', which is not among the parameters"};
            }
        }
        if (known_ != blocks.size() && !others_are_welcome) {
            throw std::invalid_argument{"zeroth: the state has " + std::to_string(places_.size()) + " blocks, the parameters " +
                                        std::to_string(blocks.size())};
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    /// How many of them are at hand.
    [[nodiscard]] std::size_t known() const noexcept { return known_; }
    /// The index at hand of the k-th saved one; none if it is not there.
    [[nodiscard]] std::size_t operator[](std::size_t k) const noexcept { return places_[k].index; }
    [[nodiscard]] std::uint64_t elements(std::size_t k) const noexcept { return places_[k].rows * places_[k].columns; }

  private:
    static constexpr std::uint64_t max_blocks = std::uint64_t{1} << 24;

    struct Place {
        std::uint64_t rows = 0, columns = 0;
        std::size_t index = none;
    };
    static void require_same(const Block& block, const Place& place, const std::string& type, std::uint64_t digest) {
        if (block.identity.rows != place.rows || block.identity.columns != place.columns || type != to_string(block.type)) {
            throw std::invalid_argument{"zeroth: block '" + block.name + "' is " + std::to_string(block.identity.rows) + " x " +
                                        std::to_string(block.identity.columns) + " of " + std::string{to_string(block.type)} +
                                        ", in the state " + std::to_string(place.rows) + " x " + std::to_string(place.columns) + " of " + type};
        }
        const std::uint64_t own = digest_of(block);
        if (own != 0 && digest != 0 && own != digest) {
            throw std::invalid_argument{"zeroth: block '" + block.name +
                                        "' does not hold the weights that the state belongs to: load them first, as they stood when it was saved"};
        }
    }

    std::vector<Place> places_;
    std::size_t known_ = 0;
};

/// Numbers that are kept for the weights of each block, one field a block: block b's are `bytes(b)` of the memory from `begin(b)` on.
struct BlockFields {
    template <class Begin, class Bytes>
    static void write(StateWriter& writer, std::string_view name, const StateMemory& memory, std::size_t blocks, const Begin& begin,
                      const Bytes& bytes) {
        std::byte piece[4096];
        for (std::size_t b = 0; b < blocks; ++b) {
            writer.begin(name, bytes(b));
            for (std::size_t done = 0; done < bytes(b); done += sizeof piece) {
                const std::size_t left = bytes(b) - done;
                const std::span<std::byte> part{piece, left < sizeof piece ? left : sizeof piece};
                memory.read(begin(b) + done, part);
                writer.part(part);
            }
        }
    }
    /// Of saved blocks that are not at hand they are passed over; others at hand keep what they have.
    template <class Begin, class Bytes>
    static void read(StateReader& reader, std::string_view name, StateMemory& memory, const SavedBlocks& saved, const Begin& begin,
                     const Bytes& bytes) {
        std::byte piece[4096];
        for (std::size_t k = 0; k < saved.size(); ++k) {
            const std::size_t b = saved[k];
            if (b == SavedBlocks::none) {
                reader.skip(reader.begin(name, ~std::uint64_t{0}), name);
                continue;
            }
            const std::uint64_t size = reader.begin(name, bytes(b));
            if (size != bytes(b)) {
                StateReader::fail("the state's '" + std::string{name} + "' of a block has " + std::to_string(size) + " bytes, not " +
                                  std::to_string(bytes(b)));
            }
            for (std::size_t done = 0; done < size; done += sizeof piece) {
                const std::size_t left = static_cast<std::size_t>(size) - done;
                const std::span<std::byte> part{piece, left < sizeof piece ? left : sizeof piece};
                reader.part(part, name);
                memory.write(begin(b) + done, part);
            }
        }
    }
};

ZEROTH_END_NAMESPACE
