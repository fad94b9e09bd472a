#include "journal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <set>
#include <span>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <files/file_error.hpp>
#include <report/crc32c.hpp>

#include "csv.hpp"

namespace zo_bench {
namespace {

constexpr std::string_view header =
    "task,scheme,method,phase,seed,learning_rate,forward_passes,loss_before,loss_after,accuracy_before,accuracy_after,seconds,"
    "optimizer_seconds,peak_bytes,planned_bytes,inference_bytes,status,command,batch,tokens,inputs,crc32c";

/// The figures, in the order of their columns.
constexpr std::optional<double> Record::*figures[] = {
    &Record::forward_passes, &Record::loss_before, &Record::loss_after,        &Record::accuracy_before, &Record::accuracy_after,
    &Record::seconds,        &Record::optimizer_seconds, &Record::peak_bytes, &Record::planned_bytes,   &Record::inference_bytes,
};
constexpr std::optional<double> Record::*late_figures[] = {&Record::batch, &Record::tokens};
/// Losses may be of any sign, and a difference of times may be a little under 0.
constexpr std::optional<double> Record::*positive[] = {&Record::forward_passes, &Record::seconds, &Record::peak_bytes, &Record::planned_bytes, &Record::inference_bytes, &Record::batch, &Record::tokens};
constexpr std::optional<double> Record::*shares[] = {&Record::accuracy_before, &Record::accuracy_after};

constexpr std::size_t first_figure = 6, status_column = first_figure + std::size(figures), columns = status_column + 2 + std::size(late_figures) + 1;

std::string checksum(std::string_view line) {
    char text[9];
    std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(report::crc32c(std::as_bytes(std::span(line)))));
    return text;
}

std::string line_of(const Record& record) {
    std::vector<std::string> fields = {record.task,
                                       record.scheme,
                                       record.method,
                                       record.phase == Phase::search ? "search" : "final",
                                       std::to_string(record.seed),
                                       number_text(record.learning_rate)};
    for (const auto figure : figures) fields.push_back(number_text(record.*figure));
    fields.push_back(record.status);
    fields.push_back(record.command);
    for (const auto figure : late_figures) fields.push_back(number_text(record.*figure));
    fields.push_back(record.inputs);
    const std::string line = join_csv(fields);
    return line + "," + checksum(line);
}

std::optional<std::uint64_t> whole_number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// Whether its numbers are such as runs have.
bool in_range(const Record& record) {
    const auto all = [&](const auto& list, auto fits) { return std::ranges::all_of(list, [&](auto figure) { return !(record.*figure) || fits(*(record.*figure)); }); };
    return record.learning_rate >= 0 && all(positive, [](double value) { return value >= 0; }) && all(shares, [](double value) { return value >= 0 && value <= 1; }) &&
           (!record.failed() || record.status.starts_with("failed"));
}

/// None if the line is not one that line_of() makes.
std::optional<Record> record_of(std::string_view whole) {
    const std::size_t comma = whole.rfind(',');
    if (comma == std::string_view::npos || whole.substr(comma + 1) != checksum(whole.substr(0, comma))) return std::nullopt;
    const auto fields = split_csv(whole.substr(0, comma));
    if (!fields || fields->size() != columns) return std::nullopt;
    const auto& field = *fields;
    const auto seed = whole_number(field[4]);
    const auto rate = read_number(field[5]);
    if ((field[3] != "search" && field[3] != "final") || !seed || !rate) return std::nullopt;
    Record record{.task = field[0],
                  .scheme = field[1],
                  .method = field[2],
                  .phase = field[3] == "search" ? Phase::search : Phase::final,
                  .seed = *seed,
                  .learning_rate = *rate,
                  .status = field[status_column],
                  .command = field[status_column + 1],
                  .inputs = field[columns - 1]};
    const auto take = [&](std::optional<double> Record::*figure, const std::string& text) {
        record.*figure = read_number(text);
        return record.*figure || text.empty();
    };
    for (std::size_t i = 0; i < std::size(figures); ++i) {
        if (!take(figures[i], field[first_figure + i])) return std::nullopt;
    }
    for (std::size_t i = 0; i < std::size(late_figures); ++i) {
        if (!take(late_figures[i], field[status_column + 2 + i])) return std::nullopt;
    }
    return in_range(record) ? std::optional(record) : std::nullopt;
}

using File = std::pair<dev_t, ino_t>;

/// What this process holds: it would not be kept from locking a file twice, and closing the second would free the first.
std::set<File>& held() {
    static std::set<File> files;
    return files;
}

std::optional<File> file_of(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? std::optional(File{status.st_dev, status.st_ino}) : std::nullopt;
}

constexpr const char* in_use = "is in use by another zo_bench; wait for it, or give another --output";

}  // namespace

