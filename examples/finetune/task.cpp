#include "task.hpp"

#include <algorithm>

#include <zeroth/random/philox.hpp>

namespace finetune {

double AccumulatedTask::loss() {
    double sum = 0;
    for (std::size_t micro = 0; micro < count_; ++micro) {
        task_->draw(step_ * count_ + micro);
        sum += task_->loss();
    }
    return sum / static_cast<double>(count_);
}

double AccumulatedTask::loss_and_gradient(const llama::Gradients<float>& gradients) {
    llama::Gradients<float> total = gradients;
    const auto share = static_cast<float>(1.0 / static_cast<double>(count_));
    total.each([](std::span<float> values) { std::ranges::fill(values, 0.0f); });
    const llama::Gradients<float> one = gradients.in(memory_);
    double sum = 0;
    for (std::size_t micro = 0; micro < count_; ++micro) {
        task_->draw(step_ * count_ + micro);
        sum += task_->loss_and_gradient(one);
        const float* from = memory_.data();
        total.each([&](std::span<float> values) {
            for (float& value : values) value += share * *from++;
        });
    }
    return sum / static_cast<double>(count_);
}

zeroth::DirectionalLoss AccumulatedTask::loss_along(const llama::Tangents<float>& tangents) {
    zeroth::DirectionalLoss mean;
    for (std::size_t micro = 0; micro < count_; ++micro) {
        task_->draw(step_ * count_ + micro);
        const zeroth::DirectionalLoss one = task_->loss_along(tangents);
        mean.loss += one.loss / static_cast<double>(count_);
        mean.derivative += one.derivative / static_cast<double>(count_);
    }
    return mean;
}

std::size_t BatchNumbers::operator()(std::uint64_t step, std::size_t place, std::size_t count) const {
    const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
    // The last word keeps these bits apart from those of the directions, which have the same seed.
    constexpr std::uint32_t purpose = 0x42415443;
    const zeroth::PhiloxWords bits = zeroth::philox4x32({{low(step), high(step), low(place), purpose}}, {low(seed_), high(seed_)});
    // The high half of a 96-bit product: the bias is under count / 2^64.
    const std::uint64_t fraction = std::uint64_t{bits.word[0]} << 32 | bits.word[1];
    const std::uint64_t upper = (fraction >> 32) * count, lower = (fraction & 0xFFFFFFFFu) * count;
    return static_cast<std::size_t>((upper + (lower >> 32)) >> 32);
}

}  // namespace finetune
