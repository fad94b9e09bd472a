#pragma once

#include <zeroth/backends/traversal.hpp>
#include <zeroth/cuda/operation_tables.cuh>
#include <zeroth/cuda/shared_numbers.cuh>
#include <zeroth/cuda/tuning.cuh>
#include <zeroth/parameters/block.hpp>
#include <zeroth/random/key.hpp>
#include <zeroth/rays/ray.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE
namespace cuda {

/// The last of `count` things in order that has begun, of which the first has: has_begun(i).
template <class HasBegun>
ZEROTH_INLINE int last_begun(int count, const HasBegun& has_begun) noexcept {
    int low = 0;
    int high = count;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (has_begun(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/// A ray that carries the factor of its z in the block, in the device's memory: ray.scale() reads it there. Others' come with the launch.
template <class R>
concept ScaledRay = Ray<R> && requires(const R& ray) { ray.scale(); };

/// A traversal of some tensors of one type: what a kernel is told, by value. So nothing is allocated or copied for it, and a CUDA graph that
/// captures the launch keeps it.
///
/// Its room, what a kernel's parameters may have, is shared out for the number of keys: as many tensors as it then holds, each with its
/// entries of the operation's tables and a ray of each key. A tensor is cut into chunks of Tuning::chunk elements, which are numbered through.
template <class Operation, Ray R>
class Launch {
  public:
    /// Throws std::invalid_argument for more keys than max_keys(has_scales).
    Launch(const Operation& operation, std::size_t keys, bool has_scales) : operation_{operation}, has_scales_{has_scales} {
        if (keys > max_keys(has_scales)) {
            throw std::invalid_argument{"zeroth: a traversal of this direction on a device takes " + std::to_string(max_keys(has_scales)) +
                                        " keys at most, not " + std::to_string(keys) + ": take fewer queries a step"};
        }
        keys_ = static_cast<int>(keys);
        const std::size_t room = max_tensors(keys, has_scales);
        capacity_ = static_cast<int>(room);
        entries_ = static_cast<std::uint32_t>((room + 1) * sizeof(Tensor));
        coefficients_ = entries_ + static_cast<std::uint32_t>(room * entry_bytes.read);
        scales_ = coefficients_ + static_cast<std::uint32_t>(keys * row_bytes);
        rays_ = scales_ + static_cast<std::uint32_t>(has_scales ? keys * room * sizeof(double) : 0);
    }

    /// How many tensors it holds with so many keys, where keys have scales in the blocks or not.
    [[nodiscard]] static constexpr std::size_t max_tensors(std::size_t keys, bool has_scales = false) noexcept {
        const std::size_t fixed = keys * row_bytes + sizeof(Tensor);
        const std::size_t each = sizeof(Tensor) + entry_bytes.read + keys * (sizeof(R) + (has_scales ? sizeof(double) : 0));
        const std::size_t room = fixed < memory_bytes ? (memory_bytes - fixed) / each : 0;
        if constexpr (has_results<Operation>) {
            constexpr std::size_t most = Tuning::result_bytes / entry_bytes.results;
            return room < most ? room : most;
        }
        return room;
    }
    /// How many keys it can hold, with one tensor then.
    [[nodiscard]] static constexpr std::size_t max_keys(bool has_scales = false) noexcept {
        return (memory_bytes - 2 * sizeof(Tensor) - entry_bytes.read) / (row_bytes + sizeof(R) + (has_scales ? sizeof(double) : 0));
    }
    static constexpr std::size_t max_result_bytes = has_results<Operation> ? Tuning::result_bytes : 0;

    /// No tensors, to fill in others.
    void clear() noexcept {
        tensors_ = 0;
        tensor_at(0).first_chunk = 0;
        shared_ = {};
    }
    [[nodiscard]] bool is_full() const noexcept { return tensors_ == capacity_; }
    /// A tensor that is not empty: its place among all that are traversed, and the keys' part there.
    void add(const Block& block, std::size_t index, const Moves<R>& moves) noexcept {
        const int b = tensors_++;
        Tensor& tensor = tensor_at(b);
        tensor.data = block.data;
        tensor.identity = block.identity;
        tensor.index = static_cast<std::uint32_t>(index);
        tensor_at(b + 1).first_chunk = tensor.first_chunk + (block.size() + Tuning::chunk - 1) / Tuning::chunk;
        for (int k = 0; k < keys_; ++k) {
            const auto key = static_cast<std::size_t>(k);
            const R ray = moves.rays.ray(key, index);
            at<R>(rays_)[k * capacity_ + b] = ray;
            if (has_scales_) {
                const double* const scales = moves.rays.scales(key);
                at<double>(scales_)[k * capacity_ + b] = scales != nullptr ? scales[index] : 1.0;
            }
            if constexpr (ReadsNumbers<R>) {
                shared_.see(ray, k == 0 && b == 0);
            }
        }
    }
    void set_coefficients(int k, const double* row) noexcept {
        for (int i = 0; i < Operation::coefficients; ++i) {
            at<double>(coefficients_)[k * Operation::coefficients + i] = row[i];
        }
    }
    /// Copies the tensors' entries out of the operation's tables; those of results to the host's memory.
    void gather_tables(std::byte* results) noexcept {
        results_ = results;
        if constexpr (has_tables<Operation>) {
            GatherTables<IndexIn> visit{{*this}, tensors_, memory_ + entries_, results, static_cast<std::size_t>(capacity_)};
            operation_.for_each_table(visit);
        }
    }
    /// Copies the results from the host's memory into the operation's tables.
    void scatter_results(const std::byte* results) noexcept {
        if constexpr (has_results<Operation>) {
            ScatterResults<IndexIn> visit{{*this}, tensors_, results, static_cast<std::size_t>(capacity_)};
            operation_.for_each_table(visit);
        }
    }
    /// Where the results are: in the host's memory, unless a device's threads are to reach them.
    [[nodiscard]] std::byte* results() const noexcept { return results_; }
    void set_results(std::byte* results) noexcept { results_ = results; }
    [[nodiscard]] std::size_t result_bytes() const noexcept { return entry_bytes.results * static_cast<std::size_t>(capacity_); }

    [[nodiscard]] ZEROTH_HOST_DEVICE int tensors() const noexcept { return tensors_; }
    [[nodiscard]] ZEROTH_HOST_DEVICE int keys() const noexcept { return keys_; }
    [[nodiscard]] ZEROTH_HOST_DEVICE std::uint64_t chunks() const noexcept { return first_chunk(tensors_); }
    /// Of a tensor; of tensors(): the number of all chunks.
    [[nodiscard]] ZEROTH_INLINE std::uint64_t first_chunk(int b) const noexcept { return tensor_at(b).first_chunk; }
    template <class Storage>
    [[nodiscard]] ZEROTH_INLINE BlockView block(int b) const noexcept {
        BlockView view;
        view.data = tensor_at(b).data;
        view.type = scalar_traits<Storage>::type;
        view.identity = tensor_at(b).identity;
        return view;
    }
    /// A tensor's place in the tables of bound_operation(), or, where the operation has none, among all that are traversed.
    [[nodiscard]] ZEROTH_INLINE std::size_t index(int b) const noexcept {
        return has_tables<Operation> ? static_cast<std::size_t>(b) : tensor_at(b).index;
    }
    [[nodiscard]] ZEROTH_INLINE const R& ray(int k, int b) const noexcept { return at<R>(rays_)[k * capacity_ + b]; }
    [[nodiscard]] ZEROTH_INLINE const double* coefficients(int k) const noexcept {
        return at<double>(coefficients_) + k * Operation::coefficients;
    }
    /// A key's factor of z in a tensor.
    [[nodiscard]] ZEROTH_INLINE double scale(int k, int b) const noexcept {
        if constexpr (ScaledRay<R>) {
            return ray(k, b).scale();
        } else {
            return has_scales_ ? at<double>(scales_)[k * capacity_ + b] : 1.0;
        }
    }
    /// The one table that all rays read, if threads may share a copy.
    [[nodiscard]] ZEROTH_HOST_DEVICE const SharedNumbers& shared() const noexcept { return shared_; }
    /// The operation with the launch's own tables.
    [[nodiscard]] ZEROTH_INLINE Operation bound_operation() const noexcept {
        Operation bound = operation_;
        if constexpr (has_tables<Operation>) {
            PointAtTables visit{memory_ + entries_, results_, static_cast<std::size_t>(capacity_)};
            bound.for_each_table(visit);
        }
        return bound;
    }

  private:
    static_assert(std::is_trivially_copyable_v<Operation> && alignof(R) <= 8);

    static constexpr EntryBytes entry_bytes = cuda::entry_bytes<Operation>;
    static constexpr std::size_t row_bytes = Operation::coefficients * sizeof(double);

    struct Tensor {
        void* data;
        BlockIdentity identity;
        std::uint64_t first_chunk;
        std::uint32_t index;
    };

    /// A tensor's place among all that are traversed.
    struct IndexIn {
        const Launch& launch;

        ZEROTH_INLINE std::size_t operator()(int b) const noexcept { return launch.tensor_at(b).index; }
    };

    template <class T>
    [[nodiscard]] ZEROTH_INLINE T* at(std::uint32_t offset) noexcept {
        return reinterpret_cast<T*>(memory_ + offset);
    }
    template <class T>
    [[nodiscard]] ZEROTH_INLINE const T* at(std::uint32_t offset) const noexcept {
        return reinterpret_cast<const T*>(memory_ + offset);
    }
    [[nodiscard]] ZEROTH_INLINE Tensor& tensor_at(int b) noexcept { return at<Tensor>(0)[b]; }
    [[nodiscard]] ZEROTH_INLINE const Tensor& tensor_at(int b) const noexcept { return at<Tensor>(0)[b]; }

    /// Its tables are the host's.
    Operation operation_;
    SharedNumbers shared_{};
    std::byte* results_ = nullptr;
    int tensors_ = 0;
    int keys_ = 0;
    int capacity_ = 0;
    /// Where what lies behind the tensors begins in the memory: entries of the tables that are read, a row of coefficients a key, scales and
    /// rays a key and a tensor.
    std::uint32_t entries_ = 0, coefficients_ = 0, scales_ = 0, rays_ = 0;
    bool has_scales_;

    static constexpr std::size_t header_bytes =
        sizeof(Operation) + sizeof(SharedNumbers) + sizeof(std::byte*) + 3 * sizeof(int) + 4 * sizeof(std::uint32_t) + 32;
    static constexpr std::size_t memory_bytes = (Tuning::parameter_bytes - header_bytes) / 8 * 8;
    alignas(8) std::byte memory_[memory_bytes];
};

} // namespace cuda
ZEROTH_END_NAMESPACE