Journal::Journal(const std::filesystem::path& path, bool forget_failed) : path_(path) {
    if (const auto file = file_of(path); file && held().contains(*file)) fail("", in_use);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("", std::string("cannot be written: ") + std::strerror(errno));
    try {
        lock();
        read();
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
    held().insert(file_);
    if (forget_failed) std::erase_if(records_, [](const auto& entry) { return entry.second.failed(); });
}

Journal::~Journal() {
    held().erase(file_);
    ::close(descriptor_);
}

void Journal::lock() {
    // Of the process: a flock() would live on in a child until that has begun its program.
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    while (::fcntl(descriptor_, F_SETLK, &whole) != 0) {
        if (errno == EACCES || errno == EAGAIN) fail("", in_use);
        if (errno == EINTR) continue;
        fail("", std::string("cannot be locked: ") + std::strerror(errno));
    }
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) fail("", std::string("cannot be read: ") + std::strerror(errno));
    if (!S_ISREG(status.st_mode)) fail("", "is not a regular file");
    file_ = {status.st_dev, status.st_ino};
}

void Journal::read() {
    std::string text;
    std::array<char, 1 << 14> part;
    ssize_t size = 0;
    while ((size = ::read(descriptor_, part.data(), part.size())) > 0 || (size < 0 && errno == EINTR)) text.append(part.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (size < 0) fail("", std::string("cannot be read: ") + std::strerror(errno));

    const std::size_t whole = text.rfind('\n') + 1;  // 0 where there is no line feed
    // A file that is someone else's is not cut.
    if (whole == 0 && !header.starts_with(text)) fail("line 1", "is not a journal of zo_bench; give another --output");
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < whole; ++number) {
        const std::size_t end = text.find('\n', begin);
        const std::string_view line = std::string_view(text).substr(begin, end - begin);
        begin = end + 1;
        if (number == 0) {
            if (line != header && header.starts_with(line)) fail("line 1", "is a journal of an older zo_bench, without digests and checksums; give another --output");
            if (line != header) fail("line 1", "is not a journal of zo_bench of this version; give another --output");
        } else if (const auto record = record_of(line)) {
            records_.insert_or_assign(Key{record->command, record->inputs}, *record);
        } else {
            fail("line " + std::to_string(number + 1), "is not the record of a run, or not as it was written; take it out, and the run is made again");
        }
    }
    if (whole < text.size() && ::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0) fail("", std::string("cannot be cut: ") + std::strerror(errno));
    if (whole == 0) append(std::string(header));
}

const Record* Journal::find(const std::string& command, const std::string& inputs) const {
    const auto place = records_.find(Key{command, inputs});
    return place == records_.end() ? nullptr : &place->second;
}

void Journal::add(const Record& record) {
    const std::string line = line_of(record);
    append(line);
    // As it will be read, so that a study that goes on and one that never stopped see the same.
    const auto kept = record_of(line);
    if (!kept) throw std::logic_error("a record that cannot be read back: " + line);
    records_.insert_or_assign(Key{kept->command, kept->inputs}, *kept);
}

void Journal::append(std::string line) {
    line += '\n';
    for (std::size_t done = 0; done < line.size();) {
        const ssize_t written = ::write(descriptor_, line.data() + done, line.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail("", std::string("cannot be written: ") + std::strerror(errno));
        done += static_cast<std::size_t>(written);
    }
    if (::fsync(descriptor_) != 0) fail("", std::string("cannot be written: ") + std::strerror(errno));
}

void Journal::fail(const std::string& place, const std::string& reason) const { throw files::FileError(path_, place, reason); }

}  // namespace zo_bench
