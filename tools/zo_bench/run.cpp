#include "run.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <unistd.h>

#include <files/atomic_file.hpp>
#include <llama/checkpoint.hpp>
#include <program/interrupt.hpp>
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

void write_reports(const Grid& grid, const std::vector<Result>& results) {
    files::AtomicFile table(fs::path(grid.options().output) / "table.md");
    table.stream() << markdown(grid, results);
    table.commit();
    write_plots(grid, results);
}

}  // namespace

int run(Options options) {
    check_files(options);
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
    std::fputs(text.c_str(), stdout);
    if (program::interrupted()) return 130;
    return failed > 0 ? 1 : 0;
}

}  // namespace zo_bench
