#include "base/hex.h"

#include <gtest/gtest.h>

#include <string>

namespace momento {
namespace {

TEST(Hex, HasTwoLowerCaseDigitsAByte) {
    EXPECT_EQ(to_hex(""), "");
    EXPECT_EQ(to_hex(std::string("\0\x09\x7f\x80\xff", 5)), "00097f80ff");
    EXPECT_EQ(to_hex(std::array<uint8_t, 3>{0xAB, 0x01, 0xF0}), "ab01f0");
}

TEST(Hex, AppendsEveryByteAsToHexHasIt) {
    std::array<uint8_t, 256> bytes;
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
    std::string text = "0x";
    append_hex(text, bytes);
    EXPECT_EQ(text, "0x" + to_hex(bytes));
}

TEST(Hex, KnowsTheValueOfLowerCaseDigitsOnly) {
    for (int c = 0; c < 256; ++c) {
        const size_t digit = std::string("0123456789abcdef").find(static_cast<char>(c));
        const int value = digit == std::string::npos ? -1 : static_cast<int>(digit);
        EXPECT_EQ(hex_value(static_cast<char>(c)), value) << c;
    }
}

}  // namespace
}  // namespace momento
