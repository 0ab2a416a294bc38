#include "base/enum_table.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace momento {
namespace {

enum class Fruit { apple, pear, plum, count };

constexpr auto fruit_names = enum_table<Fruit, const char*>({
    {Fruit::apple, "apple"},
    {Fruit::pear, "pear"},
    {Fruit::plum, "plum"},
});

TEST(EnumTable, HasAnEntryForEachValue) {
    std::string list;
    for (Fruit fruit : each<Fruit>()) list += std::string(fruit_names[fruit]) + ' ';
    EXPECT_EQ(list, "apple pear plum ");
}

// What throws is no constant: a constexpr table of such rows is not compiled.
TEST(EnumTable, IsNoneWithoutARowForEachValueInOrder) {
    EXPECT_THROW(
        (enum_table<Fruit, const char*>({{Fruit::apple, "apple"}, {Fruit::pear, "pear"}})),
        std::logic_error);
    EXPECT_THROW((enum_table<Fruit, const char*>(
                     {{Fruit::apple, "apple"}, {Fruit::plum, "plum"}, {Fruit::pear, "pear"}})),
                 std::logic_error);
    EXPECT_THROW((enum_table<Fruit, const char*>(
                     {{Fruit::apple, "apple"}, {Fruit::pear, "pear"}, {Fruit::pear, "pear"}})),
                 std::logic_error);
}

}  // namespace
}  // namespace momento
