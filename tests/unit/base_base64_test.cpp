#include "base/base64.h"

#include <gtest/gtest.h>

namespace momento {
namespace {

std::string every_byte() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
}

TEST(Base64, IsReadAsItWasWritten) {
    const std::string all = every_byte();
    for (size_t length = 0; length <= all.size(); ++length) {
        const std::string bytes = all.substr(all.size() - length);
        EXPECT_EQ(from_base64(base64(bytes)), bytes);
    }
}

TEST(Base64, IsReadInEitherAlphabetWithPaddingOrWithout) {
    // RFC 4648, 10; the last ones are "?>".
    EXPECT_EQ(from_base64("Zm9vYg=="), "foob");
    EXPECT_EQ(from_base64("Zm9vYg"), "foob");
    EXPECT_EQ(from_base64("Zm9vYmE="), "fooba");
    EXPECT_EQ(from_base64("Pz4+Pz8/"), "?>>???");
    EXPECT_EQ(from_base64("Pz4-Pz8_"), "?>>???");
    EXPECT_EQ(from_base64(""), "");
}

TEST(Base64, IsNothingElse) {
    for (const char* text : {"Z", "Zm9vY", "Zm9vYg=", "Zm9v====", "=", "====", "Zm9vYg==Zm9v",
                             "Zm9v Yg=", "Zm9v\n", "Zm9vY\xc3\xa9", "Zm9v.Yg", "Z\"=="}) {
        EXPECT_EQ(from_base64(text), std::nullopt) << text;
    }
    EXPECT_EQ(from_base64(std::string_view("Zm9\0", 4)), std::nullopt);
}

}  // namespace
}  // namespace momento
