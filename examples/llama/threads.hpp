#pragma once

#include <cstddef>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace llama {

/// `requested`, or as many threads as the machine offers if it is 0; 1 without OpenMP.
inline int thread_count(int requested) {
#ifdef _OPENMP
    return requested > 0 ? requested : omp_get_max_threads();
#else
    static_cast<void>(requested);
    return 1;
#endif
}

/// Calls work(index, thread) for every index below count, each thread a contiguous, fixed share. work must not throw.
template <class Work>
void for_each_index(std::size_t count, int threads, Work work) {
#ifdef _OPENMP
    const auto last = static_cast<std::ptrdiff_t>(count);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && last > 1)
    for (std::ptrdiff_t index = 0; index < last; ++index) work(static_cast<std::size_t>(index), omp_get_thread_num());
#else
    static_cast<void>(threads);
    for (std::size_t index = 0; index < count; ++index) work(index, 0);
#endif
}

}  // namespace llama
