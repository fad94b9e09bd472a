// What a device's backend keeps in its memory is not read on the host, nor the other way round: the memory cannot be reached but while the
// device works.

#if __has_include(<sys/mman.h>)

#include "cuda/launched_on_host.hpp"

#include <zeroth/estimators/hizoo_rge.hpp>
#include <zeroth/updates/hizoo_sgd.hpp>
#include <zeroth/zeroth.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

using namespace zeroth_test;

namespace {

/// 64 MiB that are never given back: protected but while a Working lives.
class Memory64 {
  public:
    Memory64() : begin_{static_cast<std::byte*>(mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))} {}
    void* take(std::size_t bytes) {
        REQUIRE(used_ + bytes <= size);
        void* const taken = begin_ + used_;
        used_ += (bytes + 255) / 256 * 256;
        return taken;
    }
    void protect(int how) const { mprotect(begin_, size, how); }

  private:
    static constexpr std::size_t size = std::size_t{64} << 20;
    std::byte* begin_;
    std::size_t used_ = 0;
};
Memory64 memory;

class Working {
  public:
    Working() {
        if (depth_++ == 0) {
            memory.protect(PROT_READ | PROT_WRITE);
        }
    }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;
    ~Working() {
        if (--depth_ == 0) {
            memory.protect(PROT_NONE);
        }
    }

  private:
    static inline int depth_ = 0;
};

StateAllocator guarded_allocator() {
    StateAllocator result;
    result.allocate = [](const StateAllocator&, std::size_t bytes) { return memory.take(bytes); };
    result.release = [](const StateAllocator&, void*) noexcept {};
    result.fill = [](const StateAllocator&, void* to, std::uint32_t word, std::size_t count) {
        const Working working;
        for (std::size_t i = 0; i < count; ++i) {
            std::memcpy(static_cast<std::byte*>(to) + i * sizeof word, &word, sizeof word);
        }
    };
    result.copy = [](const StateAllocator&, void* to, const void* from, std::size_t bytes) {
        const Working working;
        std::memmove(to, from, bytes);
    };
    result.copy_to_host = result.copy;
    result.copy_from_host = result.copy;
    return result;
}

/// A device whose memory is guarded.
struct Guarded {
    using Types = ScalarTypes<float>;
    static constexpr MemorySpace space = MemorySpace::device;
    template <class D>
    using Rays = cuda::DeviceRays<D>;

    [[nodiscard]] std::string name() const { return "guarded"; }
    [[nodiscard]] StateAllocator state_allocator() const { return guarded_allocator(); }

    template <class Task>
    void run(std::uint64_t count, const Task& task) const {
        const Working working;
        LaunchedOnHost<float>{}.run(count, task);
    }
    template <class Storage, class Operation, Ray R>
    void launch(const cuda::Launch<Operation, R>& launch) const {
        const Working working;
        LaunchedOnHost<float>{}.template launch<Storage>(launch);
    }
    template <class Operation, Ray R>
    void traverse(const Traversal<Operation, R>& traversal) const {
        cuda::traverse_on(static_cast<Types*>(nullptr), *this, traversal);
    }
};

Parameters parameters_in(MemorySpace space, std::span<float> w) {
    Parameters result;
    result.add("a", w.subspan(1, 8500), {.rows = 85, .columns = 100}, {.space = space});
    result.add("b", w.subspan(8501, 301), {}, {.space = space});
    return result;
}
template <class O>
void take_steps(O& optimizer, std::span<float> w, int count) {
    for (int step = 0; step < count; ++step) {
        optimizer.step([&] {
            const Working working;
            double sum = 0;
            for (const float x : w) {
                sum += (static_cast<double>(x) - 0.1) * (static_cast<double>(x) - 0.1);
            }
            return sum;
        });
    }
}

/// Weights after four steps.
template <class B, class E, class Rule, class Restore>
void train(const B& backend, MemorySpace space, std::span<float> w, const E& estimator, const Rule& rule, const Restore& restore) {
    Optimizer optimizer{parameters_in(space, w), estimator, rule, Settings<Restore>{.seed = 3, .restore = restore}, backend};
    take_steps(optimizer, w, 4);
}

