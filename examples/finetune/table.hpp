#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text_file.hpp"

namespace finetune {

/// Sentences with labels, a table whose columns tabs part: as one writes it by hand, as spreadsheets do and as pandas does.
///
/// Without a header it has two columns, the sentence and the label. With one, a first row in which a column is called "label", the sentence is the other of
/// two columns or, of more, that called "sentence" or "text". A field in quotation marks may hold tabs, line feeds and doubled marks; whether marks around a
/// sentence are quotation must follow from all of them: they stand around all sentences, or around those that need them (and those with a comma, as Excel has it).
class LabelledTable {
public:
    /// Reads all of it. `labels`: how many there are, 0 to labels - 1. The file must outlive this. Throws files::FileError naming the file and the line.
    LabelledTable(const TextFile& file, std::size_t labels);

    std::size_t rows() const { return rows_; }
    /// "40 rows, 20 of label 0, 20 of label 1".
    std::string description() const;

    /// visit(sentence, label) of each row in turn, until it returns false.
    template <class Visit>
    void each(Visit visit) const {
        Scanner scanner(*this);
        while (scanner.next()) {
            if (!visit(scanner.sentence(), scanner.label())) return;
        }
    }

private:
    struct Field {
        std::string text;
        bool quoted = false;
    };

    /// Goes from row to row.
    class Scanner {
    public:
        explicit Scanner(const LabelledTable& table) : table_(table), place_(table.begin_), line_(table.first_line_) {}

        /// To the next row that is not blank.
        bool next();
        std::string_view sentence() const;
        std::size_t label() const { return label_; }
        std::size_t line() const { return row_line_; }
        const Field& sentence_field() const { return fields_[table_.sentence_column_]; }
        bool read_fields();
        const std::vector<Field>& fields() const { return fields_; }
        std::size_t field_count() const { return count_; }
        std::size_t place() const { return place_; }
        std::size_t next_line() const { return line_; }

    private:
        Field& new_field();
        void read_quoted(Field& field);
        void read_label();

        const LabelledTable& table_;
        std::size_t place_;
        std::size_t line_;  // of the place
        std::size_t row_line_ = 0;
        std::vector<Field> fields_;  // the first `count_` are of the row
        std::size_t count_ = 0;
        std::size_t label_ = 0;
    };

    void read_header();
    void check_rows();
    [[noreturn]] void fail(std::size_t line, const std::string& reason) const;

    const TextFile& file_;
    std::size_t labels_;
    std::size_t begin_ = 0;  // of the first row
    std::size_t first_line_ = 1;
    std::size_t columns_ = 2, sentence_column_ = 0, label_column_ = 1;
    bool has_header_ = false;
    std::size_t rows_ = 0;
    std::vector<std::size_t> counts_;
};

}  // namespace finetune
