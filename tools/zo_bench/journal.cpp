#include "journal.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <files/file_error.hpp>

#include "csv.hpp"

namespace zo_bench {
namespace {

constexpr std::string_view header =
    "task,scheme,method,phase,seed,learning_rate,forward_passes,loss_before,loss_after,accuracy_before,accuracy_after,seconds,"
    "optimizer_seconds,peak_bytes,planned_bytes,inference_bytes,status,command,batch,tokens";

/// The figures, in the order of their columns.
constexpr std::optional<double> Record::*figures[] = {
    &Record::forward_passes, &Record::loss_before, &Record::loss_after,        &Record::accuracy_before, &Record::accuracy_after,
    &Record::seconds,        &Record::optimizer_seconds, &Record::peak_bytes, &Record::planned_bytes,   &Record::inference_bytes,
};
/// Those that older versions did not have.
constexpr std::optional<double> Record::*late_figures[] = {&Record::batch, &Record::tokens};

constexpr std::size_t first_figure = 6, old_columns = first_figure + std::size(figures) + 2, columns = old_columns + std::size(late_figures);
constexpr std::string_view old_header = header.substr(0, header.find(",batch"));

std::string line_of(const Record& record, std::size_t count) {
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
    fields.resize(count);
    return join_csv(fields);
}

/// None if the line is not one that line_of() makes.
std::optional<Record> record_of(std::string_view line, std::size_t count) {
    const auto fields = split_csv(line);
    if (!fields || fields->size() != count) return std::nullopt;
    const auto& field = *fields;
    const auto seed = read_number(field[4]), rate = read_number(field[5]);
    if ((field[3] != "search" && field[3] != "final") || !seed || !rate) return std::nullopt;
    Record record{.task = field[0],
                  .scheme = field[1],
                  .method = field[2],
                  .phase = field[3] == "search" ? Phase::search : Phase::final,
                  .seed = static_cast<std::uint64_t>(*seed),
                  .learning_rate = *rate,
                  .status = field[old_columns - 2],
                  .command = field[old_columns - 1]};
    const auto take = [&](std::optional<double> Record::*figure, const std::string& text) {
        record.*figure = read_number(text);
        return record.*figure || text.empty();
    };
    for (std::size_t i = 0; i < std::size(figures); ++i) {
        if (!take(figures[i], field[first_figure + i])) return std::nullopt;
    }
    for (std::size_t i = 0; i < count - old_columns; ++i) {
        if (!take(late_figures[i], field[old_columns + i])) return std::nullopt;
    }
    return record;
}

}  // namespace

Journal::Journal(const std::filesystem::path& path, bool forget_failed) : path_(path), columns_(columns) {
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("", std::string("cannot be written: ") + std::strerror(errno));
    try {
        if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) fail("", "is in use by another zo_bench; wait for it, or give another --output");
        read();
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
    if (forget_failed) std::erase_if(records_, [](const auto& entry) { return entry.second.failed(); });
}

Journal::~Journal() { ::close(descriptor_); }

void Journal::read() {
    std::string text;
    std::array<char, 1 << 14> part;
    ssize_t size = 0;
    while ((size = ::read(descriptor_, part.data(), part.size())) > 0) text.append(part.data(), static_cast<std::size_t>(size));
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
            if (line == old_header) columns_ = old_columns;
            if (line != header && line != old_header) fail("line 1", "is not a journal of zo_bench of this version; give another --output");
        } else if (const auto record = record_of(line, columns_)) {
            records_.insert_or_assign(record->command, *record);
        } else {
            fail("line " + std::to_string(number + 1), "is not the record of a run; take it out");
        }
    }
    if (whole < text.size() && ::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0) fail("", std::string("cannot be cut: ") + std::strerror(errno));
    if (whole == 0) append(std::string(header));
}

const Record* Journal::find(const std::string& command) const {
    const auto place = records_.find(command);
    return place == records_.end() ? nullptr : &place->second;
}

void Journal::add(const Record& record) {
    const std::string line = line_of(record, columns_);
    append(line);
    // As it will be read, so that a study that goes on and one that never stopped see the same.
    const auto kept = record_of(line, columns_);
    if (!kept) throw std::logic_error("a record that cannot be read back: " + line);
    records_.insert_or_assign(kept->command, *kept);
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