std::span<float> on_device(const std::vector<float>& w) {
    const std::span<float> result{static_cast<float*>(memory.take(w.size() * sizeof(float))), w.size()};
    guarded_allocator().copy(guarded_allocator(), result.data(), w.data(), result.size_bytes());
    return result;
}
std::vector<float> on_host(std::span<const float> w) {
    std::vector<float> result(w.size());
    guarded_allocator().copy(guarded_allocator(), result.data(), w.data(), w.size_bytes());
    return result;
}

/// Four steps, the last two by an optimizer that goes on with the first one's state; each where its backend reaches.
template <class First, class Second, class E, class Rule, class Restore>
std::vector<float> go_on(const E& estimator, const Rule& rule, const Restore& restore, Settling settling) {
    const Settings<Restore> settings{.seed = 3, .restore = restore, .settling = settling};
    std::vector<float> first = weights<float>(9000);
    std::vector<std::byte> state;
    const std::span<float> w = memory_space_of<First> == MemorySpace::device ? on_device(first) : std::span{first};
    std::vector<float> stood;
    {
        Optimizer optimizer{parameters_in(memory_space_of<First>, w), estimator, rule, settings, First{}};
        take_steps(optimizer, w, 2);
        optimizer.save([&](std::span<const std::byte> piece) { state.insert(state.end(), piece.begin(), piece.end()); });
        stood = on_host(w);
    }
    const std::span<float> then = memory_space_of<Second> == MemorySpace::device ? on_device(stood) : std::span{stood};
    {
        const Resume resume{[&state, at = std::size_t{0}](std::span<std::byte> piece) mutable {
            const std::size_t size = std::min(piece.size(), state.size() - at);
            std::memcpy(piece.data(), state.data() + at, size);
            at += size;
            return size;
        }};
        Optimizer optimizer{parameters_in(memory_space_of<Second>, then), estimator, rule, settings, Second{}, resume};
        take_steps(optimizer, then, 2);
    }
    return on_host(then);
}

template <class E, class Rule, class Restore>
void check_resumes(const E& estimator, const Rule& rule, const Restore& restore) {
    using Host = ReferenceOf<float>;
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        std::vector<float> expected = weights<float>(9000);
        {
            Optimizer optimizer{parameters_in(MemorySpace::host, expected), estimator, rule,
                                Settings<Restore>{.seed = 3, .restore = restore, .settling = settling}, Host{}};
            take_steps(optimizer, expected, 4);
        }
        CHECK(go_on<Guarded, Guarded>(estimator, rule, restore, settling) == expected);
        CHECK(go_on<Guarded, Host>(estimator, rule, restore, settling) == expected);
        CHECK(go_on<Host, Guarded>(estimator, rule, restore, settling) == expected);
    }
}

template <class E, class Rule, class Restore>
void check_guarded(const E& estimator, const Rule& rule, const Restore& restore) {
    std::vector<float> expected = weights<float>(9000);
    const std::span<float> device = on_device(expected);
    train(Guarded{}, MemorySpace::device, device, estimator, rule, restore);
    train(ReferenceOf<float>{}, MemorySpace::host, std::span{expected}, estimator, rule, restore);
    CHECK(on_host(device) == expected);
}

} // namespace

TEST_CASE("A device's memory is reached by the device alone") {
    check_guarded(TwoSidedRge<Sphere>{.epsilon = 1e-2}, Momentum{.learning_rate = 1e-5}, Snapshot{});
    check_guarded(TwoSidedRge<LowRank<2>>{.epsilon = 1e-2}, Adam{.learning_rate = 1e-3}, Exact{});
    check_guarded(HizooRge<>{.epsilon = 1e-2, .queries = 2}, HizooSgd{.learning_rate = 1e-3, .smoothing = 0.05}, InPlace{});
}

TEST_CASE("A run goes on from a state that a device saved, and on a device from a host's") {
    check_resumes(TwoSidedRge<Sphere>{.epsilon = 1e-2}, Adam{.learning_rate = 1e-3}, Snapshot{});
    check_resumes(TwoSidedRge<LowRank<2>>{.epsilon = 1e-2}, Momentum{.learning_rate = 1e-5}, Exact{});
    check_resumes(HizooRge<>{.epsilon = 1e-2, .queries = 2}, HizooSgd{.learning_rate = 1e-3, .smoothing = 0.05}, InPlace{});
}

#endif
