#include "temporary.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_error.hpp"
#include "target.hpp"

namespace files {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view beginning = ".zeroth-";
constexpr std::size_t digits = 16;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

std::string hexadecimal(std::uint64_t number) {
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(number >> shift) & 15u];
    return text;
}

std::uint64_t random_number() {
    std::random_device entropy;
    return std::uint64_t{entropy()} << 32 | entropy();
}

/// FNV-1a.
std::uint64_t hash_of(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char character : text) hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3u;
    return hash;
}

bool is_ours(std::string_view name) {
    if (!name.starts_with(beginning)) return false;
    name.remove_prefix(beginning.size());
    if (name.size() < digits || name.substr(0, digits).find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
    name.remove_prefix(digits);
    return name == ".tmp" || name == ".lock";
}

bool try_lock(int descriptor) {
    while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        return errno != EWOULDBLOCK;  // a file system without locks: then nothing is held
    }
    return true;
}

/// Whether the name still leads to the open file.
bool is_linked(const fs::path& path, int descriptor) {
    struct stat opened {}, named {};
    return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

void remove_if_left(const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != ::geteuid()) return;
    const int descriptor = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return;
    // Held by nobody: its process is gone. One that is just being made finds that it was removed, and is made again. Without locks nothing can be told.
    int locked = 0;
    while ((locked = ::flock(descriptor, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {}
    if (locked == 0 && is_linked(path, descriptor)) ::unlink(path.c_str());
    ::close(descriptor);
}

void remove_left(const fs::path& folder) {
    DIR* const entries = ::opendir(folder.c_str());
    if (entries == nullptr) return;
    while (const dirent* const entry = ::readdir(entries)) {
        if (is_ours(entry->d_name)) remove_if_left(folder / entry->d_name);
    }
    ::closedir(entries);
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

void sync(int descriptor, const char* what) {
    while (::fsync(descriptor) != 0) {
        if (errno != EINTR) fail(what);
    }
}

void sync_folder(const fs::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;  // a folder that cannot be opened cannot be synced; the rename itself has succeeded
    ::fsync(descriptor);
    ::close(descriptor);
}

}  // namespace

Temporary::Temporary(const fs::path& folder, mode_t mode) {
    remove_left(folder);
    for (int attempt = 0; attempt < 100; ++attempt) {
        path_ = folder / (std::string(beginning) + hexadecimal(random_number()) + ".tmp");
        // Exclusive: never write through a file or link that someone else put there.
        descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (descriptor_ < 0 && (errno == EEXIST || errno == EINTR)) continue;
        if (descriptor_ < 0) fail("open");
        if (try_lock(descriptor_) && is_linked(path_, descriptor_)) return;
        ::close(std::exchange(descriptor_, -1));
    }
    errno = EAGAIN;
    fail("open");
}

Temporary::~Temporary() {
    if (descriptor_ < 0) return;
    if (!renamed_) ::unlink(path_.c_str());
    ::close(descriptor_);
}

void Temporary::rename_to(const fs::path& target) {
    sync(descriptor_, "fsync");
    while (::rename(path_.c_str(), target.c_str()) != 0) {
        if (errno != EINTR) fail("rename");
    }
    renamed_ = true;
    sync_folder(folder_of(target));
}

OutputLock::OutputLock(const fs::path& output) {
    const fs::path target = target_of(output);
    path_ = folder_of(target) / (std::string(beginning) + hexadecimal(hash_of(target.filename().string())) + ".lock");
    for (int attempt = 0; attempt < 100; ++attempt) {
        // One that another user's killed run has left can be read, and so locked.
        descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (descriptor_ < 0 && errno == EACCES) descriptor_ = ::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (descriptor_ < 0 && errno == EINTR) continue;
        if (descriptor_ < 0) throw FileError(output, "", std::string("cannot be written: ") + std::strerror(errno));
        if (!try_lock(descriptor_)) {
            ::close(std::exchange(descriptor_, -1));
            throw FileError(output, "", "is being written by another run");
        }
        if (is_linked(path_, descriptor_)) return;  // not one that its holder has just removed
        ::close(std::exchange(descriptor_, -1));
    }
    throw FileError(output, "", "cannot be locked");
}

OutputLock::OutputLock(OutputLock&& other) noexcept : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

OutputLock::~OutputLock() {
    if (descriptor_ < 0) return;
    ::unlink(path_.c_str());
    ::close(descriptor_);
}

}  // namespace files
