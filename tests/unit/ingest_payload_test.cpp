#include "ingest/payload.h"

#include <cstring>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include "signature_vectors.h"

namespace momento {
namespace {

// A body as the event loop hands it over: behind it lie padding bytes that look like more
// of it, and nothing beyond them may be touched (the address sanitizer watches).
class Body {
  public:
    explicit Body(std::string_view text, char padding = '9')
        : size_(text.size()), data_(new char[text.size() + body_padding]) {
        std::memcpy(data_.get(), text.data(), text.size());
        std::memset(data_.get() + text.size(), padding, body_padding);
    }
    operator std::string_view() const { return {data_.get(), size_}; }  // NOLINT

  private:
    size_t size_;
    std::unique_ptr<char[]> data_;
};

std::string repeat(std::string_view text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
}

class PayloadTest : public testing::Test {
  protected:
    std::string refusal(std::string_view text) {
        Body body(text);
        auto payload = parser_.parse(body, limits);
        return payload ? "" : payload.error().text;
    }

    // An event with one more member.
    static std::string event_with(const std::string& member) {
        return R"({"cache":"c","topic":"t","publish_timestamp":1,)" + member + "}";
    }

    EventLimits limits{128, 1000, true, "EventBridge"};
    PayloadParser parser_;
};

TEST_F(PayloadTest, KeepsToTheLimitsOfItsDestination) {
    const std::string deep = event_with("\"n\":[[1]]");
    const std::string wide = event_with("\"n\":9223372036854775808");
    const std::string named = event_with("\"n\":1");
    limits = {};
    for (const std::string& event : {deep, wide, named}) EXPECT_EQ(refusal(event), "") << event;
    // However little it asks for, what is read is bounded.
    EXPECT_EQ(refusal(event_with("\"n\":" + repeat("[", 1'000) + repeat("]", 1'000))),
              "nested deeper than 1000 levels");

    limits = {2, 2, true, "Its"};
    EXPECT_EQ(refusal(deep), "nested deeper than 2 levels, Its's limit");
    EXPECT_EQ(refusal(wide), "an integer does not fit signed 64 bits, Its's limit");
    EXPECT_EQ(refusal(named), "cache#topic is longer than 2 characters, Its's limit");
}

TEST_F(PayloadTest, ReadsTheDocumentedSample) {
    Body body(signature_vectors()[1].body);
    auto payload = parser_.parse(body, limits);
    ASSERT_TRUE(payload) << payload.error().text;
    EXPECT_EQ(payload->cache, "chat");
    EXPECT_EQ(payload->topic, "room-281");
    EXPECT_EQ(payload->publish_timestamp, 1704296470565);
    EXPECT_EQ(payload->sequence, 1);
    EXPECT_EQ(payload->token_id, "mo-the-squirrel");
}

TEST_F(PayloadTest, ReadsEveryCapturedEventWithAnyLayout) {
    for (size_t i : {1u, 2u, 3u, 5u}) {
        EXPECT_EQ(refusal(signature_vectors()[i].body), "") << signature_vectors()[i].name;
    }
    EXPECT_EQ(
        refusal("\t{ \"topic\" : \"t\",\r\n\"publish_timestamp\" : -1 ,\"cache\":\"c\"} \n"),
        "");
}

TEST_F(PayloadTest, OptionalMembersMayBeAbsent) {
    Body body(R"({"cache":"c","topic":"t","publish_timestamp":1})");
    auto payload = parser_.parse(body, limits);
    ASSERT_TRUE(payload);
    EXPECT_EQ(payload->sequence, std::nullopt);
    EXPECT_EQ(payload->token_id, "");
}

TEST_F(PayloadTest, TokenIdIsAStringOrNull) {
    EXPECT_EQ(refusal(event_with(R"("token_id":null)")), "");
    EXPECT_EQ(refusal(event_with(R"("token_id":"")")), "");
    for (const char* value : {"1", "true", "[]", "{}"}) {
        EXPECT_EQ(refusal(event_with(std::string("\"token_id\":") + value)),
                  "\"token_id\" is not a string");
    }
}

TEST_F(PayloadTest, SequenceIsANonNegativeInteger) {
    Body body(event_with(R"("topic_sequence_number":9223372036854775807)"));
    auto payload = parser_.parse(body, limits);
    ASSERT_TRUE(payload);
    EXPECT_EQ(payload->sequence, std::numeric_limits<int64_t>::max());
    EXPECT_EQ(refusal(event_with(R"("topic_sequence_number":0)")), "");
    for (const char* value : {"-1", "null", "\"1\"", "1.0", "1e3", "true"}) {
        EXPECT_EQ(refusal(event_with(std::string("\"topic_sequence_number\":") + value)),
                  "\"topic_sequence_number\" is not a non-negative integer")
            << value;
    }
}

TEST_F(PayloadTest, RequiredMembersMustBeThereWithTheirType) {
    EXPECT_EQ(refusal(R"({"topic":"t","publish_timestamp":1})"), "\"cache\" is missing");
    EXPECT_EQ(refusal(R"({"cache":"c","publish_timestamp":1})"), "\"topic\" is missing");
    EXPECT_EQ(refusal(R"({"cache":"c","topic":"t"})"), "\"publish_timestamp\" is missing");
    EXPECT_EQ(refusal("{}"), "\"cache\" is missing");

    EXPECT_EQ(refusal(R"({"cache":1,"topic":"t","publish_timestamp":1})"),
              "\"cache\" is not a string");
    EXPECT_EQ(refusal(R"({"cache":"c","topic":null,"publish_timestamp":1})"),
              "\"topic\" is not a string");
    EXPECT_EQ(refusal(R"({"cache":"","topic":"t","publish_timestamp":1})"),
              "\"cache\" is empty");
    EXPECT_EQ(refusal(R"({"cache":"c","topic":"","publish_timestamp":1})"),
              "\"topic\" is empty");
    for (const char* value : {"1.0", "1e12", "\"1\"", "null", "true", "[1]"}) {
        EXPECT_EQ(refusal(R"({"cache":"c","topic":"t","publish_timestamp":)" +
                          std::string(value) + "}"),
                  "\"publish_timestamp\" is not an integer")
            << value;
    }
}

TEST_F(PayloadTest, MembersOfNestedObjectsDoNotCount) {
    EXPECT_EQ(refusal(R"({"o":{"cache":"c"},"topic":"t","publish_timestamp":1})"),
              "\"cache\" is missing");
    EXPECT_EQ(refusal(event_with(R"("o":{"cache":1,"cache":2},"a":[{"topic":3}])")), "");
}

TEST_F(PayloadTest, NoMemberThatIsReadMayAppearTwice) {
    EXPECT_EQ(refusal(event_with(R"("cache":"c")")), "\"cache\" appears twice");
    EXPECT_EQ(refusal(event_with(R"("topic":"other")")), "\"topic\" appears twice");
    EXPECT_EQ(refusal(event_with(R"("publish_timestamp":1)")),
              "\"publish_timestamp\" appears twice");
    EXPECT_EQ(refusal(event_with(R"("topic_sequence_number":1,"topic_sequence_number":1)")),
              "\"topic_sequence_number\" appears twice");
    EXPECT_EQ(refusal(event_with(R"("token_id":"a","token_id":null)")),
              "\"token_id\" appears twice");
    EXPECT_EQ(refusal(event_with(R"("text":"a","text":"b")")), "");
}

TEST_F(PayloadTest, EscapedMemberNamesCount) {
    EXPECT_EQ(refusal(event_with(R"("cach\u0065":"x")")), "\"cache\" appears twice");
    Body body(R"({"\u0063ache":"c","topic":"t\u00e9\n","publish_timestam\u0070":7})");
    auto payload = parser_.parse(body, limits);
    ASSERT_TRUE(payload) << payload.error().text;
    EXPECT_EQ(payload->cache, "c");
    EXPECT_EQ(payload->topic, "t\303\251\n");
    EXPECT_EQ(payload->publish_timestamp, 7);
}

TEST_F(PayloadTest, IntegersAnywhereFitSignedSixtyFourBits) {
    const std::string beyond_signed =
        "an integer does not fit signed 64 bits, EventBridge's limit";
    const std::string beyond_all = "a number is invalid or does not fit 64 bits";
    struct {
        const char* number;
        std::string refusal;
    } cases[] = {
        {"9223372036854775807", ""},
        {"-9223372036854775808", ""},
        {"9223372036854775808", beyond_signed},
        {"18446744073709551615", beyond_signed},
        {"18446744073709551616", beyond_all},
        {"-9223372036854775809", beyond_all},
        {"100000000000000000000000000000", beyond_all},
        {"9223372036854775808.0", ""},
        {"1e300", ""},
        {"1e400", beyond_all},
    };
    for (const auto& test : cases) {
        std::string number = test.number;
        EXPECT_EQ(refusal(event_with("\"n\":" + number)), test.refusal) << number;
        EXPECT_EQ(refusal(event_with("\"a\":[1,[{\"n\":[true," + number + "]}]]")),
                  test.refusal)
            << number;
        EXPECT_EQ(refusal(event_with("\"text\":\"" + number + "\"")), "") << number;
    }
    EXPECT_EQ(refusal(R"({"cache":"c","topic":"t","publish_timestamp":9223372036854775808})"),
              beyond_signed);
}

TEST_F(PayloadTest, DetailTypeHoldsOneHundredAndTwentyEightCharacters) {
    auto event = [](const std::string& cache, const std::string& topic) {
        return R"({"cache":")" + cache + R"(","topic":")" + topic +
               R"(","publish_timestamp":1})";
    };
    const std::string too_long =
        "cache#topic is longer than 128 characters, EventBridge's limit";
    EXPECT_EQ(refusal(event(std::string(63, 'c'), std::string(64, 't'))), "");
    EXPECT_EQ(refusal(event(std::string(64, 'c'), std::string(64, 't'))), too_long);
    EXPECT_EQ(refusal(event("c", std::string(127, 't'))), too_long);
    // Characters, not bytes, and not as they were escaped.
    EXPECT_EQ(refusal(event(repeat("\360\237\220\277", 63), repeat("\303\251", 64))), "");
    EXPECT_EQ(refusal(event(repeat("\360\237\220\277", 64), repeat("\303\251", 64))), too_long);
    EXPECT_EQ(refusal(event(repeat("\\u00e9", 63), repeat("\\ud83d\\udc3f", 64))), "");
}

