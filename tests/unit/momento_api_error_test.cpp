#include "momento/api_error.h"

#include <gtest/gtest.h>

namespace momento {
namespace {

TEST(ApiError, IsReadInBothShapes) {
    auto described = read_api_error(
        404, R"({"status":404,"title":"Key Not Found","description":"It is not there."})");
    ASSERT_TRUE(described);
    EXPECT_EQ(described->title, "Key Not Found");
    EXPECT_EQ(described->text, "It is not there.");

    auto detailed =
        read_api_error(404, R"({"status":404,"title":"Not Found","detail":"Cache not found"})");
    ASSERT_TRUE(detailed);
    EXPECT_EQ(detailed->title, "Not Found");
    EXPECT_EQ(detailed->text, "Cache not found");
}

TEST(ApiError, NeedsNoText) {
    auto error =
        read_api_error(429,
                       "\r\n"
                       R"({"more":{"news":[1]},"title":"Resources Exhausted","status":429} )");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->title, "Resources Exhausted");
    EXPECT_EQ(error->text, "");
}

TEST(ApiError, IsNothingThatSomebodyElseSays) {
    for (const char* body :
         {"", " ", "<html>404</html>", "404", "[]", "{", "{}", "null",
          R"({"message":"Not Found"})", R"({"status":404})", R"({"title":"Not Found"})",
          R"({"status":404,"title":1})", R"({"status":"404","title":"Not Found"})",
          R"({"status":500,"title":"Internal Server Error"})"}) {
        EXPECT_FALSE(read_api_error(404, body)) << body;
    }
    const std::string large(100'000, 'x');
    EXPECT_FALSE(read_api_error(404, R"({"status":404,"title":")" + large + "\"}"));
}

TEST(ApiError, IsOneShortLine) {
    auto error = read_api_error(
        400, R"({"status":400,"title":" a\nb\u0000\u001b[31mc ","description":")" +
                 std::string(511, 'x') + "\xc3\xa9\"}");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->title, "a b  [31mc");
    EXPECT_EQ(error->text, std::string(511, 'x'));
}

}  // namespace
}  // namespace momento
