#include "table.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <files/file_error.hpp>
#include <report/format.hpp>

namespace finetune {
namespace {

std::string_view without_trailing_blanks(std::string_view text) {
    const std::size_t last = text.find_last_not_of(" \t");
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

std::string_view trimmed(std::string_view text) {
    text = without_trailing_blanks(text);
    const std::size_t begin = text.find_first_not_of(" \t");
    return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

/// A column's name as people write it.
std::string name_of(std::string_view field) {
    std::string name(trimmed(field));
    std::ranges::transform(name, name.begin(), [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; });
    return name;
}

std::optional<std::size_t> whole_number(std::string_view text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// Which sentences a table has in quotation marks, and the rules of the programs that write tables.
class Quotation {
public:
    void add(std::string_view sentence, bool quoted, std::size_t line) {
        const bool needed = sentence.find_first_of("\t\n\"") != std::string_view::npos, comma = sentence.find(',') != std::string_view::npos;
        any_ = any_ || quoted;
        const auto note = [line](std::size_t& first, bool breaks) {
            if (breaks && first == 0) first = line;
        };
        note(not_all_, !quoted);
        note(not_needed_, quoted != needed);
        note(not_excel_, quoted != (needed || comma));
        note(needless_, quoted && !needed);
    }

    /// The line of a row that no one rule explains together with the others; 0 if one does.
    std::size_t contradiction() const {
        if (!any_ || not_all_ == 0 || not_needed_ == 0 || not_excel_ == 0) return 0;
        return needless_ != 0 ? needless_ : not_needed_;
    }

private:
    bool any_ = false;
    std::size_t not_all_ = 0, not_needed_ = 0, not_excel_ = 0, needless_ = 0;  // the first lines; 0: none
};

}  // namespace

LabelledTable::LabelledTable(const TextFile& file, std::size_t labels) : file_(file), labels_(labels), counts_(labels) {
    read_header();
    check_rows();
}

std::string LabelledTable::description() const {
    std::string text = report::grouped(rows_) + (rows_ == 1 ? " row" : " rows");
    for (std::size_t label = 0; label < labels_; ++label) text += ", " + report::grouped(counts_[label]) + " of label " + std::to_string(label);
    return text;
}

void LabelledTable::read_header() {
    Scanner scanner(*this);
    if (!scanner.read_fields()) return;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < scanner.field_count(); ++i) names.push_back(name_of(scanner.fields()[i].text));
    const auto label = std::ranges::find(names, "label");
    if (label == names.end()) return;
    const std::size_t line = scanner.line();
    const auto is_sentence = [](const std::string& name) { return name == "sentence" || name == "text"; };
    if (std::ranges::count(names, "label") > 1) fail(line, "has more than one column \"label\"");
    columns_ = names.size();
    label_column_ = static_cast<std::size_t>(label - names.begin());
    if (columns_ < 2) fail(line, "has no column for the sentence: a sentence, a tab and a label are expected");
    sentence_column_ = 1 - std::min<std::size_t>(label_column_, 1);
    if (columns_ > 2) {
        if (std::ranges::count_if(names, is_sentence) != 1) fail(line, "has " + std::to_string(columns_) + " columns, of which not one alone is called \"sentence\" or \"text\"");
        sentence_column_ = static_cast<std::size_t>(std::ranges::find_if(names, is_sentence) - names.begin());
    }
    has_header_ = true;
    begin_ = scanner.place();
    first_line_ = scanner.next_line();
}

void LabelledTable::check_rows() {
    Quotation quotation;
    Scanner scanner(*this);
    while (scanner.next()) {
        ++rows_;
        ++counts_[scanner.label()];
        quotation.add(scanner.sentence_field().text, scanner.sentence_field().quoted, scanner.line());
    }
    if (rows_ == 0) fail(1, "the file has no sentence");
    if (const std::size_t line = quotation.contradiction(); line != 0) {
        fail(line, "whether the quotation marks around sentences belong to them cannot be told: they stand around some without a need, and not around all");
    }
}

void LabelledTable::fail(std::size_t line, const std::string& reason) const { throw files::FileError(file_.path, "line " + std::to_string(line), reason); }

bool LabelledTable::Scanner::next() {
    while (read_fields()) {
        const auto end = fields_.begin() + static_cast<std::ptrdiff_t>(count_);
        if (std::all_of(fields_.begin(), end, [](const Field& field) { return trimmed(field.text).empty(); })) continue;
        if (count_ != table_.columns_) {
            if (count_ == 1) table_.fail(row_line_, "has no label: a sentence, a tab and a label are expected");
            const std::string found = "has " + std::to_string(count_) + " fields, not ";
            if (table_.has_header_) table_.fail(row_line_, found + "the header's " + std::to_string(table_.columns_));
            table_.fail(row_line_, found + "a sentence, a tab and a label; of more columns a first row is to name \"sentence\" and \"label\"");
        }
        read_label();
        if (sentence().empty()) table_.fail(row_line_, "has no sentence before the tab");
        return true;
    }
    return false;
}

std::string_view LabelledTable::Scanner::sentence() const { return without_trailing_blanks(sentence_field().text); }

void LabelledTable::Scanner::read_label() {
    const std::string_view field = trimmed(fields_[table_.label_column_].text);
    if (field.empty()) table_.fail(row_line_, "has no label after the tab");
    const std::optional<std::size_t> label = whole_number(field);
    if (!label || *label >= table_.labels_) {
        table_.fail(row_line_, "label \"" + std::string(field) + "\" is not a whole number from 0 to " + std::to_string(table_.labels_ - 1));
    }
    label_ = *label;
}

LabelledTable::Field& LabelledTable::Scanner::new_field() {
    if (count_ == fields_.size()) fields_.emplace_back();
    Field& field = fields_[count_++];
    field.text.clear();
    field.quoted = false;
    return field;
}

bool LabelledTable::Scanner::read_fields() {
    const std::string_view text = table_.file_.text;
    if (place_ >= text.size()) return false;
    row_line_ = line_;
    count_ = 0;
    while (true) {
        Field& field = new_field();
        if (place_ < text.size() && text[place_] == '"') {
            read_quoted(field);
        } else {
            const std::size_t end = std::min(text.find_first_of("\t\n", place_), text.size());
            field.text = text.substr(place_, end - place_);
            place_ = end;
        }
        if (place_ >= text.size()) return true;
        if (text[place_++] == '\n') {
            ++line_;
            return true;
        }
    }
}

void LabelledTable::Scanner::read_quoted(Field& field) {
    const std::string_view text = table_.file_.text;
    const auto refuse = [&](const std::string& why) {
        table_.fail(row_line_, "a field begins with a quotation mark " + why + "; in a quoted field a mark is doubled, and \"\"\" begins one that begins with a mark");
    };
    field.quoted = true;
    for (++place_;; ++place_) {
        if (place_ >= text.size()) refuse("and does not end with one");
        if (text[place_] == '\n') {
            ++line_;
            // A sentence over lines that look like rows is rather one that merely begins with a mark.
            const std::size_t tab = field.text.rfind('\t');
            if (tab != std::string::npos && whole_number(trimmed(std::string_view(field.text).substr(tab + 1)))) refuse("and goes on over what looks like the end of a row");
        }
        if (text[place_] != '"') {
            field.text += text[place_];
        } else if (place_ + 1 < text.size() && text[place_ + 1] == '"') {
            field.text += text[place_++];
        } else {
            break;
        }
    }
    ++place_;
    if (place_ < text.size() && text[place_] != '\t' && text[place_] != '\n') refuse("and goes on after the one that closes it");
}

}  // namespace finetune
