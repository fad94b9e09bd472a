#pragma once

#include <zeroth/config.hpp>

#include <cstddef>
#include <cstring>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// How memory is taken that a backend's traversals reach: the host's, unless the backend has one of its own (state_allocator()). What is
/// written and copied is so in the order of the traversals, and perhaps later.
struct StateAllocator {
    /// At least 16 bytes aligned; throws where there is none.
    void* (*allocate)(const StateAllocator&, std::size_t bytes) = host_allocate;
    void (*release)(const StateAllocator&, void* memory) noexcept = host_release;
    void (*write_zeros)(const StateAllocator&, void* to, std::size_t bytes) = host_write_zeros;
    void (*copy)(const StateAllocator&, void* to, const void* from, std::size_t bytes) = host_copy;
    /// The backend's.
    int device = 0;
    void* stream = nullptr;

  private:
    static void* host_allocate(const StateAllocator&, std::size_t bytes) { return ::operator new(bytes); }
    static void host_release(const StateAllocator&, void* memory) noexcept { ::operator delete(memory); }
    static void host_write_zeros(const StateAllocator&, void* to, std::size_t bytes) { std::memset(to, 0, bytes); }
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

/// Zeros that a backend's traversals reach: what is kept beside the weights. A copy has memory of its own.
class StateMemory {
  public:
    StateMemory() = default;
    explicit StateMemory(std::size_t bytes, const StateAllocator& allocator = {}) : StateMemory(allocator, bytes) { clear(); }
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
    void clear() {
        if (bytes_ != 0) {
            allocator_.write_zeros(allocator_, data_, bytes_);
        }
    }

  private:
    StateMemory(const StateAllocator& allocator, std::size_t bytes)
        : allocator_{allocator}, data_{bytes != 0 ? static_cast<std::byte*>(allocator.allocate(allocator, bytes)) : nullptr},
          bytes_{bytes} {}

    StateAllocator allocator_;
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

ZEROTH_END_NAMESPACE
