#pragma once

#include <zeroth/estimators/estimate.hpp>
#include <zeroth/estimators/forward_gradient.hpp>
#include <zeroth/first_order/first_order_optimizer.hpp>

#include <span>
#include <type_traits>

ZEROTH_BEGIN_NAMESPACE

/// The callables of a step, whatever their types: a ForwardFn, a GradientFn, a DirectionalFn; those that the method needs. Refers to them.
class AnyLoss {
  public:
    AnyLoss() = default;
    template <class... Losses>
    explicit AnyLoss(Losses&... losses) {
        (take(losses), ...);
    }

    [[nodiscard]] bool is_forward() const noexcept { return forward_ != nullptr; }
    [[nodiscard]] bool is_gradient() const noexcept { return gradient_ != nullptr; }
    [[nodiscard]] bool is_directional() const noexcept { return directional_ != nullptr; }

    double operator()() const { return forward_(forward_of_); }
    double operator()(std::span<const GradientBlock> blocks) const { return gradient_(gradient_of_, blocks); }
    DirectionalLoss operator()(const Tangent& tangent) const { return directional_(directional_of_, tangent); }

  private:
    template <class F>
    void take(F& loss) {
        static_assert(ForwardFn<F> || GradientFn<F> || DirectionalFn<F>,
                      "zeroth: a loss is a ForwardFn: double(), a GradientFn: double(blocks), or a DirectionalFn: DirectionalLoss(tangent)");
        auto* const of = const_cast<std::remove_const_t<F>*>(&loss);
        if constexpr (ForwardFn<F>) {
            forward_of_ = of;
            forward_ = [](void* f) { return static_cast<double>((*static_cast<F*>(f))()); };
        }
        if constexpr (GradientFn<F>) {
            gradient_of_ = of;
            gradient_ = [](void* f, std::span<const GradientBlock> blocks) { return static_cast<double>((*static_cast<F*>(f))(blocks)); };
        }
        if constexpr (DirectionalFn<F>) {
            directional_of_ = of;
            directional_ = [](void* f, const Tangent& tangent) { return static_cast<DirectionalLoss>((*static_cast<F*>(f))(tangent)); };
        }
    }

    void* forward_of_ = nullptr;
    void* gradient_of_ = nullptr;
    void* directional_of_ = nullptr;
    double (*forward_)(void*) = nullptr;
    double (*gradient_)(void*, std::span<const GradientBlock>) = nullptr;
    DirectionalLoss (*directional_)(void*, const Tangent&) = nullptr;
};

ZEROTH_END_NAMESPACE
