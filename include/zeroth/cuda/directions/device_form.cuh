#pragma once

#include <zeroth/backends/operation.hpp>
#include <zeroth/cuda/launch.cuh>
#include <zeroth/directions/direction.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// How a direction comes to a device: what its kernels draw from (Kernel), and what is formed in the device's memory for a traversal.
///
/// This one is of a direction that is whole as it stands. Others are
///
///     template <>
///     class DeviceForm<D> {
///         using Kernel = ...;   // trivially copyable, a VectorDirection with D's numbers
///         // The host's part: what D is to keep for so many keys, unless it takes it by a StateAllocator. Returns the bytes of the
///         // device's memory that traversals are likely to take.
///         static std::size_t reserve(D&, std::span<const Block>, std::size_t max_keys);
///         // One for each traversal:
///         DeviceForm(const D&, std::span<const Block>, std::span<const Move>);
///         std::size_t bytes() const;                                // of the device's memory that this traversal takes
///         void form(const Queue& queue, std::byte* memory);        // starts what fills it
///         Kernel kernel() const;
///     };
///
/// A kernel may need to be told something of each move in each block, its Ready: the form then has begin_block(block, index) and
/// ready(move, k) of the block begun, and the kernel leave(stream, ready), which leaves in a thread's stream what D::prepare does on the
/// host. Blocks begin in their order. queue.run(threads, task) runs task(thread) for each thread, in the order of the traversals; a task is
/// copied by value, and so captured by a CUDA graph. Nothing that is formed outlives its traversal, so graphs and traversals mix.
template <class D>
class DeviceForm {
  public:
    static_assert(is_whole<D>, "zeroth: the CUDA backend does not know this direction");
    using Kernel = D;

    static std::size_t reserve(const D&, std::span<const Block>, std::size_t) noexcept { return 0; }
    template <class Moves>
    DeviceForm(const D& direction, std::span<const Block>, const Moves&) noexcept : direction_{direction} {}
    [[nodiscard]] std::size_t bytes() const noexcept { return 0; }
    template <class Queue>
    void form(const Queue&, std::byte*) const noexcept {}
    [[nodiscard]] const Kernel& kernel() const noexcept { return direction_; }

  private:
    const D& direction_;
};

/// Words copied to the device by value, as a task's own.
struct CopyWords {
    static constexpr std::size_t most = 7936;

    std::uint32_t* to;
    std::uint32_t word[most];

    ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept { to[thread] = word[thread]; }
};

/// Copies numbers to the device in stream order, without a buffer that would have to stay.
template <class Queue>
void copy_numbers(const Queue& queue, float* to, const float* numbers, std::size_t count) {
    CopyWords task;
    while (count != 0) {
        const std::size_t part = count < CopyWords::most ? count : CopyWords::most;
        task.to = reinterpret_cast<std::uint32_t*>(to);
        std::memcpy(task.word, numbers, part * sizeof(float));
        queue.run(part, task);
        to += part;
        numbers += part;
        count -= part;
    }
}

/// Which of a few values, such as tables, each move of a traversal needs: their different names, numbered.
template <class Name>
class DistinctNames {
  public:
    /// Throws std::invalid_argument for more moves than a launch can hold anyway.
    void add(const Name& name) {
        if (moves_ == most) {
            throw std::invalid_argument{"zeroth: a traversal on a device takes " + std::to_string(most) + " moves at most: take fewer queries a step"};
        }
        int n = 0;
        while (n < count_ && !(names_[n] == name)) {
            ++n;
        }
        if (n == count_) {
            names_[count_++] = name;
        }
        number_[moves_++] = static_cast<std::uint16_t>(n);
    }
    [[nodiscard]] int count() const noexcept { return count_; }
    [[nodiscard]] const Name& name(int n) const noexcept { return names_[n]; }
    [[nodiscard]] std::uint16_t number_of(std::size_t move) const noexcept { return number_[move]; }

  private:
    static constexpr int most = Launch<Displace>::max_moves;

    int count_ = 0;
    int moves_ = 0;
    Name names_[most];
    std::uint16_t number_[most];
};

/// What host-side preparing leaves in the stream of a move.
template <class D, class MoveType>
Stream prepared_stream(const D& direction, const MoveType& move, const BlockIdentity& block, std::size_t index) {
    Stream stream{.key = move.key, .block = block, .philox = move.philox};
    direction.prepare(stream, index);
    return stream;
}

/// What a kernel is told of a move in a block: nothing, or Kernel::Ready.
template <class Kernel>
struct ReadyOf {};
template <class Kernel>
    requires requires { typename Kernel::Ready; }
struct ReadyOf<Kernel> : Kernel::Ready {};

} // namespace cuda
ZEROTH_END_NAMESPACE
