// Prints one checksum over every direction, scalar type, restore policy and way of settling, made with the instruction set this
// file is compiled for (and, with ZEROTH_SAME_BITS_REFERENCE, with the reference backend). Built by several compilers, levels and
// instruction sets it must always print the same. A user can run it on a new machine.

#include <zeroth/backends/simd.hpp>
#include <zeroth/directions/mixed_pool.hpp>
#include <zeroth/directions/reuse_pool.hpp>
#include <zeroth/projections/layer_projection.hpp>
#include <zeroth/zeroth.hpp>

#include <cstdio>
#include <cstring>
#include <vector>

using namespace zeroth;

namespace {

std::uint64_t checksum = 0xCBF29CE484222325u;

void add(const void* data, std::size_t size) {
    const auto* const bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) {
        checksum = (checksum ^ bytes[i]) * 0x100000001B3u;
    }
}

/// Whole numbers over powers of two, so that the start is the same everywhere.
template <class T>
std::vector<T> start(std::size_t n) {
    std::vector<T> w(n);
    for (std::size_t i = 0; i < n; ++i) {
        w[i] = T(static_cast<float>(static_cast<int>(i * 7919 % 1021) - 510) * 0x1p-11f);
    }
    return w;
}

/// Backends for weights of one type, so that no kernel is compiled that does not run.
struct Registers {
    template <class T>
    Simd<WidestArch, ScalarTypes<T>> of() const {
        return {};
    }
};
struct Scalars {
    template <class T>
    Reference of() const {
        return {};
    }
};

/// Three steps of several queries along a made-up loss, so that every operation runs with one, two and more moves.
template <class T, class D, class Restore, class Rule = Sgd, class B>
void run(const B& backend) {
    std::vector<T> first = start<T>(5003);
    std::vector<T> second = start<T>(37);
    Parameters parameters;
    parameters.add("first", std::span{first}, {.rows = 5003, .columns = 1});
    parameters.add("second", std::span{second});
    for (const Settling settling : {Settling::each_step, Settling::lazily}) {
        Rule rule{};
        rule.learning_rate = 0x1p-12;
        rule.weight_decay = settling == Settling::lazily ? 0.125 : 0.0;
        Optimizer optimizer{parameters, TwoSidedRge<D>{.direction = D{}, .epsilon = 0x1p-10, .queries = 3}, rule,
                            Settings<Restore>{.seed = 5, .restore = {}, .settling = settling}, backend.template of<T>()};
        int calls = 0;
        for (int step = 0; step < 3; ++step) {
            optimizer.step([&] {
                add(first.data(), first.size() * sizeof(T));
                return 0.5 + ((calls++ * 37) % 11) * 0x1p-9;
            });
        }
        optimizer.settle();
        add(first.data(), first.size() * sizeof(T));
        add(second.data(), second.size() * sizeof(T));
    }
}

template <class D, class B>
void run_types(const B& backend) {
    run<float, D, InPlace>(backend);
    run<float, D, Exact>(backend);
    run<double, D, Exact>(backend);
    run<bfloat16, D, Snapshot>(backend);
    run<float16, D, Snapshot>(backend);
}

/// Probes and the result of a projection of two layers that have moved unlike.
template <class T, class B>
void run_projection(const B& backend) {
    std::vector<T> first = start<T>(5003);
    std::vector<T> second = start<T>(37);
    Parameters parameters;
    parameters.add("first", std::span{first});
    parameters.add("second", std::span{second});
    LayerProjection projection{parameters, {.seed = 5, .iterations = 3, .rate = 0x1p-3}, {}, backend.template of<T>()};
    for (std::size_t i = 0; i < first.size(); ++i) {
        first[i] = T(static_cast<float>(first[i]) + static_cast<float>(i % 13) * 0x1p-9f);
    }
    second[7] = T(0.75f);
    int calls = 0;
    projection.project(50, [&] {
        add(first.data(), first.size() * sizeof(T));
        add(second.data(), second.size() * sizeof(T));
        return 0.5 + ((calls++ * 37) % 11) * 0x1p-5;
    });
    add(first.data(), first.size() * sizeof(T));
    add(second.data(), second.size() * sizeof(T));
}

template <class B>
std::uint64_t run_all(const B& backend) {
    checksum = 0xCBF29CE484222325u;
    run_types<Gaussian>(backend);
    run<float, Rademacher, InPlace>(backend);
    run<bfloat16, Rademacher, InPlace>(backend);
    run<float, Uniform, InPlace>(backend);
    run<double, Uniform, InPlace>(backend);
    run<float, Sphere, InPlace>(backend);
    run<float, ReusePool, InPlace>(backend);
    run<float, MixedPool, InPlace>(backend);
    run<float, Rademacher, InPlace, Adam>(backend);
    run<bfloat16, Rademacher, Snapshot, SignSgd>(backend);
    run<double, Rademacher, Exact, WindowedAdam>(backend);
    run_projection<float>(backend);
    run_projection<double>(backend);
    run_projection<bfloat16>(backend);
    run_projection<float16>(backend);
    return checksum;
}

} // namespace

int main() {
    const std::uint64_t bits = run_all(Registers{});
    std::printf("%016llx %s\n", static_cast<unsigned long long>(bits), Simd<>{}.name().c_str());
#if defined(ZEROTH_SAME_BITS_REFERENCE)
    const std::uint64_t of_reference = run_all(Scalars{});
    std::printf("%016llx %s\n", static_cast<unsigned long long>(of_reference), Reference{}.name().c_str());
    return of_reference == bits ? 0 : 1;
#endif
}
