#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <streambuf>
#include <vector>

#include "file_error.hpp"
#include "temporary.hpp"

namespace files {

/// Buffered output to a file descriptor that remembers why a write failed; std::ofstream only says that one did.
class DescriptorBuffer final : public std::streambuf {
public:
    explicit DescriptorBuffer(int descriptor);

    /// errno of the first write that failed; 0 while all succeeded.
    int error() const { return error_; }

protected:
    int_type overflow(int_type character) override;
    int sync() override;

private:
    int descriptor_;
    int error_ = 0;
    std::vector<char> buffer_;
};

/// A file that appears whole or not at all. What is written to stream() goes to a Temporary in the target's folder; commit()
/// brings it to the disk and renames it over the target. Without a commit the target stays as it was. A symbolic link is followed, also
/// to what is not there yet. A file that was there keeps its owner and its permissions, but for those of running as its owner (setuid,
/// setgid). Throws FileError naming the target and the system's reason.
class AtomicFile {
public:
    explicit AtomicFile(const std::filesystem::path& path);

    std::ostream& stream() { return *stream_; }
    void commit();

private:
    [[noreturn]] void fail(int error) const;

    std::filesystem::path named_;
    std::filesystem::path target_;
    std::unique_ptr<Temporary> temporary_;
    std::optional<DescriptorBuffer> buffer_;
    std::unique_ptr<std::ostream> stream_;
};

}  // namespace files
