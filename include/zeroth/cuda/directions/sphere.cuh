#pragma once

#include <zeroth/backends/reductions.hpp>
#include <zeroth/cuda/lanes.cuh>
#include <zeroth/cuda/launch.cuh>
#include <zeroth/directions/formed_ahead.hpp>
#include <zeroth/directions/sphere.hpp>
#include <zeroth/ground/array.hpp>
#include <zeroth/ground/state_memory.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// A Sphere's ray on a device: a Gaussian's, and the address of the key's factor in the block.
struct DeviceSphereRay : Sphere::Ray {
    const double* factor;

    [[nodiscard]] ZEROTH_INLINE double scale() const noexcept { return *factor; }
};

/// Some blocks of one key, whose factors are formed in three tasks: the sums are cleared, a thread block draws each chunk and adds to its
/// block's, then come the factors.
struct SphereBlocks {
    struct Part {
        std::uint64_t hash;
        std::uint64_t size;
        std::uint64_t first_chunk;
    };
    static constexpr int most = 256;

    PhiloxKey key;
    int blocks;
    std::int64_t* units;
    double* factors;
    Part of[most];
};
struct ClearSquares {
    std::int64_t* units;

    ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept { units[thread] = 0; }
};
struct SumSquares {
    SphereBlocks task;

    ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept {
        using R = Sphere::Ray;
        using Own = Lanes<4>;
        constexpr std::uint64_t runs = Tuning::chunk / tile_size<R> * (tile_lanes / Own::width);
        const std::uint64_t chunk = thread / Tuning::threads;
        const int b = last_begun(task.blocks, [&](int i) { return task.of[i].first_chunk <= chunk; });
        const std::uint64_t size = task.of[b].size;
        const R ray{{task.key, task.of[b].hash}};
        const std::uint64_t first = (chunk - task.of[b].first_chunk) * (Tuning::chunk / tile_size<R> * tile_lanes);
        std::int64_t sum = 0;
        for (std::uint64_t run = thread % Tuning::threads; run < runs; run += Tuning::threads) {
            const std::uint64_t counter = first + run * Own::width;
            std::uint64_t element = element_of<R>(counter, 0);
            typename R::template Draw<Own> draw[1];
            draw_from<Own>(ray, counter, 0, draw);
            for (int group = 0; group < R::groups && element < size; ++group) {
                typename Own::Float z[R::vectors];
                draw[0].next(z);
                ZEROTH_UNROLL
                for (int j = 0; j < R::vectors; ++j) {
                    ZEROTH_UNROLL
                    for (int l = 0; l < Own::width; ++l) {
                        sum += element + static_cast<std::uint64_t>(l) < size ? squared_units(z[j].lane[l]) : 0;
                    }
                    element += tile_lanes;
                }
            }
        }
        Merge::sum(task.units[b], sum); // the threads of a warp have the same block
    }
};
struct FormFactors {
    SphereBlocks task;

    ZEROTH_HOST_DEVICE void operator()(std::uint64_t thread) const noexcept {
        task.factors[thread] = Sphere::scale(task.units[thread], task.of[thread].size);
    }
};

/// Rays of Sphere on a device, and the factors of keys in use, which are formed and stay there.
class DeviceSphereRays : public PhiloxRays<Sphere> {
  public:
    template <class B>
    DeviceSphereRays(const Sphere& direction, std::span<const Block> blocks, std::size_t max_keys, const B& backend)
        : PhiloxRays<Sphere>{direction, blocks, max_keys, backend}, allocator_{state_allocator_of(backend)}, blocks_{blocks.size()},
          slots_(max_keys), units_{blocks.size() * sizeof(std::int64_t), allocator_} {
        factors_.reserve(max_keys, [this] { return make(); });
    }

    template <class B>
    void prepare(std::span<const Key> keys, std::span<const Block> blocks, const B& backend) {
        PhiloxRays<Sphere>::prepare(keys, blocks, backend);
        if (keys.size() > slots_.size()) {
            slots_ = Array<std::size_t>(keys.size());
        }
        factors_.prepare(
            keys, slots_.data(), [](const Key& key) { return key; }, [this] { return make(); },
            [&](std::size_t, Factors& factors) { form(factors, blocks, backend); });
    }
    [[nodiscard]] DeviceSphereRay ray(std::size_t k, std::size_t b) const noexcept { return {{bits(k, b)}, factors_[slots_[k]].numbers() + b}; }
    template <class K>
    [[nodiscard]] double largest(K) const noexcept {
        static_assert(sizeof(K) == 0, "zeroth: Exact reads a Sphere's norms on the host: on a device restore by Snapshot or InPlace");
        return 0;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return factors_.size() * blocks_ * sizeof(double) + units_.size(); }

  private:
    /// A key's, in each block.
    struct Factors {
        Key name;
        StateMemory memory;

        [[nodiscard]] double* numbers() const noexcept { return reinterpret_cast<double*>(memory.data()); }
    };

    [[nodiscard]] Factors make() const { return {Key{}, StateMemory{blocks_ * sizeof(double), allocator_}}; }
    template <class B>
    void form(const Factors& factors, std::span<const Block> blocks, const B& backend) const {
        SphereBlocks task;
        task.key = philox_key(factors.name, Purpose::direction);
        for (std::size_t begin = 0; begin < blocks.size(); begin += SphereBlocks::most) {
            task.units = reinterpret_cast<std::int64_t*>(units_.data()) + begin;
            task.factors = factors.numbers() + begin;
            task.blocks = 0;
            std::uint64_t chunks = 0;
            for (std::size_t b = begin; b < blocks.size() && task.blocks < SphereBlocks::most; ++b) {
                task.of[task.blocks++] = {blocks[b].identity.hash, blocks[b].size(), chunks};
                chunks += (blocks[b].size() + Tuning::chunk - 1) / Tuning::chunk;
            }
            const auto count = static_cast<std::uint64_t>(task.blocks);
            backend.run(count, ClearSquares{task.units});
            if (chunks != 0) {
                backend.run(chunks * Tuning::threads, SumSquares{task});
            }
            backend.run(count, FormFactors{task});
        }
    }

    StateAllocator allocator_;
    std::size_t blocks_;
    FormedAhead<Factors> factors_;
    Array<std::size_t> slots_;
    StateMemory units_;
};

} // namespace cuda
ZEROTH_END_NAMESPACE
