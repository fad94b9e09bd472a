#pragma once

/// The yardstick of all figures: an in-place increment x[i] += c, the least that a perturbation can do. It is taken in turn with what it
/// measures, over the same memory and by as many threads, so that a slow spell of the machine meets both; a ratio is that of the medians.

#include <zeroth/parameters/block.hpp>

#include <benchmark/benchmark.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace bench {

/// Numbers on huge pages, where the system has them.
template <class T>
    requires std::is_trivially_destructible_v<T>
class Numbers {
  public:
    Numbers(std::size_t size, T value) : size_{size} {
        constexpr auto page = static_cast<std::size_t>(alignment);
        const std::size_t bytes = (size * sizeof(T) + page - 1) / page * page;
        void* const memory = ::operator new(bytes, alignment);
#if defined(__linux__)
        static_cast<void>(madvise(memory, bytes, MADV_HUGEPAGE));
#endif
        data_ = static_cast<T*>(memory);
        std::uninitialized_fill_n(data_, size, value);
    }
    Numbers(const Numbers&) = delete;
    Numbers& operator=(const Numbers&) = delete;
    ~Numbers() { ::operator delete(data_, alignment); }

    [[nodiscard]] std::span<T> span() const noexcept { return {data_, size_}; }

  private:
    static constexpr auto alignment = std::align_val_t{std::size_t{1} << 21};

    T* data_ = nullptr;
    std::size_t size_;
};

template <class Work>
double seconds_of(const Work& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    benchmark::ClobberMemory();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Sorts the values.
inline double median(std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.empty() ? 0 : values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// x[i] += c, as the compiler vectorises it; of 16-bit numbers the raw bits as integers, which reads and writes as much and converts
/// nothing. Every second call takes back what the one before it added.
template <class Storage>
class Increment {
  public:
    explicit Increment(std::span<Storage> x, int threads = 1) : x_{x}, threads_{threads} {}

    /// Seconds.
    double operator()() {
        up_ = !up_;
        return seconds_of([this] {
            const Step by = step();
#if defined(_OPENMP)
            if (threads_ > 1) {
                Storage* const x = x_.data();
                const auto size = static_cast<std::ptrdiff_t>(x_.size());
#pragma omp parallel for schedule(static) num_threads(threads_)
                for (std::ptrdiff_t i = 0; i < size; ++i) {
                    add(x[i], by);
                }
                return;
            }
#endif
            for (Storage& value : x_) {
                add(value, by);
            }
        });
    }

  private:
    static constexpr bool is_number = std::is_floating_point_v<Storage>;
    using Step = std::conditional_t<is_number, Storage, std::uint16_t>;

    [[nodiscard]] Step step() const {
        if constexpr (is_number) {
            return up_ ? Storage{0x1p-20f} : -Storage{0x1p-20f};
        } else {
            return static_cast<Step>(up_ ? 1 : -1);
        }
    }
    static void add(Storage& value, Step by) {
        if constexpr (is_number) {
            value += by;
        } else {
            value.bits = static_cast<std::uint16_t>(value.bits + by);
        }
    }

    std::span<Storage> x_;
    [[maybe_unused]] int threads_;
    bool up_ = false;
};

/// Seconds of something and of a yardstick beside it, the increment or another, round for round.
class Rounds {
  public:
    /// A benchmark's loop: each round takes the yardstick, which returns its seconds, and then times the work, or takes the seconds that it
    /// returns; five rounds at least, whatever time they take.
    template <class Yardstick, class Work>
    Rounds(benchmark::State& state, Yardstick&& yardstick, const Work& work) {
        constexpr std::size_t least = 5;
        const auto rounds = std::max(static_cast<std::size_t>(state.max_iterations), least);
        seconds_.reserve(rounds);
        yardsticks_.reserve(rounds);
        const auto take = [&] {
            yardsticks_.push_back(yardstick());
            if constexpr (std::is_same_v<decltype(work()), double>) {
                seconds_.push_back(work());
            } else {
                seconds_.push_back(seconds_of(work));
            }
        };
        for (auto _ : state) {
            take();
            state.SetIterationTime(seconds_.back());
        }
        while (seconds_.size() < rounds) {
            take();
        }
    }

    /// Counters, from the medians: ns_element, x_<yardstick> (the time in yardsticks), <yardstick>_ns_element, and spread: the distance of
    /// the quartiles over the median, above 0.1 on a machine that was not idle. Of work that went `times` times over the elements.
    void report(benchmark::State& state, std::size_t elements, std::size_t times = 1, const std::string& yardstick = "increment") {
        const double seconds = median(seconds_) / static_cast<double>(times);
        const double yardstick_seconds = median(yardsticks_);
        const auto count = static_cast<double>(elements);
        state.counters["elements"] = count;
        state.counters["ns_element"] = 1e9 * seconds / count;
        state.counters[yardstick + "_ns_element"] = 1e9 * yardstick_seconds / count;
        state.counters["x_" + yardstick] = seconds / yardstick_seconds;
        state.counters["spread"] = (seconds_[seconds_.size() * 3 / 4] - seconds_[seconds_.size() / 4]) / median(seconds_);
    }

  private:
    std::vector<double> seconds_;
    std::vector<double> yardsticks_;
};

/// What the figures' tables say of the machine and the compiler; written into the results of every program that includes this.
inline const bool described = [] {
    std::ifstream processors{"/proc/cpuinfo"};
    std::string line;
    std::string processor = "an unknown processor";
    while (std::getline(processors, line)) {
        if (line.starts_with("model name") && line.find(": ") != std::string::npos) {
            processor = line.substr(line.find(": ") + 2);
            break;
        }
    }
    benchmark::AddCustomContext("processor", processor);
#if defined(__clang__)
    benchmark::AddCustomContext("compiler", "Clang " __clang_version__);
#elif defined(__GNUC__)
    benchmark::AddCustomContext("compiler", "GCC " __VERSION__);
#endif
#if defined(__AVX512F__)
    benchmark::AddCustomContext("instructions", "AVX-512");
#elif defined(__AVX2__)
    benchmark::AddCustomContext("instructions", "AVX2");
#elif defined(__SSE2__)
    benchmark::AddCustomContext("instructions", "SSE2");
#elif defined(__ARM_NEON)
    benchmark::AddCustomContext("instructions", "NEON");
#endif
    return true;
}();

} // namespace bench
