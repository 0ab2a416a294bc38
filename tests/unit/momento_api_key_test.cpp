#include "momento/api_key.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/base64.h"

namespace momento {
namespace {

using KeyKind = ApiKey::Kind;

// A token of this shape; its signature is of no interest here.
std::string token(const std::string& claims) {
    std::string text = base64(R"({"alg":"HS256"})") + "." + base64(claims) + ".c2lnbmF0dXJl";
    text.erase(std::remove(text.begin(), text.end(), '='), text.end());
    return text;
}

std::string v1(const std::string& endpoint, const std::string& inner) {
    return base64(R"({"endpoint":")" + endpoint + R"(","api_key":")" + inner + R"("})");
}

ApiKey parse(const std::string& text) {
    Result<ApiKey> key = parse_api_key(text);
    EXPECT_TRUE(key) << (key ? "" : key.error().text);
    return key ? *key : ApiKey();
}

std::string refusal(std::string_view text) {
    Result<ApiKey> key = parse_api_key(text);
    return key ? "" : key.error().text;
}

TEST(ApiKey, OfTheFirstKindTellsWhereItLeads) {
    const std::string text = v1("cell-4-us-west-2-1.prod.a.momentohq.com",
                                token(R"({"sub":"me","exp":1795000000})"));
    ApiKey key = parse(text);
    EXPECT_EQ(key.kind, KeyKind::v1);
    EXPECT_EQ(key.text, text);
    EXPECT_EQ(key.endpoint, "https://api.cache.cell-4-us-west-2-1.prod.a.momentohq.com");
    EXPECT_EQ(key.expires_s, 1795000000);
}

TEST(ApiKey, OfTheFirstKindMayHaveAPortAndAnyToken) {
    ApiKey key = parse(v1("localhost:8089", "not-a-token"));
    EXPECT_EQ(key.endpoint, "https://api.cache.localhost:8089");
    EXPECT_EQ(key.expires_s, std::nullopt);
}

TEST(ApiKey, OfTheFirstKindIsReadWithoutPaddingToo) {
    std::string text = v1("a.example", "b");
    while (text.back() == '=') text.pop_back();
    EXPECT_EQ(parse(text).kind, KeyKind::v1);
    EXPECT_EQ(parse(text).text, text);
}

TEST(ApiKey, OfTheSecondKindDoesNotTellWhereItLeads) {
    const std::string text = token(R"({"t":"g","id":"x"})");
    ApiKey key = parse(text);
    EXPECT_EQ(key.kind, KeyKind::v2);
    EXPECT_EQ(key.text, text);
    EXPECT_EQ(key.endpoint, "");
    EXPECT_EQ(key.expires_s, std::nullopt);
    EXPECT_EQ(parse(token(R"({"t":"g","exp":1795000000.9})")).expires_s, 1795000000);
}

TEST(ApiKey, OfAnotherKindIsLeftToMomento) {
    for (const char* text : {"some-key", "a.b.c", "a.b", "Zm9v", "mk_123/456+789=="}) {
        ApiKey key = parse(text);
        EXPECT_EQ(key.kind, KeyKind::other) << text;
        EXPECT_EQ(key.text, text);
        EXPECT_EQ(key.endpoint, "");
    }
    for (const char* claims : {R"({"exp":"soon"})", R"({"exp":-1.5})", R"({"exp":1e300})"}) {
        EXPECT_EQ(parse(token(claims)).expires_s, std::nullopt) << claims;
    }
}

TEST(ApiKey, LosesTheBlanksAroundIt) {
    EXPECT_EQ(parse(" \t some-key\r\n\n").text, "some-key");
}

TEST(ApiKey, IsRefusedIfItCannotBeOne) {
    EXPECT_EQ(refusal(""), "the API key is empty");
    EXPECT_EQ(refusal(" \n"), "the API key is empty");
    EXPECT_NE(refusal("Bearer some-key").find("without \"Bearer\""), std::string::npos);
    EXPECT_NE(refusal("some\nkey").find("a control character or a line end"),
              std::string::npos);
    EXPECT_NE(refusal(std::string_view("some\0key", 8)).find("not ASCII"), std::string::npos);
    EXPECT_NE(refusal("some\x7fkey").find("not ASCII"), std::string::npos);
    EXPECT_NE(refusal("s\xc3\xb6me").find("not ASCII"), std::string::npos);
    EXPECT_NE(refusal("\"some-key\"").find("without quotes"), std::string::npos);
    EXPECT_NE(refusal("MOMENTO_API_KEY=some").find("without a name"), std::string::npos);
    EXPECT_NE(refusal(R"({"api_key":"x"})").find("#member"), std::string::npos);
    EXPECT_EQ(refusal(std::string(max_api_key_bytes, 'k')), "");
    EXPECT_NE(refusal(std::string(max_api_key_bytes + 1, 'k')), "");
}

TEST(ApiKey, OfTheFirstKindIsRefusedIfAPartOfItIsMissing) {
    for (const char* document :
         {R"({})", R"({"endpoint":"a.example"})", R"({"api_key":"b"})",
          R"({"endpoint":"","api_key":"b"})", R"({"endpoint":"a.example","api_key":""})",
          R"({"endpoint":1,"api_key":"b"})"}) {
        EXPECT_NE(refusal(base64(document)).find("copy it whole"), std::string::npos)
            << document;
    }
}

TEST(ApiKey, LeadsToNothingButAHost) {
    for (const char* endpoint :
         {"a.example/path", "a.example/", "a.example?x", "user@a.example", "a example",
          "a.example:0", "a.example:x", "a#b"}) {
        EXPECT_EQ(refusal(v1(endpoint, "b")), "the API key names an endpoint that is no host")
            << endpoint;
    }
}

TEST(ApiKey, IsQuotedByNoError) {
    for (const std::string& text :
         {std::string("s3cr3t key"), std::string("\"s3cr3t\""), std::string("NAME=s3cr3t"),
          v1("s3cr3t/", "s3cr3t"), base64(R"({"api_key":"s3cr3t"})")}) {
        EXPECT_NE(refusal(text), "");
        EXPECT_EQ(refusal(text).find("s3cr3t"), std::string::npos) << refusal(text);
    }
}

}  // namespace
}  // namespace momento
