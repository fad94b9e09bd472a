#include "run.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <unistd.h>

#include <files/atomic_file.hpp>
#include <llama/checkpoint.hpp>
#include <program/distinct_files.hpp>
#include <program/interrupt.hpp>
#include <program/standard_streams.hpp>
#include <report/crc32c.hpp>
#include <report/format.hpp>

#include "grid.hpp"
#include "journal.hpp"
#include "plots.hpp"
#include "results.hpp"
#include "study.hpp"
#include "tables.hpp"

namespace zo_bench {
namespace {

namespace fs = std::filesystem;

/// Found now rather than in every run.
void require_readable(const char* option, const std::string& file) {
    std::error_code error;
    if (!file.empty() && (!fs::is_regular_file(file, error) || ::access(file.c_str(), R_OK) != 0)) {
        throw UsageError(option, file + " is not a file that can be read");
    }
}

void check_files(const Options& options) {
    require_readable("--tokenizer", options.tokenizer);
    require_readable("--text", options.text);
    require_readable("--sentences", options.train_sentences);
    require_readable("--sentences", options.eval_sentences);
    if (!fs::is_regular_file(options.finetune) || ::access(options.finetune.c_str(), X_OK) != 0) {
        throw UsageError("--finetune", options.finetune + " is not a program; build finetune, or give its place");
    }
}

/// "model.bin 1a2b3c4d 1056896": what tells a file from another of its name.
std::string digest_of(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    std::vector<char> part(std::size_t{1} << 20);
    std::uint32_t crc = 0;
    std::uintmax_t size = 0;
    while (stream.read(part.data(), static_cast<std::streamsize>(part.size())) || stream.gcount() > 0) {
        const auto count = static_cast<std::size_t>(stream.gcount());
        crc = report::crc32c(std::as_bytes(std::span(part).first(count)), crc);
        size += count;
    }
    if (stream.bad()) throw files::FileError(file, "", "cannot be read");
    char text[9];
    std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(crc));
    return fs::path(file).filename().string() + " " + text + " " + std::to_string(size);
}

/// Of what the runs of each task read, the program among it: another build of it may give other figures.
std::map<std::string, std::string> digests_of(const Options& options) {
    const std::string all = digest_of(options.finetune) + "; " + digest_of(options.model) + "; " + digest_of(options.tokenizer);
    std::map<std::string, std::string> digests;
    if (!options.text.empty()) digests["text"] = all + "; " + digest_of(options.text);
    if (!options.train_sentences.empty()) digests["classify"] = all + "; " + digest_of(options.train_sentences) + "; " + digest_of(options.eval_sentences);
    return digests;
}

/// That no file of the study's own is one it reads.
void require_inputs_apart(const Options& options) {
    const fs::path folder = options.output;
    std::vector<program::NamedFile> outputs = {{"--output", (folder / "runs.csv").string()}, {"--output", (folder / "table.md").string()}};
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename().string();
        if ((name.starts_with("loss_") || name.starts_with("accuracy_")) && name.ends_with(".svg")) outputs.push_back({"--output", entry.path().string()});
    }
    const std::vector<program::NamedFile> inputs = {{"--model", options.model}, {"--tokenizer", options.tokenizer}, {"--text", options.text}, {"--sentences", options.train_sentences},
                                                    {"--sentences", options.eval_sentences}, {"--finetune", options.finetune}};
    program::require_distinct_files(inputs, outputs);
    for (const program::NamedFile& input : inputs) {
        const fs::path place = fs::weakly_canonical(input.path, error), own = fs::weakly_canonical(folder, error);
        for (const char* name : {".zo_bench_running", "curves"}) {
            const fs::path relative = place.lexically_relative(own / name);
            if (!input.path.empty() && !relative.empty() && *relative.begin() != "..") throw UsageError(input.option, input.path + " is in a folder that the study writes to");
        }
    }
}

void write_reports(const Grid& grid, const std::vector<Result>& results) {
    files::AtomicFile table(fs::path(grid.options().output) / "table.md");
    table.stream() << markdown(grid, results);
    table.commit();
    write_plots(grid, results);
}

}  // namespace

int run(Options options) {
    check_files(options);
    require_inputs_apart(options);
    options.digests = digests_of(options);
    const llama::Config config = llama::read_checkpoint(options.model).config();
    // One length for all, or the schemes whose virtual tokens leave a short model less room would be tested on other chunks.
    constexpr int max_virtual_tokens = 10;
    if (!options.length && config.sequence < static_cast<int>(usual_length) + max_virtual_tokens) {
        options.length = static_cast<std::size_t>(std::max(config.sequence - max_virtual_tokens, 2));
    }
    std::error_code error;
    fs::create_directories(options.output, error);
    if (error) throw UsageError("--output", options.output + " cannot be made: " + error.message());

    const Grid grid(options, static_cast<std::size_t>(config.layers));
    Journal journal(fs::path(options.output) / "runs.csv", options.retry);
    {
        const program::InterruptGuard guard({SIGINT, SIGTERM, SIGHUP}, program::SecondSignal::is_the_same);
        Study(grid, journal).run();
    }
    const std::vector<Result> results = results_of(grid, journal);
    write_reports(grid, results);

    std::size_t made = 0, failed = 0, left = 0;
    for (const Cell& cell : grid.cells()) {
        const CellState state = grid.state(cell, journal);
        made += state.made, failed += state.failed, left += state.left;
    }
    std::string text = terminal_text(grid, results) + report::grouped(made) + " runs" +
                       (failed > 0 ? ", of which " + report::grouped(failed) + " failed (table.md says why; --retry makes them again)" : "") +
                       (left > 0 ? "; " + report::grouped(left) + " or so are left: the same command goes on" : "") + "\n" + options.output + "/table.md\n";
    program::print(text);
    if (program::interrupted()) return 130;
    return failed > 0 ? 1 : 0;
}

}  // namespace zo_bench
