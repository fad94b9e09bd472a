#pragma once

#include <llama/checkpoint.hpp>
#include <llama/model.hpp>
#include <zo_bench/process.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>

inline std::string read(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

inline void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

/// A folder that is gone at the end.
class Folder {
public:
    Folder() : path_(std::filesystem::temp_directory_path() / ("zeroth_zo_bench_" + std::to_string(std::random_device()()))) {
        std::filesystem::create_directory(path_);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }

    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    std::string operator()(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// The exit status of zo_bench; -1 if a signal ended it. What it said on standard error is in the file.
inline int wait_for(zo_bench::Children& children) {
    while (true) {
        if (const auto ended = children.wait_a_moment()) return ended->signal != 0 ? -1 : ended->status;
    }
}
