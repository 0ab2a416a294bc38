#include "destination/json_escape.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace momento {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    std::string portable;
    append_escaped_portable(portable, text);
    EXPECT_EQ(out, '"' + portable + '"');
    return out;
}

std::string decoded(const std::string& json_string) {
    auto json = Json::parse("[" + json_string + "]");
    return json ? std::string(json->at(0).as_string().value_or("?")) : "not JSON";
}

TEST(JsonEscape, EscapesWhatJsonRequiresAndNothingElse) {
    EXPECT_EQ(escaped("a\"b\\c/d"), R"("a\"b\\c/d")");
    EXPECT_EQ(escaped("\n\r\t\b\f"), R"("\n\r\t\u0008\u000c")");
    EXPECT_EQ(escaped(std::string_view("\0\x1f\x20\x7f", 4)), "\"\\u0000\\u001f \x7f\"");
    EXPECT_EQ(escaped("\u00e9 \u2028 \U0001F600"), "\"\u00e9 \u2028 \U0001F600\"");
    EXPECT_EQ(escaped(""), "\"\"");
}

TEST(JsonEscape, EveryByteAtEveryPlaceOfAWordDecodesToItself) {
    for (int byte = 0; byte < 0x80; ++byte) {
        for (size_t size = 1; size < 36; ++size) {
            for (size_t at = 0; at < size; ++at) {
                std::string text(size, 'x');
                text[at] = static_cast<char>(byte);
                ASSERT_EQ(decoded(escaped(text)), text) << byte << " at " << at << "/" << size;
            }
        }
    }
}

TEST(JsonEscape, BytesNextToEachOtherDoNotDisturbEachOther) {
    const std::string bytes("\x00\x01\x1f\x20\x21\"#[\\]\x7f\n~", 13);
    for (char a : bytes) {
        for (char b : bytes) {
            for (char c : bytes) {
                std::string text = std::string("..") + a + b + c + "...";
                ASSERT_EQ(decoded(escaped(text)), text);
                ASSERT_EQ(decoded(escaped(text + text + text)), text + text + text);
            }
        }
    }
}

TEST(JsonEscape, LongTextsOutgrowTheBuffer) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += i % 7 == 0 ? "\"\n\x01" : "caf\u00e9 ";
    EXPECT_EQ(decoded(escaped(text)), text);
    EXPECT_EQ(decoded(escaped(std::string(5000, '\x01'))), std::string(5000, '\x01'));
}

}  // namespace
}  // namespace momento
