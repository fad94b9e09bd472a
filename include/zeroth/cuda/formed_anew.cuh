#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Words copied to the device by value, as a task's own.
struct CopyWords {
    static constexpr std::size_t most = 7936;

    std::uint32_t* to;
    std::uint32_t word[most];

    ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept { to[thread] = word[thread]; }
};

/// Copies numbers to the device in the order of the traversals, without a buffer that would have to stay: so a CUDA graph keeps them.
template <class B>
void copy_numbers(const B& backend, float* to, const float* numbers, std::size_t count) {
    CopyWords task;
    while (count != 0) {
        const std::size_t part = count < CopyWords::most ? count : CopyWords::most;
        task.to = reinterpret_cast<std::uint32_t*>(to);
        std::memcpy(task.word, numbers, part * sizeof(float));
        backend.run(part, task);
        to += part;
        numbers += part;
        count -= part;
    }
}

/// The device's memory for what keys' rays read, such as tables: one value for each different name among a traversal's keys. It is to be
/// formed anew for each traversal, so that graphs and other traversals may alternate.
template <class Name>
class FormedAnew {
  public:
    /// For max_keys keys; takes the memory of `reserved` values, each of so many floats.
    FormedAnew(const StateAllocator& allocator, std::size_t floats, std::size_t max_keys, std::size_t reserved)
        : allocator_{allocator}, floats_{floats}, names_(max_keys), of_key_(max_keys), memory_{reserved * floats * sizeof(float), allocator} {}

    /// name_of(k): what key k needs. Takes memory where there are more different names than ever, and keeps what it has if there is none.
    template <class NameOf>
    void prepare(std::size_t keys, const NameOf& name_of) {
        if (keys > of_key_.size()) {
            names_ = Array<Name>(keys);
            of_key_ = Array<std::size_t>(keys);
        }
        size_ = 0;
        for (std::size_t k = 0; k < keys; ++k) {
            const Name name = name_of(k);
            std::size_t n = 0;
            while (n < size_ && !(names_[n] == name)) {
                ++n;
            }
            if (n == size_) {
                names_[size_++] = name;
            }
            of_key_[k] = n;
        }
        if (size_ * floats_ * sizeof(float) > memory_.size()) {
            StateMemory more{size_ * floats_ * sizeof(float), allocator_};
            memory_ = std::move(more);
        }
    }
    /// Different names of the keys.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const Name& name(std::size_t n) const noexcept { return names_[n]; }
    [[nodiscard]] float* value(std::size_t n) const noexcept { return reinterpret_cast<float*>(memory_.data()) + n * floats_; }
    /// Key k's.
    [[nodiscard]] const float* of(std::size_t k) const noexcept { return value(of_key_[k]); }
    [[nodiscard]] std::size_t bytes() const noexcept { return memory_.size(); }

  private:
    StateAllocator allocator_;
    std::size_t floats_;
    std::size_t size_ = 0;
    Array<Name> names_;
    /// The number of each key's name.
    Array<std::size_t> of_key_;
    StateMemory memory_;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
