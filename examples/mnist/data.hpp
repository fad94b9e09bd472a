#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// An input that cannot be used: what() names the file, the place and the reason.
struct InputError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Images with 784 pixels in [0, 1] each, a row after the other, and their labels.
struct Digits {
    std::vector<float> pixels;
    std::vector<int> labels;

    [[nodiscard]] std::size_t size() const { return labels.size(); }
};

/// Reads MNIST's gzip-compressed idx files. Throws InputError.
Digits read_digits(const std::filesystem::path& images, const std::filesystem::path& labels);

/// Turns every image counter-clockwise about its centre, bilinearly; what comes from outside is black.
void rotate(Digits& digits, double degrees);
