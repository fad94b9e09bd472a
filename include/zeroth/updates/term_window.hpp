#pragma once

#include <zeroth/ground/array.hpp>
#include <zeroth/cursor/term.hpp>

#include <cstddef>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// The terms of the last steps. Takes its memory once, for steps of at most max_terms terms, and for one step more than it is asked for: the
/// last one pushed can be taken back.
class TermWindow {
  public:
    TermWindow(std::size_t steps, std::size_t max_terms) : terms_((steps + 1) * max_terms), sizes_(steps + 1), max_terms_{max_terms} {}
    void push(std::span<const Term> terms) noexcept {
        newest_ = (newest_ + 1) % sizes_.size();
        sizes_[newest_] = terms.size();
        for (std::size_t i = 0; i < terms.size(); ++i) {
            terms_[newest_ * max_terms_ + i] = terms[i];
        }
        size_ += size_ < max_size() ? 1 : 0;
    }
    /// How it is before a push, to return to.
    struct Mark {
        std::size_t newest = 0;
        std::size_t size = 0;
    };
    [[nodiscard]] Mark mark() const noexcept { return {newest_, size_}; }
    void return_to(const Mark& mark) noexcept {
        newest_ = mark.newest;
        size_ = mark.size;
    }
    /// Steps, and terms of a step, that it has room for.
    [[nodiscard]] std::size_t max_size() const noexcept { return sizes_.size() - 1; }
    [[nodiscard]] std::size_t max_terms() const noexcept { return max_terms_; }
    /// Steps that it holds.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// The terms of a step, 0 being the last one made.
    [[nodiscard]] std::span<const Term> step(std::size_t age) const noexcept {
        const std::size_t place = (newest_ + sizes_.size() - age) % sizes_.size();
        return {terms_.data() + place * max_terms_, sizes_[place]};
    }

  private:
    /// max_terms_ places a step.
    Array<Term> terms_;
    Array<std::size_t> sizes_;
    std::size_t max_terms_ = 0;
    std::size_t newest_ = 0;
    std::size_t size_ = 0;
};

ZEROTH_END_NAMESPACE
