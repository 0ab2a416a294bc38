// Tables with one entry for each value of an enum, told apart by the compiler from those that
// lack one: an enum that is counted ends in `count`, which is no value of it.
//
// Pure; any thread. Zero-filled memory is a table of zeros, so one may be in shared memory.
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>

namespace momento {

template <class Enum>
inline constexpr size_t enum_count = static_cast<size_t>(Enum::count);

// All values, in order: for (Verdict verdict : each<Verdict>()).
template <class Enum>
constexpr std::array<Enum, enum_count<Enum>> each() {
    std::array<Enum, enum_count<Enum>> values{};
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Enum>(i);
    return values;
}

template <class Enum, class Value>
struct EnumTable {
    std::array<Value, enum_count<Enum>> values;

    constexpr Value& operator[](Enum key) { return values[static_cast<size_t>(key)]; }
    constexpr const Value& operator[](Enum key) const {
        return values[static_cast<size_t>(key)];
    }
};

template <class Enum, class Value>
struct EnumRow {
    Enum key;
    Value value;
};

// A table of these rows: one for each value, in the order of the enum. For constants: where
// that does not hold a constexpr variable is not compiled, anything else throws.
template <class Enum, class Value, size_t rows>
constexpr EnumTable<Enum, Value> enum_table(const EnumRow<Enum, Value> (&row)[rows]) {
    if (rows != enum_count<Enum>) throw std::logic_error("a value has no row, or two");
    EnumTable<Enum, Value> table{};
    for (size_t i = 0; i < rows; ++i) {
        if (row[i].key != static_cast<Enum>(i)) throw std::logic_error("rows out of order");
        table.values[i] = row[i].value;
    }
    return table;
}

}  // namespace momento
