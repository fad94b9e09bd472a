#pragma once

#include "increment.hpp"

#include <zeroth/parameters/parameters.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace bench {

/// Name and shape of a tensor.
struct Tensor {
    std::string name;
    zeroth::Shape shape;
};

/// The trained tensors of OPT-125M: 196 with 125,239,296 parameters; the classifier is the embedding.
inline std::vector<Tensor> opt_125m() {
    constexpr std::size_t width = 768;
    std::vector<Tensor> tensors{{"embed_tokens", {50272, width}}, {"embed_positions", {2050, width}}};
    const auto add = [&tensors](const std::string& name, std::size_t rows, std::size_t columns) {
        tensors.push_back({name + ".weight", {rows, columns}});
        tensors.push_back({name + ".bias", {rows, 1}});
    };
    for (int layer = 0; layer < 12; ++layer) {
        const std::string prefix = "layers." + std::to_string(layer) + ".";
        for (const char* projection : {"k_proj", "v_proj", "q_proj", "out_proj"}) {
            add(prefix + "self_attn." + projection, width, width);
        }
        add(prefix + "self_attn_layer_norm", width, 1);
        add(prefix + "fc1", 3072, width);
        add(prefix + "fc2", width, 3072);
        add(prefix + "final_layer_norm", width, 1);
    }
    add("final_layer_norm", width, 1);
    return tensors;
}

/// Tensors' weights, end to end in memory, each on a cache line of its own.
template <class Storage>
class Model {
  public:
    explicit Model(const std::vector<Tensor>& tensors) : weights_{size_of(tensors), Storage{0.02f}} {
        std::size_t first = 0;
        for (const Tensor& tensor : tensors) {
            const std::size_t size = tensor.shape.rows * tensor.shape.columns;
            parameters_.add(tensor.name, weights_.span().subspan(first, size), tensor.shape);
            first += spaced(size);
        }
    }

    [[nodiscard]] const zeroth::Parameters& parameters() const noexcept { return parameters_; }
    [[nodiscard]] std::span<Storage> weights() const noexcept { return weights_.span(); }

  private:
    static std::size_t spaced(std::size_t size) { return (size + 31) / 32 * 32; }
    static std::size_t size_of(const std::vector<Tensor>& tensors) {
        std::size_t total = 0;
        for (const Tensor& tensor : tensors) {
            total += spaced(tensor.shape.rows * tensor.shape.columns);
        }
        return total;
    }

    Numbers<Storage> weights_;
    zeroth::Parameters parameters_;
};

/// OPT-125M, of float 501 MB: one for the program, made when it is first asked for.
template <class Storage>
const Model<Storage>& opt_125m_model() {
    static const Model<Storage> model{opt_125m()};
    return model;
}

} // namespace bench
