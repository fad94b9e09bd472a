#include "target.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "file_error.hpp"
#include "temporary.hpp"

namespace files {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// As the kernel's protected_symlinks, which cannot see a link that is followed by name.
bool trusted(const fs::path& link, const struct stat& status) {
    struct stat folder {};
    if (::stat(folder_of(link).c_str(), &folder) != 0) return true;
    const bool shared = (folder.st_mode & S_ISVTX) != 0 && (folder.st_mode & S_IWOTH) != 0;
    return !shared || status.st_uid == ::geteuid() || status.st_uid == folder.st_uid;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; });
    return text;
}

/// Whether a folder takes "a" and "A" for one name.
bool ignores_case(const fs::path& folder) {
    try {
        const Temporary probe(folder, 0600);
        std::string name = probe.path().filename().string();
        std::ranges::transform(name, name.begin(), [](char letter) { return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter; });
        struct stat upper {};
        return ::stat((folder / name).c_str(), &upper) == 0;
    } catch (const std::system_error&) {
        return false;  // nothing can be written there: that is said when it is tried
    }
}

}  // namespace

fs::path target_of(const fs::path& path) {
    if (path.filename().empty() || path.filename() == "." || path.filename() == "..") throw FileError(path, "", "is not a file name");
    fs::path target = path;
    for (int links = 0;; ++links) {
        struct stat status {};
        if (::lstat(target.c_str(), &status) != 0) {
            if (errno == ENOENT || errno == ENOTDIR) return target;  // to be made, or said when it is tried
            throw FileError(path, "", std::string("cannot be written: ") + std::strerror(errno));
        }
        if (S_ISREG(status.st_mode)) return target;
        // Renaming over a device or a folder would replace or miss what the user meant.
        if (!S_ISLNK(status.st_mode)) throw FileError(path, "", "is not a regular file");
        if (links == 40) throw FileError(path, "", std::string("cannot be written: ") + std::strerror(ELOOP));
        if (!trusted(target, status)) throw FileError(path, "", "is another user's symbolic link in a folder that all may write to");
        std::error_code error;
        const fs::path next = fs::read_symlink(target, error);
        if (error) throw FileError(path, "", "cannot be written: " + error.message());
        target = next.is_absolute() ? next : folder_of(target) / next;
        if (target.filename().empty()) throw FileError(path, "", "is not a regular file");
    }
}

std::optional<Identity> Identity::of(const fs::path& path) {
    Identity identity;
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        identity.device_ = status.st_dev;
        identity.inode_ = status.st_ino;
        return identity;
    }
    fs::path target;
    try {
        target = target_of(path);
    } catch (const FileError&) {
        return std::nullopt;
    }
    identity.folder_ = folder_of(target);
    if (::stat(identity.folder_.c_str(), &status) != 0) return std::nullopt;
    identity.device_ = status.st_dev;
    identity.inode_ = status.st_ino;
    identity.name_ = target.filename().string();
    return identity;
}

std::optional<Identity> Identity::of_descriptor(int descriptor) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    Identity identity;
    identity.device_ = status.st_dev;
    identity.inode_ = status.st_ino;
    return identity;
}

bool same_file(const Identity& a, const Identity& b) {
    if (a.device_ != b.device_ || a.inode_ != b.inode_) return false;
    if (a.name_ == b.name_) return true;
    return lower(a.name_) == lower(b.name_) && ignores_case(a.folder_);
}

}  // namespace files
