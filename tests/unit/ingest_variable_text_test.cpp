// What an event says, as variables tell it.
#include "ingest/variable_text.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/hex.h"

namespace momento {
namespace {

TEST(VariableText, EscapesControlCharactersAndThePercentSignAndNothingElse) {
    std::set<std::string> seen;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        const bool is_escaped = byte < 0x20 || byte == 0x7f || byte == '%';
        const std::string shown = variable_text(text);
        EXPECT_EQ(is_variable_text(text), !is_escaped) << byte;
        if (is_escaped) {
            std::string upper = "%" + to_hex(text);
            for (char& c : upper) c = static_cast<char>(std::toupper(c));
            EXPECT_EQ(shown, upper);
        } else {
            EXPECT_EQ(shown, text) << byte;
        }
        EXPECT_TRUE(seen.insert(shown).second) << "two bytes look alike: " << shown;
    }
}

TEST(VariableText, TellsTextsApartThatLookEscapedAlready) {
    EXPECT_EQ(variable_text("50%"), "50%25");
    EXPECT_EQ(variable_text("a%0Db"), "a%250Db");
    EXPECT_EQ(variable_text("a\rb"), "a%0Db");
    EXPECT_EQ(variable_text(""), "");
    EXPECT_TRUE(is_variable_text("chat room \"\xc3\xa9\"\\"));
}

}  // namespace
}  // namespace momento
