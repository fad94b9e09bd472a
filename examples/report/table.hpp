#pragma once

#include <string>
#include <vector>

namespace report {

/// Lines of text with columns of even width: the first is aligned left, the others right.
class Table {
public:
    Table() = default;
    explicit Table(std::vector<std::string> heads) { rows_.push_back(std::move(heads)), headed_ = true; }

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

    /// Every line begins with two spaces and ends with a line feed; a rule stands under the heads.
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
    bool headed_ = false;
};

}  // namespace report
