#pragma once

#include <zeroth/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

ZEROTH_BEGIN_NAMESPACE

/// 64 bits of a sequence of bytes, by which damage and mistakes are found: any change of eight aligned bytes changes them. Not for security.
/// A step is a bijection of what came before: h <- rotated (h ^ word) * odd constant.
class Digest {
  public:
    void add(std::span<const std::byte> bytes) noexcept {
        std::size_t i = 0;
        for (; i < bytes.size() && filled_ != 0; ++i) {
            add_byte(bytes[i]);
        }
        for (; i + sizeof(std::uint64_t) <= bytes.size(); i += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data() + i, sizeof word);
            mix(word);
            size_ += sizeof word;
        }
        for (; i < bytes.size(); ++i) {
            add_byte(bytes[i]);
        }
    }
    [[nodiscard]] std::uint64_t value() const noexcept {
        Digest end = *this;
        end.mix(end.word_);
        end.mix(size_);
        return end.state_ ^ end.state_ >> 29;
    }

  private:
    void add_byte(std::byte byte) noexcept {
        word_ |= static_cast<std::uint64_t>(byte) << (8 * filled_);
        ++size_;
        if (++filled_ == sizeof word_) {
            mix(word_);
            word_ = 0;
            filled_ = 0;
        }
    }
    void mix(std::uint64_t word) noexcept {
        state_ = (state_ ^ word) * 0x9E3779B97F4A7C15u;
        state_ = state_ << 31 | state_ >> 33;
    }

    std::uint64_t state_ = 0xCBF29CE484222325u;
    std::uint64_t word_ = 0;
    std::uint64_t size_ = 0;
    unsigned filled_ = 0;
};

ZEROTH_END_NAMESPACE