TEST_F(PayloadTest, NestsUpToAThousandLevels) {
    const std::string too_deep = "nested deeper than 1000 levels, EventBridge's limit";
    auto nested = [](size_t levels, const char* open, const char* inside, const char* close) {
        // The event itself is the first level.
        return event_with("\"n\":" + repeat(open, levels - 1) + inside +
                          repeat(close, levels - 1));
    };
    for (const char* inside : {"", "1"}) {
        EXPECT_EQ(refusal(nested(1'000, "[", inside, "]")), "") << inside;
        EXPECT_EQ(refusal(nested(1'001, "[", inside, "]")), too_deep) << inside;
    }
    EXPECT_EQ(refusal(nested(1'000, "{\"o\":", "1", "}")), "");
    EXPECT_EQ(refusal(nested(1'001, "{\"o\":", "1", "}")), too_deep);
    EXPECT_EQ(refusal(nested(1'001, "{\"o\":", "{}", "}")), too_deep);
    EXPECT_NE(refusal(std::string(200'000, '[')), "");
    EXPECT_EQ(refusal(event_with("\"n\":" + repeat("[", 100'000) + repeat("]", 100'000))),
              too_deep);
}

TEST_F(PayloadTest, WideIsNotDeep) {
    EXPECT_EQ(refusal(event_with("\"a\":[[]" + repeat(",[],{}", 50'000) + "]")), "");
}

TEST_F(PayloadTest, RefusesWhatIsNoJsonObject) {
    EXPECT_EQ(refusal(""), "the body is empty");
    EXPECT_EQ(refusal(" \n"), "the body is empty");
    EXPECT_EQ(refusal("[]"), "not a JSON object");
    EXPECT_EQ(refusal("\"text\""), "not a JSON object");
    EXPECT_EQ(refusal("null"), "not a JSON object");
    EXPECT_EQ(refusal("1"), "not a JSON object");
    EXPECT_EQ(refusal("cache=c&topic=t"), "not valid JSON");
    EXPECT_EQ(refusal("{\"cache\":\"c\""), "not valid JSON");
    EXPECT_EQ(refusal(event_with("\"a\":[1,]")), "not valid JSON");
    EXPECT_EQ(refusal(event_with("\"a\":'b'")), "not valid JSON");
    EXPECT_EQ(refusal(event_with("\"a\":\"line\nbreak\"")), "not valid JSON");
    EXPECT_EQ(refusal(event_with("\"a\":NaN")), "not valid JSON");
    EXPECT_EQ(refusal(event_with("\"a\":01")), "a number is invalid or does not fit 64 bits");
}

TEST_F(PayloadTest, RefusesWhatFollowsTheObject) {
    std::string event = event_with("\"a\":1");
    EXPECT_EQ(refusal(event + "{}"), "not valid JSON");
    EXPECT_EQ(refusal(event + ","), "not valid JSON");
    EXPECT_EQ(refusal(event + std::string(1, '\0')), "not valid JSON");
}

TEST_F(PayloadTest, RefusesWhatIsNotUtf8) {
    EXPECT_EQ(refusal(event_with("\"a\":\"\xff\"")), "the body is not UTF-8");
    EXPECT_EQ(refusal(event_with("\"a\":\"\xc0\xaf\"")), "the body is not UTF-8");  // overlong
    EXPECT_EQ(refusal(event_with("\"a\":\"\xed\xa0\x80\"")),
              "the body is not UTF-8");  // surrogate
    EXPECT_EQ(refusal(event_with("\"a\":\"\xf4\x90\x80\x80\"")), "the body is not UTF-8");
    EXPECT_EQ(refusal("\xef\xbb\xbf" + event_with("\"a\":1")), "begins with a byte order mark");
    EXPECT_EQ(refusal(event_with(R"("a":"\ud800")")), "a string holds an invalid escape");
    EXPECT_EQ(refusal(event_with(R"("a":"\udc00")")), "a string holds an invalid escape");
}

TEST_F(PayloadTest, NeverReadsMeaningIntoThePadding) {
    std::string text = R"({"cache":"c","topic":"t","publish_timestamp":1)";
    for (char padding : {'}', '"', '9', '\0', ' '}) {
        EXPECT_FALSE(parser_.parse(Body(text, padding), limits)) << padding;
        EXPECT_TRUE(parser_.parse(Body(text + "}", padding), limits)) << padding;
    }
}

TEST_F(PayloadTest, ALargeBodyIsFollowedByASmallOne) {
    std::string large = event_with("\"text\":\"" + std::string(1'000'000, 'x') + "\"");
    EXPECT_EQ(refusal(large), "");
    EXPECT_EQ(refusal(event_with("\"text\":\"x\"")), "");
    EXPECT_EQ(refusal("{"), "not valid JSON");
    EXPECT_EQ(refusal(large), "");
}

TEST_F(PayloadTest, RefusalsNeverQuoteTheBody) {
    for (const char* text :
         {"{\"hunter2", "hunter2", R"({"cache":"hunter2"})",
          R"({"cache":"hunter2","topic":"hunter2","publish_timestamp":"hunter2"})"}) {
        EXPECT_NE(refusal(text), "");
        EXPECT_EQ(refusal(text).find("hunter2"), std::string::npos);
    }
}

TEST_F(PayloadTest, PeekSeesTheTwoNamesOnly) {
    Body body(signature_vectors()[1].body);
    auto seen = parser_.peek(body);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->cache, "chat");
    EXPECT_EQ(seen->topic, "room-281");
    EXPECT_EQ(seen->publish_timestamp, 0);
    EXPECT_EQ(seen->sequence, std::nullopt);
    EXPECT_EQ(seen->token_id, "");
}

TEST_F(PayloadTest, PeekFindsTheNamesOfAnEventThatWillBeRefused) {
    // So that it is refused as malformed, not as forged.
    for (const char* text : {R"({"cache":"c","topic":"t"})",
                             R"({"cache":"c","topic":"t","publish_timestamp":"soon"})",
                             R"({"cache":"c","topic":"t","n":[9223372036854775808]})"}) {
        Body body(text);
        auto seen = parser_.peek(body);
        ASSERT_TRUE(seen) << text;
        EXPECT_EQ(seen->cache, "c");
        EXPECT_EQ(seen->topic, "t");
        EXPECT_FALSE(parser_.parse(body, limits));
    }
}

TEST_F(PayloadTest, PeekSeesNothingInWhatIsAmbiguousOrUnreadable) {
    for (const char* text :
         {"", "{", "[]", "{}", R"({"cache":"c"})", R"({"cache":"c","topic":1})",
          R"({"cache":"","topic":"t"})", R"({"cache":"c","topic":"t","cache":"d"})",
          R"({"cache":"c","topic":"t","cach\u0065":"d"})",
          "\xef\xbb\xbf{\"cache\":\"c\",\"topic\":\"t\"}"}) {
        Body body(text);
        EXPECT_FALSE(parser_.peek(body)) << text;
    }
}

}  // namespace
}  // namespace momento
