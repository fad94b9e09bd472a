#include "data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <system_error>

#include <files/file_error.hpp>
#include <zlib.h>

namespace mnist {
namespace {

using files::FileError;

constexpr int side = 28;

std::string byte(std::size_t at) { return "byte " + std::to_string(at); }

/// The names that MNIST's files are found under, zipped or not, with a dot or a hyphen.
std::filesystem::path found(const std::filesystem::path& path) {
    std::string name = path.filename().string();
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    std::string dotted = name;
    if (const std::size_t place = dotted.rfind("-idx"); place != std::string::npos) dotted[place] = '.';
    std::string names;
    std::error_code error;
    for (const std::string& candidate : {name + ".gz", name, dotted, dotted + ".gz"}) {
        if (std::filesystem::is_regular_file(path.parent_path() / candidate, error)) return path.parent_path() / candidate;
        names += (names.empty() ? "" : ", ") + candidate;
    }
    throw FileError(path, "", "there is none of the files " + names);
}

/// An idx file, gzip-compressed or not: a header of big-endian words (type and rank, then each extent), then bytes. Read in parts, so that nothing
/// is held of a file that is none.
class Idx {
public:
    Idx(const std::filesystem::path& path, std::uint32_t magic, std::size_t header, std::size_t item_bytes)
        : path_(path), file_{gzopen(path.c_str(), "rb"), gzclose} {
        if (!file_) throw FileError(path, "", "cannot be opened");
        std::array<unsigned char, 16> bytes{};
        const auto word = [&](std::size_t at) {
            return (std::uint32_t{bytes[at]} << 24) | (std::uint32_t{bytes[at + 1]} << 16) | (std::uint32_t{bytes[at + 2]} << 8) | bytes[at + 3];
        };
        if (read(std::span(bytes).first(header)) < header || word(0) != magic) throw FileError(path, byte(0), "not an idx file of the kind expected");
        for (std::size_t at = 8; at < header; at += 4) {
            if (word(at) != side) throw FileError(path, byte(at), "images are not 28 x 28");
        }
        items_ = word(4);
        if (items_ == 0) throw FileError(path, "header", "says 0 items");
        // Digits are not so regular: one that expands farther is made to take memory.
        constexpr std::uintmax_t max_ratio = 100, small = std::uintmax_t{1} << 20;
        std::error_code error;
        if (items_ * item_bytes > max_ratio * std::filesystem::file_size(path, error) + small) {
            throw FileError(path, "header", "says " + std::to_string(items_) + " items, over " + std::to_string(max_ratio) + " times the file's size");
        }
        left_ = items_ * item_bytes;
        item_bytes_ = item_bytes;
    }

    std::size_t items() const { return items_; }

    /// visit(bytes) of one part after the other.
    template <class Visit>
    void each(Visit visit) {
        std::vector<unsigned char> part(std::size_t{1} << 16);
        const std::size_t all = left_;
        while (left_ > 0) {
            const std::span<unsigned char> wanted = std::span(part).first(std::min(part.size(), left_));
            const std::size_t got = read(wanted);
            visit(wanted.first(got));
            left_ -= got;
            if (got < wanted.size()) fail_items((all - left_) / item_bytes_);
        }
        if (read(std::span(part).first(1)) != 0) throw FileError(path_, "header", "says " + std::to_string(items_) + " items, the file has more");
    }

private:
    /// Fewer than asked for at the end alone.
    std::size_t read(std::span<unsigned char> target) {
        std::size_t got = 0;
        while (got < target.size()) {
            const int count = gzread(file_.get(), target.data() + got, static_cast<unsigned>(target.size() - got));
            int code = Z_OK;
            const char* const reason = gzerror(file_.get(), &code);
            if (count < 0 || (count == 0 && code != Z_OK && code != Z_STREAM_END)) throw FileError(path_, byte(got), reason);
            if (count == 0) break;
            got += static_cast<std::size_t>(count);
        }
        return got;
    }

    [[noreturn]] void fail_items(std::size_t found) const {
        throw FileError(path_, "header", "says " + std::to_string(items_) + " items, the file has " + std::to_string(found));
    }

    std::filesystem::path path_;
    std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
    std::size_t items_ = 0, item_bytes_ = 1, left_ = 0;
};

Idx images_of(const std::filesystem::path& path) { return {path, 0x803, 16, side * side}; }
Idx labels_of(const std::filesystem::path& path) { return {path, 0x801, 8, 1}; }

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
    const std::filesystem::path images_path = found(images), labels_path = found(labels);
    Digits digits;
    const std::size_t count = images_of(images_path).items();
    Idx label_file = labels_of(labels_path);
    if (label_file.items() != count) throw FileError(labels_path, "", "there is not one label for each image");
    label_file.each([&](std::span<const unsigned char> part) {
        for (const unsigned char label : part) {
            if (label > 9) throw FileError(labels_path, "label " + std::to_string(digits.labels.size()), "is not a digit");
            digits.labels.push_back(label);
        }
    });
    // Once for nothing, so that a file that breaks off takes no memory.
    images_of(images_path).each([](std::span<const unsigned char>) {});
    digits.pixels.reserve(count * side * side);
    images_of(images_path).each([&](std::span<const unsigned char> part) {
        for (const unsigned char pixel : part) digits.pixels.push_back(static_cast<float>(pixel) / 255.0f);
    });
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
