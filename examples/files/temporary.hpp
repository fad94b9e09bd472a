#pragma once

#include <filesystem>

#include <sys/types.h>

namespace files {

/// A file of this process's alone, `.zeroth-` and 16 hexadecimal digits and `.tmp`, in a folder. It is locked (flock) as long as its process lives: making one
/// removes those of the user's that nobody holds, which killed processes have left. Throws std::system_error.
class Temporary {
public:
    /// No one but the umask takes from `mode`.
    Temporary(const std::filesystem::path& folder, mode_t mode);
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    /// Removes it, unless it was renamed.
    ~Temporary();

    const std::filesystem::path& path() const { return path_; }
    int descriptor() const { return descriptor_; }
    /// Gives it its name, over what had it; on the disk when this returns, as is what was written to it. It stays locked, and open, until
    /// its end. Throws std::system_error.
    void rename_to(const std::filesystem::path& target);

private:
    std::filesystem::path path_;
    int descriptor_ = -1;
    bool renamed_ = false;
};

/// Held by one process at a time, for a file that it will write: `.zeroth-`, 16 hexadecimal digits of the file's name and `.lock`, beside it.
/// It ends with the process. Throws FileError if another has it.
class OutputLock {
public:
    explicit OutputLock(const std::filesystem::path& output);
    OutputLock(const OutputLock&) = delete;
    OutputLock& operator=(const OutputLock&) = delete;
    OutputLock(OutputLock&& other) noexcept;
    OutputLock& operator=(OutputLock&&) = delete;
    ~OutputLock();

private:
    std::filesystem::path path_;
    int descriptor_ = -1;
};

}  // namespace files
