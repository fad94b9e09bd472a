#pragma once

#include <zeroth/ground/function.hpp>
#include <zeroth/ground/setting.hpp>
#include <zeroth/parameters/block.hpp>
#include <zeroth/parameters/pattern.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

ZEROTH_BEGIN_NAMESPACE

/// The blocks of weights that are trained, in the order they were added. Owns no weights: each block is a view of memory that must
/// outlive whatever is built from the Parameters.
///
/// A block's directions depend on its name and shape, not on its place in the order or on which other blocks there are: so names must
/// be stable between runs, and differ.
class Parameters {
  public:
    /// Called with the blocks a traversal has changed, after it: for runtimes that hold packed, quantised or device copies.
    using Hook = Function<void(std::span<const Block>)>;

    /// Adds a tensor of float, double, bfloat16, float16 or a type with scalar_traits.
    /// Throws std::invalid_argument if the name is taken, the shape is not the span's size, or an option is out of range.
    template <Scalar T, std::size_t Extent>
    void add(std::string_view name, std::span<T, Extent> values, Shape shape = {}, const BlockOptions& options = {}) {
        add_memory(name, values.data(), scalar_traits<T>::type, values.size(), shape, options);
    }

    /// Weights must be of a Scalar type, and not const. Compilers print the parameter's name and the line.
    template <class NotAScalar, std::size_t Extent>
        requires(!Scalar<NotAScalar>)
    void add(std::string_view name, std::span<NotAScalar, Extent> values, Shape shape = {}, const BlockOptions& options = {}) = delete; // weights are float, double or 16-bit, not const

    /// The same for memory whose type is known only at run time.
    void add_memory(std::string_view name, void* data, ScalarType type, std::size_t size, Shape shape = {},
                    const BlockOptions& options = {}) {
        if (shape.rows == 0 && shape.columns == 0) {
            shape = {size, 1};
        }
        const std::string block = "block '" + std::string{name} + "'";
        if (shape.columns != 0 && shape.rows > size / shape.columns) {
            throw std::invalid_argument{"zeroth: " + block + ": its shape has more elements than its span of " +
                                        std::to_string(size)};
        }
        if (shape.rows * shape.columns != size) {
            throw std::invalid_argument{"zeroth: " + block + ": shape " + std::to_string(shape.rows) + " x " +
                                        std::to_string(shape.columns) + " is not its " + std::to_string(size) + " elements"};
        }
        if (data == nullptr && size != 0) {
            throw std::invalid_argument{"zeroth: " + block + ": its data is a null pointer"};
        }
        require_factors(options.rate, options.weight_decay);
        const std::uint64_t hash = hash_name(name);
        for (const Block& other : blocks_) {
            if (other.identity.hash == hash) {
                throw std::invalid_argument{"zeroth: " + block + ": the name is taken (by '" + other.name +
                                            "'); each block needs one of its own"};
            }
        }
        blocks_.push_back({std::string{name}, data, type, {hash, shape.rows, shape.columns}, options});
    }

    /// Factors of the learning rate and of the weight decay for all blocks whose names fit a pattern, in which * stands for any characters:
    ///
    ///     parameters.set_factors("*.bias", {.weight_decay = 0});
    ///
    /// Of an optimizer's own parameters it is too late. Throws std::invalid_argument if no name fits, or a factor is negative or not finite.
    void set_factors(std::string_view pattern, const BlockOptions& factors) {
        require_factors(factors.rate, factors.weight_decay);
        bool fits = false;
        for (Block& block : blocks_) {
            if (matches(pattern, block.name)) {
                block.options.rate = factors.rate;
                block.options.weight_decay = factors.weight_decay;
                fits = true;
            }
        }
        if (!fits) {
            throw std::invalid_argument{"zeroth: pattern '" + std::string{pattern} + "' fits no block's name"};
        }
    }

    void on_change(Hook hook) { hook_ = std::move(hook); }

    [[nodiscard]] std::span<const Block> blocks() const noexcept { return blocks_; }
    [[nodiscard]] const Hook& hook() const noexcept { return hook_; }
    /// Number of weights.
    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t total = 0;
        for (const Block& block : blocks_) {
            total += block.size();
        }
        return total;
    }
    [[nodiscard]] std::size_t bytes() const noexcept {
        std::size_t total = 0;
        for (const Block& block : blocks_) {
            total += block.bytes();
        }
        return total;
    }

  private:
    static void require_factors(double rate, double weight_decay) {
        require_setting(rate >= 0 && rate < 0x1p128, "rate", rate, "zero or positive, and finite");
        require_setting(weight_decay >= 0 && weight_decay < 0x1p128, "weight_decay", weight_decay, "zero or positive, and finite");
    }

    std::vector<Block> blocks_;
    Hook hook_;
};

/// Throws std::invalid_argument unless there is a block to train; blocks without elements are fine.
inline void require_blocks(std::span<const Block> blocks) {
    if (blocks.empty()) {
        throw std::invalid_argument{"zeroth: there are no parameters; add() the tensors to train"};
    }
}

/// Throws std::invalid_argument for two blocks that share memory.
inline void require_apart(std::span<const Block> blocks) {
    for (std::size_t a = 0; a < blocks.size(); ++a) {
        const auto begin = reinterpret_cast<std::uintptr_t>(blocks[a].data);
        for (std::size_t b = a + 1; b < blocks.size(); ++b) {
            const auto other = reinterpret_cast<std::uintptr_t>(blocks[b].data);
            if (blocks[a].size() != 0 && blocks[b].size() != 0 && begin < other + blocks[b].bytes() && other < begin + blocks[a].bytes()) {
                throw std::invalid_argument{"zeroth: blocks '" + blocks[a].name + "' and '" + blocks[b].name +
                                            "' share memory; add a tied tensor once"};
            }
        }
    }
}

/// Throws std::invalid_argument for a block that lies elsewhere than `what` reaches.
inline void require_space(std::span<const Block> blocks, MemorySpace space, std::string_view what) {
    for (const Block& block : blocks) {
        if (block.options.space != space) {
            throw std::invalid_argument{"zeroth: block '" + block.name + "' lies in " + std::string{to_string(block.options.space)} + " memory; " +
                                        std::string{what} + " reaches " + std::string{to_string(space)} + " memory"};
        }
    }
}

ZEROTH_END_NAMESPACE
