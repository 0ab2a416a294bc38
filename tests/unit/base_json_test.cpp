#include "base/json.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace momento {
namespace {

TEST(Json, ReadsMembersOfEveryType) {
    auto json = Json::parse(
        R"({"s":"a\u0000b","i":-7,"r":1.5,"t":true,"n":null,"a":[1,"x"],"o":{"k":"v"}})");
    ASSERT_TRUE(json);
    EXPECT_EQ(json->get("s").as_string(), std::string_view("a\0b", 3));
    EXPECT_EQ(json->get("i").as_integer(), -7);
    EXPECT_EQ(json->get("i").as_real(), -7.0);
    EXPECT_EQ(json->get("r").as_real(), 1.5);
    EXPECT_EQ(json->get("t").as_boolean(), true);
    EXPECT_TRUE(json->get("n").is_null());
    EXPECT_EQ(json->get("a").size(), 2u);
    EXPECT_EQ(json->get("a").at(1).as_string(), "x");
    EXPECT_EQ(json->get("o").get("k").as_string(), "v");
    EXPECT_EQ(json->size(), 7u);
}

TEST(Json, WhatIsNotThereIsAbsentAllTheWayDown) {
    auto json = Json::parse(R"({"s":"text","a":[]})");
    ASSERT_TRUE(json);
    EXPECT_FALSE(json->get("missing").get("deeper").at(3));
    EXPECT_FALSE(json->get("a").at(0));
    EXPECT_FALSE(json->get("s").get("member of a string"));
    EXPECT_FALSE(json->get("s").as_integer());
    EXPECT_FALSE(json->get("a").as_string());
    EXPECT_FALSE(json->get("missing").as_boolean());
    EXPECT_EQ(json->get("s").size(), 0u);
    EXPECT_FALSE(Json().is_object());
    EXPECT_EQ(Json().dump(), "");
}

TEST(Json, ErrorsDoNotQuoteTheText) {
    for (const char* text : {"", "hunter2", R"({"hunter2)", R"({"a":1} hunter2)", "\"hunter2\"",
                             "{\"a\":\"hunter2\xff\"}"}) {
        auto json = Json::parse(text);
        ASSERT_FALSE(json) << text;
        EXPECT_EQ(json.error().text.find("hunter2"), std::string::npos) << json.error().text;
    }
}

TEST(Json, BuildsWhatItParses) {
    Json json = Json::object();
    json.set("s", Json::string("a\"b\n"))
        .set("i", Json::integer(std::numeric_limits<int64_t>::min()))
        .set("absent", Json())
        .set("b", Json::boolean(false))
        .set("n", Json::null())
        .set("a", Json::array().append(Json::object()).append(Json()).append(Json::real(0.5)));
    const char* text =
        R"({"s":"a\"b\n","i":-9223372036854775808,"b":false,"n":null,"a":[{},0.5]})";
    EXPECT_EQ(json.dump(), text);
    EXPECT_EQ(Json::parse(text)->dump(), text);
}

TEST(Json, WritesOnlyWhatJsonCanHold) {
    EXPECT_EQ(Json::array().append(Json::string("caf\xe9 \x01")).dump(), R"(["caf? \u0001"])");
    EXPECT_EQ(Json::array().append(Json::string("caf\xc3\xa9")).dump(), "[\"caf\xc3\xa9\"]");
    EXPECT_EQ(Json::array().append(Json::real(51.222)).dump(), "[51.222]");
    EXPECT_TRUE(Json::real(NAN).is_null());
    EXPECT_TRUE(Json::real(INFINITY).is_null());
}

TEST(Json, CopiesShareTheValue) {
    Json part;
    {
        auto json = Json::parse(R"({"o":{"k":"v"}})");
        part = json->get("o");
    }
    Json copy = part;
    part = Json();
    EXPECT_EQ(copy.get("k").as_string(), "v");
}

}  // namespace
}  // namespace momento
