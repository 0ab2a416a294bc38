// Columns for people: each as wide as its widest cell, two blanks between.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace momento::cli {

class Table {
  public:
    using Row = std::vector<std::string>;

    explicit Table(Row heading) : rows_{std::move(heading)} {}

    void add(Row row) { rows_.push_back(std::move(row)); }  // as many cells as the heading
    void print(std::ostream& out) const;

  private:
    std::vector<Row> rows_;
};

}  // namespace momento::cli
