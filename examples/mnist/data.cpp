#include "data.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numbers>
#include <string>

#include <files/file_error.hpp>
#include <zlib.h>

namespace mnist {
namespace {

using files::FileError;

constexpr int side = 28;

std::string byte(std::size_t at) { return "byte " + std::to_string(at); }

std::vector<unsigned char> unzip(const std::filesystem::path& path) {
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file{gzopen(path.c_str(), "rb"), gzclose};
    if (!file) {
        throw FileError(path, "", "cannot be opened");
    }
    std::vector<unsigned char> bytes;
    std::vector<unsigned char> chunk(std::size_t{1} << 20);
    for (;;) {
        const int count = gzread(file.get(), chunk.data(), static_cast<unsigned>(chunk.size()));
        if (count < 0) {
            int code = 0;
            throw FileError(path, byte(bytes.size()), gzerror(file.get(), &code));
        }
        if (count == 0) {
            int code = 0;
            const char* const reason = gzerror(file.get(), &code);
            if (code != Z_OK && code != Z_STREAM_END) {
                throw FileError(path, byte(bytes.size()), reason);
            }
            return bytes;
        }
        bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + count);
    }
}

/// Checks an idx header (big-endian: type and rank, then each extent) and returns how many items follow it.
std::size_t idx_items(const std::filesystem::path& path, const std::vector<unsigned char>& bytes, std::uint32_t magic,
                      std::size_t header, std::size_t item_bytes) {
    const auto word = [&](std::size_t at) {
        return (std::uint32_t{bytes[at]} << 24) | (std::uint32_t{bytes[at + 1]} << 16) | (std::uint32_t{bytes[at + 2]} << 8) |
               bytes[at + 3];
    };
    if (bytes.size() < header || word(0) != magic) {
        throw FileError(path, byte(0), "not an idx file of the kind expected");
    }
    for (std::size_t at = 8; at < header; at += 4) {
        if (word(at) != side) {
            throw FileError(path, byte(at), "images are not 28 x 28");
        }
    }
    const std::size_t items = word(4);
    if (items == 0) throw FileError(path, "header", "says 0 items");
    if (bytes.size() - header != items * item_bytes) {
        const std::size_t found = (bytes.size() - header) / item_bytes;
        throw FileError(path, "header", "says " + std::to_string(items) + " items, the file has " + std::to_string(found));
    }
    return items;
}

}  // namespace

Digits Digits::split_off(std::size_t count) {
    const std::size_t pixels_each = side * side;
    Digits last;
    last.pixels.assign(pixels.end() - static_cast<std::ptrdiff_t>(count * pixels_each), pixels.end());
    last.labels.assign(labels.end() - static_cast<std::ptrdiff_t>(count), labels.end());
    pixels.resize(pixels.size() - last.pixels.size());
    labels.resize(labels.size() - count);
    return last;
}

Digits read_digits(const std::filesystem::path& images, const std::filesystem::path& labels) {
    const std::vector<unsigned char> image_bytes = unzip(images);
    const std::vector<unsigned char> label_bytes = unzip(labels);
    const std::size_t count = idx_items(images, image_bytes, 0x803, 16, side * side);
    if (idx_items(labels, label_bytes, 0x801, 8, 1) != count) {
        throw FileError(labels, "", "there is not one label for each image");
    }
    Digits digits;
    digits.pixels.reserve(count * side * side);
    for (std::size_t i = 16; i < image_bytes.size(); ++i) {
        digits.pixels.push_back(static_cast<float>(image_bytes[i]) / 255.0f);
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (label_bytes[8 + i] > 9) {
            throw FileError(labels, "label " + std::to_string(i), "is not a digit");
        }
        digits.labels.push_back(label_bytes[8 + i]);
    }
    return digits;
}

void rotate(Digits& digits, double degrees) {
    const double radians = degrees * std::numbers::pi / 180;
    const double cosine = std::cos(radians);
    const double sine = std::sin(radians);
    constexpr double centre = (side - 1) / 2.0;
    std::vector<float> before(side * side);
    for (std::size_t image = 0; image < digits.size(); ++image) {
        float* const pixels = digits.pixels.data() + image * side * side;
        std::memcpy(before.data(), pixels, before.size() * sizeof(float));
        const auto at = [&](int row, int column) {
            return row < 0 || row >= side || column < 0 || column >= side
                       ? 0.0
                       : static_cast<double>(before[static_cast<std::size_t>(row * side + column)]);
        };
        for (int row = 0; row < side; ++row) {
            for (int column = 0; column < side; ++column) {
                const double x = column - centre;
                const double y = row - centre;
                const double from_column = cosine * x - sine * y + centre;
                const double from_row = sine * x + cosine * y + centre;
                const int r = static_cast<int>(std::floor(from_row));
                const int c = static_cast<int>(std::floor(from_column));
                const double down = from_row - r;
                const double right = from_column - c;
                pixels[row * side + column] = static_cast<float>(
                    (1 - down) * ((1 - right) * at(r, c) + right * at(r, c + 1)) +
                    down * ((1 - right) * at(r + 1, c) + right * at(r + 1, c + 1)));
            }
        }
    }
}

}  // namespace mnist
