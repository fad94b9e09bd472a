#include "tables.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>

#include <report/format.hpp>
#include <report/printable.hpp>
#include <report/table.hpp>

namespace zo_bench {
namespace {

using report::bytes;
using report::fixed;
using report::general;
using report::grouped;

constexpr const char* nothing = "–";

std::string file_name(const std::string& path) { return report::printable(std::filesystem::path(path).filename().string()); }

/// In a cell of a table a bar would end it.
std::string cell_text(const std::string& text) {
    std::string result;
    for (const char character : report::printable(text)) result += character == '|' ? std::string("\\|") : std::string(1, character);
    return result;
}

std::string with_spread(const std::optional<Figure>& figure, double scale, int decimals) {
    if (!figure) return nothing;
    return fixed(scale * figure->mean, decimals) + (figure->deviation ? " ± " + fixed(scale * *figure->deviation, decimals) : "");
}

std::string loss_text(const Result& result) { return with_spread(result.loss, 1, 3); }
std::string accuracy_text(const Result& result) { return with_spread(result.accuracy, 100, 1); }
std::string bytes_text(const std::optional<Figure>& figure) { return figure ? bytes(static_cast<std::size_t>(figure->mean)) : nothing; }

std::string ratio_text(const std::optional<Figure>& part, const std::optional<Figure>& whole, double scale, int decimals, const char* unit) {
    return part && whole && whole->mean > 0 ? fixed(scale * part->mean / whole->mean, decimals) + unit : nothing;
}

std::string rate_text(const Result& result) {
    if (!result.rate) return nothing;
    return general(*result.rate, 3) + (result.cell->method->own_rate ? " (its own)" : result.rate_at_end ? " (outermost)" : "");
}

std::string row(const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + cell + " |";
    return text + "\n";
}

std::string heads(const std::vector<std::string>& names) {
    std::string rule = "|---|";
    for (std::size_t i = 1; i < names.size(); ++i) rule += "---:|";
    return row(names) + rule + "\n";
}

class Page {
public:
    Page(const Grid& grid, const std::vector<Result>& results) : grid_(grid), results_(results) {}

    std::string text() {
        introduce();
        for (const std::string& task : grid_.tasks()) show_task(task);
        return text_;
    }

private:
    /// Null if the grid does not have it.
    const Result* find(const std::string& task, const std::string& scheme, const Method* method, std::size_t batch) const {
        const auto place = std::ranges::find_if(results_, [&](const Result& result) {
            const Cell& cell = *result.cell;
            return cell.task == task && cell.scheme == scheme && cell.method == method && cell.batch == batch;
        });
        return place == results_.end() ? nullptr : &*place;
    }

    void introduce() {
        const Options& o = grid_.options();
        text_ += "# Methods of fine-tuning with forward passes, compared\n\nModel " + file_name(o.model) + ", " + grouped(o.forwards) +
                 " forward passes a run, batches of " + grouped(o.batches.front()) + (o.length ? " x " + grouped(*o.length) + " tokens" : "") + others() +
                 ". Figures are " +
                 (o.seeds == 1 ? "those of one seed. " : "means over " + grouped(o.seeds) + " seeds ± the sample standard deviation. ");
        if (o.rates > 1) {
            text_ += "Each learning rate is the best of " + grouped(o.rates) + " or more, each " + general(o.rate_ratio, 3) + " times the last, " + grouped(o.search_forwards) +
                     " forward passes each (where a step's length is the rate's alone, as many as a final run), on the last ninth of the training part, held out of training; \"outermost\": no larger or smaller one was "
                     "tried. The test part was not seen in the search.\n\n";
        } else {
            text_ += "Learning rates are the usual ones; none was searched for.\n\n";
        }
        text_ += "A first-order step counts as " + grouped(first_order_passes) +
                 " forward passes: its own, and two for its backward pass; one of forward mode as " + grouped(forward_mode_passes) + ". Other passes are counted as finetune counts them, whatever each costs: "
                 "see the seconds. Tokens are those that these passes process. Loss at half: with half of the passes. Peak memory is what a run needed beyond the empty program, measured in a process of its own; planned is what was "
                 "predicted. Every run's command is in runs.csv.\n";
        const auto partial = [](const Result& result) { return result.loss && !result.note.empty(); };
        if (std::ranges::any_of(results_, partial)) text_ += "\n(*): some of its runs failed or are missing; the note beside the loss says which.\n";
    }

    /// "; 240 of batches of 1: ...": the batches after the first.
    std::string others() const {
        const std::vector<std::size_t>& batches = grid_.options().batches;
        std::string text;
        for (std::size_t i = 1; i < batches.size(); ++i) {
            text += (i == 1 ? "; " : ", ") + grouped(grid_.equal_forwards(grid_.options().forwards, batches[i])) + " of batches of " + grouped(batches[i]);
        }
        return text + (batches.size() > 1 ? ": equal tokens, in the searches too" : "");
    }

