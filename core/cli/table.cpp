#include "cli/table.h"

#include <algorithm>
#include <ostream>

#include "cli/console.h"

namespace momento::cli {

void Table::print(std::ostream& out) const {
    std::vector<size_t> widths(rows_.front().size());
    for (const Row& row : rows_) {
        for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const Row& row : rows_) {
        for (size_t i = 0; i < row.size(); i++) {
            bool is_last = i + 1 == row.size();
            out << printable(row[i]);
            out << (is_last ? "\n" : std::string(widths[i] - row[i].size() + 2, ' '));
        }
    }
}

}  // namespace momento::cli
