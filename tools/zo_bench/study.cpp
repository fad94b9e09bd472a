#include "study.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include <program/interrupt.hpp>
#include <report/format.hpp>

#include "curve.hpp"

namespace zo_bench {
namespace {

namespace fs = std::filesystem;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// What finetune said last, without its name: lines of its progress may stand before it.
std::string last_line(std::string text) {
    text.erase(text.find_last_not_of(" \r\n") + 1);
    text.erase(0, text.find_last_of("\r\n") + 1);
    const std::string name = "finetune: ";
    return text.starts_with(name) ? text.substr(name.size()) : text;
}

std::string failure_of(const Ended& ended, const std::string& errors) {
    if (ended.signal != 0) return "failed: ended by signal " + std::to_string(ended.signal);
    const std::string said = last_line(errors);
    return "failed: " + (said.empty() ? "exit status " + std::to_string(ended.status) : said);
}

std::optional<double> figure(const nlohmann::json& json, const char* name) {
    const auto place = json.find(name);
    return place != json.end() && place->is_number() ? std::optional(place->get<double>()) : std::nullopt;
}

}  // namespace

Study::Study(const Grid& grid, Journal& journal)
    : grid_(grid), journal_(journal), running_folder_(fs::path(grid.options().output) / ".zo_bench_running"), begin_(now()) {
    // What a killed study has left of its runs.
    fs::remove_all(running_folder_);
    fs::create_directories(running_folder_);
    fs::create_directories(curve_file(grid.options().output, "").parent_path());
    for (const Cell& cell : grid.cells()) states_.push_back(grid.state(cell, journal));
}

void Study::run() {
    start_what_fits();
    while (!children_.running().empty() && !program::interrupted()) {
        if (const auto ended = children_.wait_a_moment()) {
            finish(*ended);
            start_what_fits();
        }
        if (line_.due()) show();
    }
    children_.end_all();
    line_.finish();
    fs::remove_all(running_folder_);
}

void Study::start_what_fits() {
    const auto is_under_way = [this](const Run& run) {
        return std::ranges::any_of(under_way_, [&](const auto& entry) { return entry.second.command == run.command && entry.second.inputs == run.inputs; });
    };
    for (const CellState& state : states_) {
        for (const Run& run : state.missing) {
            if (children_.running().size() >= grid_.options().jobs || program::interrupted()) return;
            if (is_under_way(run)) continue;
            std::vector<std::string> words = run.words;
            words.insert(words.end(), {"--json", temporary(run, ".json").string()});
            if (run.phase == Phase::final) words.insert(words.end(), {"--metrics", temporary(run, ".csv").string()});
            under_way_.emplace(children_.start(words, temporary(run, ".err").string()), run);
        }
    }
}

void Study::finish(const Ended& ended) {
    const auto node = under_way_.extract(ended.child);
    const Run& run = node.mapped();
    const Record record = record_of(run, ended);
    if (!record.failed() && run.phase == Phase::final) {
        const std::optional<double> passes = run.cell->method->by_steps ? std::optional<double>(run.cell->method->passes) : std::nullopt;
        std::vector<CurvePoint> curve = read_metrics(temporary(run, ".csv"), passes);
        // What finding the rate took lies before the first step; finetune counts the steps alone.
        const double before = spends_on_rate(run) && !curve.empty() ? *record.forward_passes - curve.back().forward_passes : 0;
        for (CurvePoint& point : curve) point.forward_passes += before;
        write_curve(curve_file(grid_.options().output, run.name()), curve);
    }
    journal_.add(record);
    for (const char* ending : {".json", ".csv", ".err"}) fs::remove(temporary(run, ending));
    ++ended_;
    refresh(static_cast<std::size_t>(run.cell - grid_.cells().data()));
}

Record Study::record_of(const Run& run, const Ended& ended) const {
    Record record{.task = run.cell->task,
                  .scheme = run.cell->scheme,
                  .method = std::string(run.cell->method->name),
                  .phase = run.phase,
                  .seed = run.seed,
                  .learning_rate = run.learning_rate,
                  .status = "done",
                  .command = run.command,
                  .batch = static_cast<double>(run.cell->batch),
                  .inputs = run.inputs};
    constexpr int diverged = 3;  // finetune's status: the run was made, and its figures are there
    if (ended.signal != 0 || (ended.status != 0 && ended.status != diverged)) {
        record.status = failure_of(ended, read(temporary(run, ".err")));
        return record;
    }
    const nlohmann::json json = nlohmann::json::parse(read(temporary(run, ".json")), nullptr, false);
    if (!json.is_object()) {
        record.status = "failed: it ended well and left no figures (--json)";
        return record;
    }
    record.forward_passes = figure(json, "forward_passes");
    if (run.cell->method->by_steps) record.forward_passes = static_cast<double>(run.steps * run.cell->method->passes);
    if (spends_on_rate(run)) record.forward_passes = static_cast<double>(run.forwards);
    if (run.cell->method->own_rate) record.learning_rate = figure(json, "learning_rate").value_or(0);
    record.loss_before = figure(json, "eval_loss_before");
    record.loss_after = figure(json, "eval_loss_after");
    record.accuracy_before = figure(json, "accuracy_before");
    record.accuracy_after = figure(json, "accuracy_after");
    record.seconds = figure(json, "seconds");
    record.optimizer_seconds = figure(json, "optimizer_seconds");
    record.peak_bytes = figure(json, "peak_bytes");
    record.planned_bytes = figure(json, "planned_peak_bytes");
    record.inference_bytes = figure(json, "inference_bytes");
    if (record.forward_passes) record.tokens = grid_.tokens(*run.cell, *record.forward_passes);
    return record;
}

bool Study::spends_on_rate(const Run& run) const { return run.cell->method->own_rate && !grid_.options().quick; }

void Study::refresh(std::size_t cell) { states_[cell] = grid_.state(grid_.cells()[cell], journal_); }

void Study::show() {
    std::size_t made = 0, left = 0;
    for (const CellState& state : states_) made += state.made, left += state.left;
    std::string line = std::to_string(made) + "/" + std::to_string(made + left) + " runs";
    for (const auto& [child, run] : under_way_) line += "  [" + run.title() + "]";
    if (ended_ > 0) line += "  " + report::duration(report::seconds_left(ended_, ended_ + left, now() - begin_)) + " left";
    line_.show(line);
}

fs::path Study::temporary(const Run& run, const char* ending) const { return running_folder_ / (run.name() + ending); }

fs::path Study::curve_file(const fs::path& output, const std::string& run_name) { return output / "curves" / (run_name + ".csv"); }

}  // namespace zo_bench
