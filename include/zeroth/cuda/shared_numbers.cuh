#pragma once

#include <zeroth/cuda/tuning.cuh>
#include <zeroth/rays/ray.hpp>

#include <cstdint>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// Of a ray that reads its numbers from a table: where the ray keeps the table's address, and how many numbers the table has.
///
///     template <>
///     struct NumbersOf<MyRay> {
///         static const float*& address(MyRay&);       // HOST_DEVICE
///         static std::uint32_t count(const MyRay&);
///     };
template <class R>
struct NumbersOf {};

/// A ray whose table the threads of a thread block may share a copy of.
template <class R>
concept ReadsNumbers = Ray<R> && requires(R& ray) {
    NumbersOf<R>::address(ray);
    NumbersOf<R>::count(ray);
};

/// A table in the memory that the threads of a thread block share; none where the rays read several, or one that is too large.
struct SharedNumbers {
    static constexpr std::uint32_t most = Tuning::shared_bytes / sizeof(float);

    const float* numbers = nullptr;
    std::uint32_t count = 0;

    /// The one table that all rays so far read, if it is small enough.
    template <ReadsNumbers R>
    void see(R ray, bool is_first) noexcept {
        const float* const address = NumbersOf<R>::address(ray);
        if (is_first) {
            *this = {address, NumbersOf<R>::count(ray) <= most ? NumbersOf<R>::count(ray) : 0};
        } else if (address != numbers) {
            count = 0;
        }
    }
    /// One thread's part of the copy.
    ZEROTH_INLINE void copy(float* to, unsigned thread, unsigned threads) const noexcept {
        for (std::uint32_t i = thread; i < count; i += threads) {
            to[i] = numbers[i];
        }
    }
};

} // namespace cuda
ZEROTH_END_NAMESPACE
