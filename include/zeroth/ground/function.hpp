#pragma once

#include <zeroth/config.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// A copyable callable of any type, or none. As std::function, whose header would cost a quarter of zeroth.hpp.
/// Calling an empty one is undefined.
template <class Signature>
class Function;

template <class Result, class... Arguments>
class Function<Result(Arguments...)> {
  public:
    Function() = default;
    template <class F>
        requires(!std::same_as<F, Function> && std::copy_constructible<F> && std::is_invocable_r_v<Result, F&, Arguments...>)
    Function(F callable) : callable_{new Holder<F>{std::move(callable)}} {}
    Function(const Function& other) : callable_{other.callable_ != nullptr ? other.callable_->copy() : nullptr} {}
    Function(Function&& other) noexcept : callable_{std::exchange(other.callable_, nullptr)} {}
    Function& operator=(Function other) noexcept {
        std::swap(callable_, other.callable_);
        return *this;
    }
    ~Function() { delete callable_; }

    explicit operator bool() const noexcept { return callable_ != nullptr; }
    Result operator()(Arguments... arguments) const { return callable_->call(static_cast<Arguments&&>(arguments)...); }

  private:
    struct Callable {
        Callable() = default;
        Callable(const Callable&) = delete;
        Callable& operator=(const Callable&) = delete;
        virtual ~Callable() = default;
        [[nodiscard]] virtual Callable* copy() const = 0;
        virtual Result call(Arguments... arguments) = 0;
    };
    template <class F>
    struct Holder final : Callable {
        F callable;

        explicit Holder(F from) : callable{std::move(from)} {}
        [[nodiscard]] Callable* copy() const override { return new Holder{callable}; }
        Result call(Arguments... arguments) override { return callable(static_cast<Arguments&&>(arguments)...); }
    };

    Callable* callable_ = nullptr;
};

ZEROTH_END_NAMESPACE
