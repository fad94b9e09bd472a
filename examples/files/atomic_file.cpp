#include "atomic_file.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target.hpp"

namespace files {
namespace {

/// The owner and the permissions of the file that is replaced. Where it cannot have the group, its group gets no more than all others have.
void take_permissions(int descriptor, const struct stat& existing) {
    mode_t mode = existing.st_mode & 0777;
    if (existing.st_uid != ::geteuid()) static_cast<void>(::fchown(descriptor, existing.st_uid, static_cast<gid_t>(-1)) == 0);
    if (::fchown(descriptor, static_cast<uid_t>(-1), existing.st_gid) != 0) mode = (mode & ~mode_t{S_IRWXG}) | ((mode & S_IRWXO) << 3);
    static_cast<void>(::fchmod(descriptor, mode) == 0);
}

}  // namespace

DescriptorBuffer::DescriptorBuffer(int descriptor) : descriptor_(descriptor), buffer_(1 << 16) {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type character) {
    if (sync() != 0) return traits_type::eof();
    if (!traits_type::eq_int_type(character, traits_type::eof())) {
        *pptr() = traits_type::to_char_type(character);
        pbump(1);
    }
    return traits_type::not_eof(character);
}

int DescriptorBuffer::sync() {
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

AtomicFile::AtomicFile(const std::filesystem::path& path) : named_(path), target_(target_of(path)) {
    const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
    struct stat existing {};
    const bool replaces = ::stat(target_.c_str(), &existing) == 0;
    if (replaces && ::access(target_.c_str(), W_OK) != 0) fail(errno);
    try {
        temporary_ = std::make_unique<Temporary>(folder, replaces ? 0600 : 0666);  // 0666 so that the umask decides
    } catch (const std::system_error& error) {
        fail(error.code().value());
    }
    if (replaces) take_permissions(temporary_->descriptor(), existing);
    buffer_.emplace(temporary_->descriptor());
    stream_ = std::make_unique<std::ostream>(&*buffer_);
}

void AtomicFile::commit() {
    stream_->flush();
    if (buffer_->error() != 0) fail(buffer_->error());
    if (!*stream_) throw FileError(named_, "", "cannot be written");
    try {
        temporary_->rename_to(target_);
    } catch (const std::system_error& error) {
        fail(error.code().value());
    }
    temporary_.reset();
}

void AtomicFile::fail(int error) const { throw FileError(named_, "", std::string("cannot be written: ") + std::strerror(error)); }

}  // namespace files
