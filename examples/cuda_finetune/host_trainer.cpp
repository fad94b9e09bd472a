#include "host_trainer.hpp"

#include <algorithm>

#include <mnist/mlp.hpp>
#include <zeroth/backends/simd.hpp>
#include <zeroth/backends/threads.hpp>

namespace cuda_finetune {
namespace {

template <class Storage>
class HostModel {
public:
    using Backend = zeroth::Threads<zeroth::Simd<zeroth::WidestArch, zeroth::ScalarTypes<Storage>>>;

    HostModel(const files::Safetensors& weights, int threads) : widened_(weights), model_(widened_, threads), threads_(threads) {
        for (const files::Safetensors::Tensor& tensor : widened_.tensors) {
            std::vector<Storage>& stored = stored_.emplace_back();
            for (const float value : tensor.values) stored.push_back(Storage(value));
        }
    }
    // model_ has a view of widened_.
    HostModel(const HostModel&) = delete;
    HostModel& operator=(const HostModel&) = delete;

    Backend backend() const { return {.threads = threads_}; }

    zeroth::Parameters parameters() {
        zeroth::Parameters parameters;
        for (std::size_t i = 0; i < stored_.size(); ++i) {
            const files::Safetensors::Tensor& tensor = widened_.tensors[i];
            parameters.add(tensor.name, std::span{stored_[i]}, {.rows = tensor.rows, .columns = tensor.columns});
        }
        return parameters;
    }

    void load(std::span<const float> images, std::span<const int> labels) {
        images_ = Eigen::Map<const mnist::Mlp::Matrix>(images.data(), static_cast<Eigen::Index>(labels.size()), 784);
        labels_.assign(labels.begin(), labels.end());
    }

    Score score() {
        for (std::size_t i = 0; i < stored_.size(); ++i) std::ranges::copy(stored_[i], widened_.tensors[i].values.begin());
        const auto [loss, correct] = model_.loss_and_correct(images_, labels_);
        return {loss, correct};
    }

    std::vector<std::byte> weights() const {
        std::vector<std::byte> bytes;
        for (const std::vector<Storage>& stored : stored_) {
            const auto of_tensor = std::as_bytes(std::span{stored});
            bytes.insert(bytes.end(), of_tensor.begin(), of_tensor.end());
        }
        return bytes;
    }

private:
    std::vector<std::vector<Storage>> stored_;
    files::Safetensors widened_;
    mnist::Mlp model_;
    int threads_;
    mnist::Mlp::Matrix images_;
    std::vector<int> labels_;
};

}  // namespace

std::unique_ptr<Trainer> make_host_trainer(const Method& method, const files::Safetensors& weights, int threads) {
    return make_trainer<HostModel>(method, weights, threads);
}

}  // namespace cuda_finetune
