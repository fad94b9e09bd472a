#pragma once

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <random>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_error.hpp"

namespace files {

/// Buffered output to a file descriptor that remembers why a write failed; std::ofstream only says that one did.
class DescriptorBuffer final : public std::streambuf {
public:
    explicit DescriptorBuffer(int descriptor) : descriptor_(descriptor), buffer_(1 << 16) {
        setp(buffer_.data(), buffer_.data() + buffer_.size());
    }

    /// errno of the first write that failed; 0 while all succeeded.
    int error() const { return error_; }

protected:
    int_type overflow(int_type character) override {
        if (sync() != 0) return traits_type::eof();
        if (!traits_type::eq_int_type(character, traits_type::eof())) {
            *pptr() = traits_type::to_char_type(character);
            pbump(1);
        }
        return traits_type::not_eof(character);
    }

    int sync() override {
        const char* next = pbase();
        while (error_ == 0 && next < pptr()) {
            const ssize_t written = ::write(descriptor_, next, static_cast<std::size_t>(pptr() - next));
            if (written > 0) {
                next += written;
            } else if (written < 0 && errno != EINTR) {
                error_ = errno;
            }
        }
        setp(buffer_.data(), buffer_.data() + buffer_.size());
        return error_ == 0 ? 0 : -1;
    }

private:
    int descriptor_;
    int error_ = 0;
    std::vector<char> buffer_;
};

/// A file that appears whole or not at all. What is written to stream() goes to a temporary in the target's folder; commit()
/// brings it to the disk and renames it over the target. Without a commit the destructor removes the temporary and the target
/// stays as it was. A symbolic link is followed. Throws FileError naming the target and the system's reason.
class AtomicFile {
public:
    explicit AtomicFile(const std::filesystem::path& path)
        : named_(path), target_(resolve(path)), temporary_(beside(target_)), descriptor_(create()), buffer_(descriptor_), stream_(&buffer_) {}

    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    ~AtomicFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
        if (!committed_) ::unlink(temporary_.c_str());
    }

    std::ostream& stream() { return stream_; }

    void commit() {
        stream_.flush();
        if (buffer_.error() != 0) fail(buffer_.error());
        if (!stream_) throw FileError(named_, "", "cannot be written");
        if (::fsync(descriptor_) != 0) fail(errno);
        if (::close(std::exchange(descriptor_, -1)) != 0) fail(errno);
        if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(errno);
        committed_ = true;
        sync_folder();
    }

private:
    static std::filesystem::path resolve(const std::filesystem::path& path) {
        std::error_code error;
        const std::filesystem::file_status status = std::filesystem::status(path, error);
        if (path.filename().empty()) throw FileError(path, "", "is not a file name");
        if (!std::filesystem::exists(status)) return path;
        // Renaming over a device or a folder would replace or miss what the user meant.
        if (!std::filesystem::is_regular_file(status)) throw FileError(path, "", "is not a regular file");
        const std::filesystem::path target = std::filesystem::canonical(path, error);
        if (error) throw FileError(path, "", error.message());
        if (::access(target.c_str(), W_OK) != 0) throw FileError(path, "", std::strerror(errno));
        return target;
    }

    static std::filesystem::path beside(const std::filesystem::path& target) {
        std::random_device entropy;
        std::string name{"."};
        name.append(target.filename().string()).append(".").append(std::to_string(entropy())).append(".tmp");
        return target.parent_path() / name;
    }

    int create() const {
        // Exclusive: never write through a file or link that someone else put there. 0666 so that the umask decides.
        const int descriptor = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0) fail(errno);
        struct stat existing {};
        if (::stat(target_.c_str(), &existing) == 0) ::fchmod(descriptor, existing.st_mode & 07777);
        return descriptor;
    }

    void sync_folder() const {
        const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
        const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor < 0) return;  // a folder that cannot be opened cannot be synced; the rename itself has succeeded
        ::fsync(descriptor);
        ::close(descriptor);
    }

    [[noreturn]] void fail(int error) const { throw FileError(named_, "", std::string("cannot be written: ") + std::strerror(error)); }

    std::filesystem::path named_;
    std::filesystem::path target_;
    std::filesystem::path temporary_;
    bool committed_ = false;
    int descriptor_;
    DescriptorBuffer buffer_;
    std::ostream stream_;
};

}  // namespace files
