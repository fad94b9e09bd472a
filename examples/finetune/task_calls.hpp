#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <llama/gradients.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/first_order/first_order_optimizer.hpp>

#include "trainer.hpp"

namespace finetune {

/// The task as what zeroth's optimizers call: a ForwardFn, a GradientFn or a DirectionalFn. Adds up the time spent in it.
class TaskCalls {
public:
    TaskCalls(Task& task, const llama::Config& config, std::vector<float>& tangents) : task_(task), config_(config), tangents_(tangents) {}

    template <class Call>
    auto timed(Call call) {
        const Stopwatch watch;
        const auto result = call();
        seconds_ += watch.seconds();
        return result;
    }

    double seconds() const { return seconds_; }

    auto forward() {
        return [this] { return timed([&] { return task_.loss(); }); };
    }
    auto gradient() {
        return [this](std::span<const zeroth::GradientBlock> blocks) {
            llama::Gradients<float> gradients(config_);
            return timed([&] {
                for (const zeroth::GradientBlock& block : blocks) require(gradients.set(block.name, block.floats()), block.name);
                return task_.loss_and_gradient(gradients);
            });
        };
    }
    /// Keeps the tangents: 4 bytes a weight that is trained.
    auto directional() {
        return [this](const zeroth::Tangent& along) {
            std::size_t size = 0;
            for (const zeroth::Block& block : along.blocks()) size += block.size();
            tangents_.resize(size);
            llama::Tangents<float> tangents(config_);
            std::size_t begin = 0;
            for (std::size_t b = 0; b < along.blocks().size(); ++b) {
                const zeroth::Block& block = along.blocks()[b];
                const std::span<float> z = std::span(tangents_).subspan(begin, block.size());
                along.fill(b, z);
                require(tangents.set(block.name, z), block.name);
                begin += z.size();
            }
            return timed([&] { return task_.loss_along(tangents); });
        };
    }

private:
    static void require(bool known, std::string_view name) {
        if (!known) throw std::logic_error("the model has no tensor " + std::string(name));
    }

    Task& task_;
    const llama::Config& config_;
    std::vector<float>& tangents_;
    double seconds_ = 0;
};

}  // namespace finetune
