#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

namespace files {

/// Where an output lands: its name with symbolic links followed, also one whose target is not there yet. Throws FileError for what is no
/// name of a regular file, for links in a circle, and for a link of another user's in a folder that all may write to.
std::filesystem::path target_of(const std::filesystem::path& path);

/// What tells files apart, whatever names lead to them: device and inode or, of one that is not there yet, those of its folder and the name in it.
class Identity {
public:
    /// Nothing where neither the file nor its folder is there.
    static std::optional<Identity> of(const std::filesystem::path& path);
    /// The file of an open descriptor, if it is a regular one.
    static std::optional<Identity> of_descriptor(int descriptor);

    /// Names that differ in the case of letters alone are of one file where the folder says so.
    friend bool same_file(const Identity& a, const Identity& b);

    bool exists() const { return name_.empty(); }

private:
    dev_t device_ = 0;
    ino_t inode_ = 0;
    std::string name_;  // of a file that is not there, in the folder above
    std::filesystem::path folder_;
};

}  // namespace files
