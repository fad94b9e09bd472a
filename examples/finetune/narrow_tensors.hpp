#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <zeroth/parameters/parameters.hpp>

namespace finetune {

/// The trained tensors in 16 bits. The model's own, which its passes compute from, hold the same numbers widened after each traversal.
template <class Storage>
class NarrowTensors {
public:
    /// Rounds the model's tensors to nearest.
    explicit NarrowTensors(const zeroth::Parameters& wide) {
        tensors_.reserve(wide.blocks().size());
        for (const zeroth::Block& block : wide.blocks()) {
            auto* const values = static_cast<float*>(block.data);
            Tensor& tensor = tensors_.emplace_back(Tensor{{}, values});
            tensor.narrow.reserve(block.size());
            for (std::size_t i = 0; i < block.size(); ++i) tensor.narrow.emplace_back(values[i]);
            parameters_.add(block.name, std::span(tensor.narrow), {.rows = block.identity.rows, .columns = block.identity.columns});
        }
        parameters_.on_change([this](std::span<const zeroth::Block> blocks) { widen(blocks); });
        widen(parameters_.blocks());
    }
    NarrowTensors(const NarrowTensors&) = delete;
    NarrowTensors& operator=(const NarrowTensors&) = delete;

    const zeroth::Parameters& parameters() const { return parameters_; }

private:
    struct Tensor {
        std::vector<Storage> narrow;
        float* wide;
    };

    void widen(std::span<const zeroth::Block> blocks) {
        for (const zeroth::Block& block : blocks) {
            for (const Tensor& tensor : tensors_) {
                if (tensor.narrow.data() != block.data) continue;
                for (std::size_t i = 0; i < tensor.narrow.size(); ++i) tensor.wide[i] = static_cast<float>(tensor.narrow[i]);
            }
        }
    }

    std::vector<Tensor> tensors_;
    zeroth::Parameters parameters_;
};

}  // namespace finetune
