#include "curve.hpp"

#include <fstream>
#include <string>

#include <files/atomic_file.hpp>

#include "csv.hpp"

namespace zo_bench {
namespace {

/// Calls `use` with the fields of each line after the first that has `count` of them.
template <class Use>
void for_each_line(const std::filesystem::path& path, std::size_t count, Use use) {
    std::ifstream stream(path, std::ios::binary);
    std::string line;
    std::getline(stream, line);
    while (std::getline(stream, line)) {
        const auto fields = split_csv(line);
        if (fields && fields->size() == count) use(*fields);
    }
}

}  // namespace

std::vector<CurvePoint> read_metrics(const std::filesystem::path& path, std::optional<double> passes_a_step) {
    // step, forward_passes, loss, learning_rate, seconds, eval_loss, eval_accuracy
    std::vector<CurvePoint> curve;
    for_each_line(path, 7, [&](const std::vector<std::string>& fields) {
        if (fields[5].empty()) return;
        const double passes = passes_a_step ? *passes_a_step * read_number(fields[0]).value_or(0) : read_number(fields[1]).value_or(0);
        curve.push_back({passes, read_number(fields[4]).value_or(0), read_number(fields[5]), read_number(fields[6])});
    });
    return curve;
}

void write_curve(const std::filesystem::path& path, const std::vector<CurvePoint>& curve) {
    files::AtomicFile file(path);
    file.stream() << "forward_passes,seconds,eval_loss,eval_accuracy\n";
    for (const CurvePoint& point : curve) {
        file.stream() << number_text(point.forward_passes) << "," << number_text(point.seconds) << "," << number_text(point.loss) << ","
                      << number_text(point.accuracy) << "\n";
    }
    file.commit();
}

std::vector<CurvePoint> read_curve(const std::filesystem::path& path) {
    std::vector<CurvePoint> curve;
    for_each_line(path, 4, [&](const std::vector<std::string>& fields) {
        curve.push_back({read_number(fields[0]).value_or(0), read_number(fields[1]).value_or(0), read_number(fields[2]), read_number(fields[3])});
    });
    return curve;
}

}  // namespace zo_bench
