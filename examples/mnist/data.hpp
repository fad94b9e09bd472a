#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace mnist {

/// Images with 784 pixels in [0, 1] each, a row after the other, and their labels.
struct Digits {
    std::vector<float> pixels;
    std::vector<int> labels;

    std::size_t size() const { return labels.size(); }
    /// Takes the last ones away, so many, and returns them.
    Digits split_off(std::size_t count);
};

/// Reads MNIST's idx files: at least one digit. Each is found compressed by gzip or not, with or without .gz in its name, and as train-images-idx3-ubyte or
/// train-images.idx3-ubyte. Throws files::FileError.
Digits read_digits(const std::filesystem::path& images, const std::filesystem::path& labels);

/// Turns every image counter-clockwise about its centre, bilinearly; what comes from outside is black.
void rotate(Digits& digits, double degrees);

}  // namespace mnist
