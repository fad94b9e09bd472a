#pragma once

#include <zeroth/config.hpp>
#include <zeroth/ground/digest.hpp>
#include <zeroth/ground/function.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Takes the bytes of a state, piece by piece: a file, a socket, memory. Throws where it cannot.
using StateSink = Function<void(std::span<const std::byte>)>;
/// Gives them again: fills the piece, and returns how many bytes it had left for it.
using StateSource = Function<std::size_t(std::span<std::byte>)>;

/// The form of a saved state: a head, fields of a name and bytes each, and a digest of all that.
///
///     "zeroth state", 4 bytes of version, 4 of byte order;  { 2 bytes of the name's length, name, 8 bytes of size, bytes };  0, 8 bytes of digest
struct StateForm {
    static constexpr std::string_view magic = "zeroth state";
    static constexpr std::uint32_t version = 1;
    static constexpr std::uint32_t byte_order = 0x01020304;
};

/// Writes fields to a sink. A name says what a reader must expect there.
class StateWriter {
  public:
    explicit StateWriter(StateSink sink) : sink_{std::move(sink)} {
        put(StateForm::magic.data(), StateForm::magic.size());
        put(&StateForm::version, sizeof StateForm::version);
        put(&StateForm::byte_order, sizeof StateForm::byte_order);
    }

    /// A field's head; its `bytes` follow by part().
    void begin(std::string_view name, std::uint64_t bytes) {
        const auto length = static_cast<std::uint16_t>(name.size());
        put(&length, sizeof length);
        put(name.data(), name.size());
        put(&bytes, sizeof bytes);
    }
    void part(std::span<const std::byte> bytes) { put(bytes.data(), bytes.size()); }
    void field(std::string_view name, std::span<const std::byte> bytes) {
        begin(name, bytes.size());
        part(bytes);
    }
    template <class Number>
        requires std::is_arithmetic_v<Number>
    void number(std::string_view name, Number value) {
        begin(name, sizeof value);
        put(&value, sizeof value);
    }
    void text(std::string_view name, std::string_view value) {
        begin(name, value.size());
        put(value.data(), value.size());
    }
    /// Once, after the last field.
    void finish() {
        const std::uint16_t none = 0;
        put(&none, sizeof none);
        const std::uint64_t digest = digest_.value();
        sink_({reinterpret_cast<const std::byte*>(&digest), sizeof digest});
    }

  private:
    void put(const void* data, std::size_t bytes) {
        if (bytes != 0) {
            const std::span<const std::byte> piece{static_cast<const std::byte*>(data), bytes};
            digest_.add(piece);
            sink_(piece);
        }
    }

    StateSink sink_;
    Digest digest_;
};

/// Reads the fields in the order in which they were written. Throws std::runtime_error, which names the field, where the source has other
/// fields, ends early, or was damaged; the last is only known after finish().
class StateReader {
  public:
    explicit StateReader(StateSource source) : source_{std::move(source)} {
        char magic[StateForm::magic.size()];
        take(magic, sizeof magic, "its head");
        if (std::string_view{magic, sizeof magic} != StateForm::magic) {
            fail("this is not a saved state");
        }
        std::uint32_t version = 0;
        std::uint32_t order = 0;
        take(&version, sizeof version, "its head");
        take(&order, sizeof order, "its head");
        if (version != StateForm::version) {
            fail("the state has version " + std::to_string(version) + ", this program reads version " + std::to_string(StateForm::version));
        }
        if (order != StateForm::byte_order) {
            fail("the state was written on a machine of another byte order");
        }
    }

    /// A field's head: how many bytes follow, which part() reads or skip() passes over. Throws for a field of another name, or more bytes.
    std::uint64_t begin(std::string_view name, std::uint64_t max_bytes) {
        std::uint16_t length = 0;
        take(&length, sizeof length, name);
        char found[256];
        if (length > sizeof found) {
            fail("the state is damaged where '" + std::string{name} + "' should be");
        }
        take(found, length, name);
        if (std::string_view{found, length} != name) {
            fail("the state has '" + std::string{found, length} + "' where '" + std::string{name} + "' should be");
        }
        std::uint64_t bytes = 0;
        take(&bytes, sizeof bytes, name);
        if (bytes > max_bytes) {
            fail("the state's '" + std::string{name} + "' has " + std::to_string(bytes) + " bytes, where " + std::to_string(max_bytes) +
                 " are the most");
        }
        return bytes;
    }
    void part(std::span<std::byte> bytes, std::string_view name) { take(bytes.data(), bytes.size(), name); }
    void skip(std::uint64_t bytes, std::string_view name) {
        std::byte piece[4096];
        while (bytes != 0) {
            const std::size_t size = bytes < sizeof piece ? static_cast<std::size_t>(bytes) : sizeof piece;
            take(piece, size, name);
            bytes -= size;
        }
    }
    /// A field of just so many bytes.
    void field(std::string_view name, std::span<std::byte> bytes) {
        const std::uint64_t size = begin(name, bytes.size());
        if (size != bytes.size()) {
            fail("the state's '" + std::string{name} + "' has " + std::to_string(size) + " bytes, not " + std::to_string(bytes.size()));
        }
        part(bytes, name);
    }
    template <class Number>
        requires std::is_arithmetic_v<Number>
    [[nodiscard]] Number number(std::string_view name) {
        Number value{};
        field(name, {reinterpret_cast<std::byte*>(&value), sizeof value});
        return value;
    }
    [[nodiscard]] std::string text(std::string_view name) {
        std::string value(static_cast<std::size_t>(begin(name, 4096)), '\0');
        part({reinterpret_cast<std::byte*>(value.data()), value.size()}, name);
        return value;
    }
    /// A text that must be this one. Throws std::invalid_argument, which names both, where it is another.
    void require(std::string_view name, std::string_view own) {
        const std::string saved = text(name);
        if (saved != own) {
            throw std::invalid_argument{"zeroth: the state's " + std::string{name} + " is '" + saved + "', the optimizer's '" +
                                        std::string{own} + "'"};
        }
    }
    /// Once, after the last field. Throws where anything was damaged, or more follows.
    void finish() {
        std::uint16_t none = 1;
        take(&none, sizeof none, "its end");
        const std::uint64_t expected = digest_.value();
        std::uint64_t found = 0;
        take(&found, sizeof found, "its digest");
        std::byte more{};
        if (none != 0 || found != expected || source_({&more, 1}) != 0) {
            fail("the state is damaged: its digest does not fit");
        }
    }
    [[noreturn]] static void fail(const std::string& why) { throw std::runtime_error{"zeroth: " + why}; }

  private:
    void take(void* to, std::size_t bytes, std::string_view name) {
        const std::span<std::byte> piece{static_cast<std::byte*>(to), bytes};
        if (bytes != 0 && source_(piece) != bytes) {
            fail("the state ends within '" + std::string{name} + "'");
        }
        digest_.add(piece);
    }

    StateSource source_;
    Digest digest_;
};

ZEROTH_END_NAMESPACE
