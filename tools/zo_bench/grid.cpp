#include "grid.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>

#include <report/crc32c.hpp>
#include <report/format.hpp>

#include "process.hpp"
#include "rate_search.hpp"

namespace zo_bench {
namespace {

using report::general;

/// Of a curve after its first, about; --quick has no time for more evaluations than it needs.
constexpr std::size_t points = 20, quick_points = 1;

const Record* find(const Journal& journal, const Run& run) { return journal.find(run.command, run.inputs); }

std::string eight_digits(std::uint32_t number) {
    std::string text;
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(number >> shift) & 15u];
    return text;
}

}  // namespace

std::string Run::name() const {
    return cell->task + "_" + cell->scheme + "_" + std::string(cell->method->name) + "_" + general(learning_rate, 3) + "_" + std::to_string(seed) + "_" +
           eight_digits(report::crc32c(std::as_bytes(std::span(inputs)), report::crc32c(std::as_bytes(std::span(command)))));
}

std::string Run::title() const {
    return cell->task + ", " + cell->scheme + ", " + cell->title + (cell->method->own_rate ? "" : ", rate " + general(learning_rate, 3)) +
           (phase == Phase::search ? ", search" : ", seed " + std::to_string(seed));
}

Grid::Grid(Options options, std::size_t layers) : options_(std::move(options)), layers_(layers) {
    for (const std::string& task : tasks()) {
        for (const std::string& scheme : options_.schemes) {
            for (const Method* method : options_.methods) {
                if (!has(*method, scheme)) continue;
                for (const std::size_t batch : options_.batches) cells_.push_back({task, scheme, method, batch, title(*method, batch)});
            }
        }
    }
}

std::vector<std::string> Grid::tasks() const {
    std::vector<std::string> names;
    if (!options_.text.empty()) names.emplace_back("text");
    if (!options_.train_sentences.empty()) names.emplace_back("classify");
    return names;
}

bool Grid::has(const Method& method, const std::string& scheme) const {
    // A prompt lies under all layers, and a head above: a hybrid has one side only.
    if (method.name == "hybrid" && (scheme == "prompt" || scheme == "head")) return false;
    return !options_.quick || scheme == schemes[0] || &method == options_.methods.front() || &method == options_.methods.back();
}

std::string Grid::title(const Method& method, std::size_t batch) const {
    return std::string(method.title) + (options_.batches.size() > 1 ? ", batch " + std::to_string(batch) : "");
}

std::size_t Grid::equal_forwards(std::size_t passes, std::size_t batch) const {
    return std::max<std::size_t>(passes * options_.batches.front() / batch, 1);
}

std::optional<double> Grid::tokens(const Cell& cell, double forward_passes) const {
    if (cell.task != "text") return std::nullopt;
    return forward_passes * static_cast<double>(cell.batch) * static_cast<double>(options_.length.value_or(usual_length));
}

Run Grid::make_run(const Cell& cell, Phase phase, std::uint64_t seed, double learning_rate) const {
    const Options& o = options_;
    const Method& method = *cell.method;
    Run run{.cell = &cell, .phase = phase, .seed = seed, .learning_rate = learning_rate};
    std::vector<std::string>& words = run.words;
    const auto add = [&words](std::initializer_list<std::string> more) { words.insert(words.end(), more); };

    add({o.finetune, "--model", o.model, "--tokenizer", o.tokenizer, "--task", cell.task});
    if (cell.task == "text") {
        add({"--train", o.text});
    } else {
        add({"--train", o.train_sentences, "--eval", o.eval_sentences, "--prompt", o.prompt, "--verbalizer", o.verbalizer});
    }
    add({"--scheme", cell.scheme});
    const std::vector<std::string> arguments = method.arguments();
    words.insert(words.end(), arguments.begin(), arguments.end());
    if (!method.own_rate) {
        add({"--learning-rate", general(learning_rate, 3)});
        if (std::ranges::find(arguments, "--schedule") == arguments.end()) add({"--schedule", o.schedule});
    }
    add({"--batch", std::to_string(cell.batch)});
    if (o.length) add({"--length", std::to_string(*o.length)});

    const std::size_t forwards = run.forwards =
        equal_forwards(phase == Phase::search && !method.rate_is_length ? o.search_forwards : o.forwards, cell.batch);
    const std::size_t steps = run.steps = std::max<std::size_t>(forwards / method.passes_a_step(cell.scheme, layers_), 1);
    // finetune's --forwards counts the forward passes, not what a backward pass is worth; and what finding a rate takes, for which --quick has too few.
    if (method.by_steps || (method.own_rate && o.quick)) {
        add({"--steps", std::to_string(steps)});
    } else {
        add({"--forwards", std::to_string(forwards)});
    }
    if (phase == Phase::search) {
        add({"--validation"});
    } else {
        add({"--eval-every", std::to_string(std::max<std::size_t>(steps / (o.quick ? quick_points : points), 1))});
    }
    add({"--seed", std::to_string(seed), "--threads", "1"});
    run.command = shell_text(words);
    if (const auto digests = o.digests.find(cell.task); digests != o.digests.end()) run.inputs = digests->second;
    return run;
}

CellState Grid::state(const Cell& cell, const Journal& journal) const {
    CellState state;
    const auto note = [&state](const Record& record) {
        ++state.made;
        if (!record.failed()) return;
        ++state.failed;
        if (state.failure.empty()) state.failure = record.status;
    };

    double usual = cell.method->usual_rate(cell.task, cell.scheme);
    // The noise of a gradient falls with the root of the batch. A lone batch keeps the rates, and with them its commands.
    if (options_.batches.size() > 1) usual *= std::sqrt(static_cast<double>(cell.batch) / static_cast<double>(usual_batch));
    const auto rate = [&](int exponent) { return rate_of(usual, options_.rate_ratio, exponent); };
    const auto search_run = [&](int exponent) { return make_run(cell, Phase::search, 1, rate(exponent)); };
    std::map<int, const Record*> tried;
    const RateSearch search = search_rate(cell.method->own_rate ? 1 : options_.rates, [&](int exponent) -> std::optional<RateResult> {
        const Record* record = find(journal, search_run(exponent));
        if (record == nullptr) return std::nullopt;
        tried.emplace(exponent, record);
        return RateResult{record->failed(), record->loss_after};
    });
    for (const auto& [exponent, record] : tried) note(*record);
    for (const int exponent : search.missing) state.missing.push_back(search_run(exponent));
    if (!search.missing.empty()) {
        state.left = state.missing.size() + options_.seeds;
        return state;
    }
    if (!search.best) {
        if (state.failure.empty()) state.failure = "diverged at every learning rate";
        return state;
    }

    state.rate = rate(*search.best);
    state.rate_at_end = search.at_end;
    for (std::uint64_t seed = 1; seed <= options_.seeds; ++seed) {
        Run run = make_run(cell, Phase::final, seed, *state.rate);
        if (const Record* record = find(journal, run)) {
            note(*record);
            state.finals.push_back(record);
        } else {
            state.missing.push_back(std::move(run));
        }
    }
    state.left = state.missing.size();
    return state;
}

}  // namespace zo_bench