    void show_task(const std::string& task) {
        const Options& o = grid_.options();
        text_ += "\n## " + task + ": " + file_name(task == "text" ? o.text : o.train_sentences) + "\n";
        const bool has_accuracy = std::ranges::any_of(results_, [&](const Result& result) { return result.cell->task == task && result.accuracy; });
        show_before(task);
        show_glance(task, "Final loss, nats", loss_text);
        if (has_accuracy) show_glance(task, "Final accuracy, %", accuracy_text);
        for (const std::string& scheme : o.schemes) show_scheme(task, scheme, has_accuracy);
    }

    void show_before(const std::string& task) {
        for (const Result& result : results_) {
            if (result.cell->task != task || !result.loss_before) continue;
            text_ += "\nBefore: loss " + fixed(result.loss_before->mean, 3);
            if (result.accuracy_before) text_ += ", accuracy " + fixed(100 * result.accuracy_before->mean, 1) + " %";
            text_ += " (prefixes and prompts begin elsewhere).\n";
            return;
        }
    }

    void show_glance(const std::string& task, const std::string& what, const std::function<std::string(const Result&)>& value) {
        const Options& o = grid_.options();
        std::vector<std::string> names = {what};
        names.insert(names.end(), o.schemes.begin(), o.schemes.end());
        text_ += "\n" + heads(names);
        for (const Method* method : o.methods) {
            for (const std::size_t batch : o.batches) {
                std::vector<std::string> cells = {grid_.title(*method, batch)};
                for (const std::string& scheme : o.schemes) {
                    const Result* result = find(task, scheme, method, batch);
                    if (result == nullptr) {
                        cells.emplace_back();
                    } else {
                        cells.push_back(result->loss ? value(*result) + (result->note.empty() ? "" : " (*)") : result->brief_note);
                    }
                }
                text_ += row(cells);
            }
        }
    }

    void show_scheme(const std::string& task, const std::string& scheme, bool has_accuracy) {
        std::vector<const Result*> results;
        for (const Result& result : results_) {
            if (result.cell->task == task && result.cell->scheme == scheme) results.push_back(&result);
        }
        const bool has_half = std::ranges::any_of(results, [](const Result* result) { return result->half_loss.has_value(); });
        const bool has_tokens = std::ranges::any_of(results, [](const Result* result) { return result->tokens.has_value(); });
        text_ += "\n### " + task + ", " + scheme + "\n\n";
        std::vector<std::string> names = {"method", "learning rate", "loss"};
        if (has_half) names.emplace_back("loss at half");
        if (has_accuracy) names.emplace_back("accuracy, %");
        if (has_tokens) names.emplace_back("tokens, millions");
        names.insert(names.end(), {"seconds", "in the optimizer", "inference", "peak memory", "planned", "peak / planned"});
        text_ += heads(names);
        for (const Result* result : results) {
            std::string loss = result->loss ? loss_text(*result) : "";
            if (!result->note.empty()) loss += (loss.empty() ? "" : " (*) ") + cell_text(result->note);
            std::vector<std::string> cells = {result->cell->title, rate_text(*result), loss};
            if (has_half) cells.push_back(result->half_loss ? fixed(*result->half_loss, 3) : nothing);
            if (has_accuracy) cells.push_back(accuracy_text(*result));
            if (has_tokens) cells.push_back(result->tokens ? general(*result->tokens / 1e6, 3) : nothing);
            cells.push_back(with_spread(result->seconds, 1, 1));
            cells.push_back(ratio_text(result->optimizer_seconds, result->seconds, 100, 1, " %"));
            cells.push_back(bytes_text(result->inference_bytes));
            cells.push_back(bytes_text(result->peak_bytes));
            cells.push_back(bytes_text(result->planned_bytes));
            cells.push_back(ratio_text(result->peak_bytes, result->planned_bytes, 1, 2, ""));
            text_ += row(cells);
        }
    }

    const Grid& grid_;
    const std::vector<Result>& results_;
    std::string text_;
};

}  // namespace

std::string markdown(const Grid& grid, const std::vector<Result>& results) { return Page(grid, results).text(); }

std::string terminal_text(const Grid& grid, const std::vector<Result>& results) {
    std::string text;
    const Options& o = grid.options();
    for (const std::string& task : grid.tasks()) {
        std::vector<std::string> names = {task + ": final loss"};
        names.insert(names.end(), o.schemes.begin(), o.schemes.end());
        report::Table table(names);
        for (const Method* method : o.methods) {
            for (const std::size_t batch : o.batches) {
                std::vector<std::string> cells = {grid.title(*method, batch)};
                for (const std::string& scheme : o.schemes) {
                    cells.emplace_back();
                    for (const Result& result : results) {
                        const Cell& cell = *result.cell;
                        if (cell.task != task || cell.scheme != scheme || cell.method != method || cell.batch != batch) continue;
                        cells.back() = result.loss ? fixed(result.loss->mean, 3) : result.brief_note;
                    }
                }
                table.add(cells);
            }
        }
        text += table.text() + "\n";
    }
    return text;
}

}  // namespace zo_bench
