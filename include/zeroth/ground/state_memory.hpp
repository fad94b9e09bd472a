#pragma once

#include <zeroth/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// How memory is taken that a backend's traversals reach: the host's, unless the backend has one of its own (state_allocator()). What is
/// written and copied is so in the order of the traversals, and perhaps later.
struct StateAllocator {
    /// At least 16 bytes aligned; throws where there is none.
    void* (*allocate)(const StateAllocator&, std::size_t bytes) = host_allocate;
    void (*release)(const StateAllocator&, void* memory) noexcept = host_release;
    /// The same word over and over.
    void (*fill)(const StateAllocator&, void* to, std::uint32_t word, std::size_t words) = host_fill;
    void (*copy)(const StateAllocator&, void* to, const void* from, std::size_t bytes) = host_copy;
    /// To and from memory of the host's: what it was is done with when it returns.
    void (*copy_to_host)(const StateAllocator&, void* to, const void* from, std::size_t bytes) = host_copy;
    void (*copy_from_host)(const StateAllocator&, void* to, const void* from, std::size_t bytes) = host_copy;
    /// The backend's.
    int device = 0;
    void* stream = nullptr;

  private:
    static void* host_allocate(const StateAllocator&, std::size_t bytes) { return ::operator new(bytes); }
    static void host_release(const StateAllocator&, void* memory) noexcept { ::operator delete(memory); }
    static void host_fill(const StateAllocator&, void* to, std::uint32_t word, std::size_t words) {
        for (std::size_t i = 0; i < words; ++i) {
            std::memcpy(static_cast<std::byte*>(to) + i * sizeof word, &word, sizeof word);
        }
    }
    static void host_copy(const StateAllocator&, void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
};

/// A backend's own, or the host's.
template <class B>
[[nodiscard]] StateAllocator state_allocator_of(const B& backend) {
    if constexpr (requires { backend.state_allocator(); }) {
        return backend.state_allocator();
    } else {
        return {};
    }
}

/// Memory that a backend's traversals reach, for what is kept beside the weights. A copy has its own.
class StateMemory {
  public:
    StateMemory() = default;
    /// Zeros, or another word over and over.
    explicit StateMemory(std::size_t bytes, const StateAllocator& allocator = {}, std::uint32_t word = 0) : StateMemory(allocator, bytes) {
        fill(word);
    }
    StateMemory(const StateMemory& other) : StateMemory(other.allocator_, other.bytes_) {
        if (bytes_ != 0) {
            allocator_.copy(allocator_, data_, other.data_, bytes_);
        }
    }
    StateMemory(StateMemory&& other) noexcept
        : allocator_{other.allocator_}, data_{std::exchange(other.data_, nullptr)}, bytes_{std::exchange(other.bytes_, 0)} {}
    StateMemory& operator=(StateMemory other) noexcept {
        std::swap(allocator_, other.allocator_);
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~StateMemory() {
        if (data_ != nullptr) {
            allocator_.release(allocator_, data_);
        }
    }

    /// Of the allocator's memory: not to be looked at elsewhere.
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_; }
    /// Some of its bytes, from `begin` on, copied to the host's memory, and back.
    void read(std::size_t begin, std::span<std::byte> to) const {
        if (!to.empty()) {
            allocator_.copy_to_host(allocator_, to.data(), data_ + begin, to.size());
        }
    }
    void write(std::size_t begin, std::span<const std::byte> from) {
        if (!from.empty()) {
            allocator_.copy_from_host(allocator_, data_ + begin, from.data(), from.size());
        }
    }
    void fill(std::uint32_t word) {
        if (bytes_ != 0) {
            allocator_.fill(allocator_, data_, word, words(bytes_));
        }
    }

  private:
    StateMemory(const StateAllocator& allocator, std::size_t bytes)
        : allocator_{allocator},
          data_{bytes != 0 ? static_cast<std::byte*>(allocator.allocate(allocator, words(bytes) * sizeof(std::uint32_t))) : nullptr},
          bytes_{bytes} {}
    static std::size_t words(std::size_t bytes) noexcept { return (bytes + sizeof(std::uint32_t) - 1) / sizeof(std::uint32_t); }

    StateAllocator allocator_;
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

ZEROTH_END_NAMESPACE
