#pragma once

#include <zeroth/config.hpp>

#include <cstddef>
#include <utility>

ZEROTH_BEGIN_NAMESPACE

/// Zeros on the heap, as many as it is made with: what does not grow needs no std::vector, whose members cost ten times this to compile.
template <class T>
class Array {
  public:
    Array() = default;
    explicit Array(std::size_t size) : values_{new T[size]{}}, size_{size} {}
    Array(const Array& other) : Array(other.size_) {
        for (std::size_t i = 0; i < size_; ++i) {
            values_[i] = other.values_[i];
        }
    }
    Array(Array&& other) noexcept : values_{std::exchange(other.values_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    Array& operator=(Array other) noexcept {
        std::swap(values_, other.values_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Array() { delete[] values_; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] T* data() noexcept { return values_; }
    [[nodiscard]] const T* data() const noexcept { return values_; }
    [[nodiscard]] T* begin() noexcept { return values_; }
    [[nodiscard]] T* end() noexcept { return values_ + size_; }
    [[nodiscard]] const T* begin() const noexcept { return values_; }
    [[nodiscard]] const T* end() const noexcept { return values_ + size_; }
    [[nodiscard]] T& operator[](std::size_t index) noexcept { return values_[index]; }
    [[nodiscard]] const T& operator[](std::size_t index) const noexcept { return values_[index]; }

  private:
    T* values_ = nullptr;
    std::size_t size_ = 0;
};

ZEROTH_END_NAMESPACE
