#include "table.hpp"

#include <algorithm>
#include <cstddef>

namespace report {

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t column = 0; column < row.size(); ++column) widths[column] = std::max(widths[column], row[column].size());
    }
    std::string text;
    for (std::size_t index = 0; index < rows_.size(); ++index) {
        std::string line = " ";
        for (std::size_t column = 0; column < rows_[index].size(); ++column) {
            const std::string& cell = rows_[index][column];
            const std::string padding(widths[column] - cell.size(), ' ');
            line += (column == 0 ? " " : "   ") + (column == 0 ? cell + padding : padding + cell);
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        if (index == 0 && headed_) {
            std::size_t width = 3 * (widths.size() - 1);
            for (const std::size_t column : widths) width += column;
            text += "  " + std::string(width, '-') + "\n";
        }
    }
    return text;
}

}  // namespace report
