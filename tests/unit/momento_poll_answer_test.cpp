#include "momento/poll_answer.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace momento {
namespace {

using MessageKind = TopicMessage::Kind;

std::string item(uint64_t number, uint64_t page, const std::string& text = "m") {
    return R"({"item":{"topic_sequence_number":)" + std::to_string(number) +
           R"(,"sequence_page":)" + std::to_string(page) + R"(,"value":{"text":")" + text +
           R"("}}})";
}

std::string gap(uint64_t last, uint64_t fresh, uint64_t page) {
    return R"({"discontinuity":{"last_topic_sequence":)" + std::to_string(last) +
           R"(,"new_topic_sequence":)" + std::to_string(fresh) + R"(,"new_sequence_page":)" +
           std::to_string(page) + "}}";
}

std::string answer(const std::vector<std::string>& entries) {
    std::string text = R"({"items":[)";
    for (const std::string& entry : entries) {
        if (text.back() != '[') text += ',';
        text += entry;
    }
    return text + "]}";
}

PollAnswer read(const std::string& body, TopicPosition asked = {}) {
    Result<PollAnswer> result = read_poll_answer(body, asked);
    EXPECT_TRUE(result) << (result ? "" : result.error().text);
    return result ? *result : PollAnswer();
}

std::vector<uint64_t> numbers(const PollAnswer& got) {
    std::vector<uint64_t> all;
    for (const TopicMessage& message : got.messages) all.push_back(message.number);
    return all;
}

using Numbers = std::vector<uint64_t>;

void expect_position(const TopicPosition& position, uint64_t page, uint64_t number) {
    EXPECT_EQ(position.page, page);
    EXPECT_EQ(position.number, number);
}

TEST(PollAnswer, ReadsTheDocumentationsFirstExample) {
    PollAnswer got = read(R"({
  "items": [
    {
      "item": {
        "sequence_page": 3,
        "topic_sequence_number": 0,
        "value": { "text": "hello world" }
      }
    }
  ]
})");
    ASSERT_EQ(got.messages.size(), 1u);
    EXPECT_EQ(got.messages[0].page, 3u);
    EXPECT_EQ(got.messages[0].number, 0u);
    EXPECT_EQ(got.messages[0].kind, MessageKind::text);
    EXPECT_EQ(got.messages[0].value, "hello world");
    expect_position(got.messages[0].after, 3, 1);
    expect_position(got.next, 3, 1);
    EXPECT_EQ(got.gaps, 0u);
}

TEST(PollAnswer, ReadsTheDocumentationsGap) {
    const std::string body = R"({
  "items": [
    {
      "discontinuity": {
        "last_topic_sequence": 100,
        "new_topic_sequence": 104,
        "new_sequence_page": 1748358253
      }
    },
    {
      "item": {
        "topic_sequence_number": 104,
        "sequence_page": 1748358253,
        "value": {
          "text": "hello world"
        }
      }
    }
  ]
})";
    PollAnswer same = read(body, {1748358253, 101});
    EXPECT_EQ(numbers(same), Numbers{104});
    EXPECT_EQ(same.missed, 3u);
    EXPECT_EQ(same.gaps, 1u);
    EXPECT_EQ(same.uncounted, 0u);
    expect_position(same.next, 1748358253, 105);

    PollAnswer another = read(body, {3, 101});
    EXPECT_EQ(numbers(another), Numbers{104});
    EXPECT_EQ(another.missed, 0u);
    EXPECT_EQ(another.gaps, 1u);
    EXPECT_EQ(another.uncounted, 1u);
}

TEST(PollAnswer, ReadsAnswersWithoutPages) {
    PollAnswer got = read(R"({"items":[{"discontinuity":{"last_topic_sequence":100,
        "new_topic_sequence":104}},{"item":{"topic_sequence_number":104,
        "value":{"text":"hello world"}}}]})",
                          {0, 100});
    EXPECT_EQ(numbers(got), Numbers{104});
    EXPECT_EQ(got.missed, 4u);
    expect_position(got.next, 0, 105);
}

TEST(PollAnswer, GoesOnAtTheMessageBehindAGapAndNotBehindIt) {
    PollAnswer cut = read(answer({gap(9, 14, 7)}), {7, 10});
    EXPECT_TRUE(cut.messages.empty());
    expect_position(cut.next, 7, 14);
    EXPECT_EQ(cut.missed, 4u);

    PollAnswer rest = read(answer({item(14, 7)}), cut.next);
    EXPECT_EQ(numbers(rest), Numbers{14});
    EXPECT_EQ(rest.gaps, 0u);
}

TEST(PollAnswer, CountsAGapOnceThoughItIsToldAgain) {
    PollAnswer got = read(answer({gap(9, 14, 7), item(14, 7)}), {7, 14});
    EXPECT_EQ(numbers(got), Numbers{14});
    EXPECT_EQ(got.gaps, 0u);
    EXPECT_EQ(got.missed, 0u);
}

TEST(PollAnswer, CountsWhatIsMissingWithoutAWord) {
    PollAnswer got =
        read(answer({item(10, 7), item(13, 7), item(14, 7), item(20, 7)}), {7, 10});
    EXPECT_EQ(numbers(got), (Numbers{10, 13, 14, 20}));
    EXPECT_EQ(got.gaps, 2u);
    EXPECT_EQ(got.missed, 7u);
    EXPECT_EQ(got.uncounted, 0u);
}

TEST(PollAnswer, LeavesOutWhatIsRepeated) {
    PollAnswer got = read(
        answer({item(8, 7), item(9, 7), item(10, 7), item(10, 7), item(11, 7), item(9, 7)}),
        {7, 10});
    EXPECT_EQ(numbers(got), (Numbers{10, 11}));
    EXPECT_EQ(got.repeated, 4u);
    EXPECT_EQ(got.gaps, 0u);
    expect_position(got.next, 7, 12);
}

TEST(PollAnswer, BeginsAnywhereWithoutAGap) {
    EXPECT_EQ(read(answer({item(42, 7)})).gaps, 0u);
    PollAnswer told = read(answer({gap(41, 42, 7), item(42, 7), item(44, 7)}));
    EXPECT_EQ(told.gaps, 1u);
    EXPECT_EQ(told.missed, 1u);
    expect_position(told.next, 7, 45);
}

TEST(PollAnswer, FollowsToAnotherPage) {
    PollAnswer got =
        read(answer({item(10, 7), gap(10, 0, 24), item(0, 24), item(1, 24)}), {7, 10});
    EXPECT_EQ(numbers(got), (Numbers{10, 0, 1}));
    EXPECT_EQ(got.gaps, 1u);
    EXPECT_EQ(got.uncounted, 1u);
    EXPECT_EQ(got.repeated, 0u);
    expect_position(got.messages[0].after, 7, 11);
    expect_position(got.messages[1].after, 24, 1);
    expect_position(got.next, 24, 2);
}

TEST(PollAnswer, FollowsToAnotherPageThatNobodyTold) {
    // Lower numbers of another page are not repeated ones; nor are those of a lower page.
    for (uint64_t page : {uint64_t{24}, uint64_t{3}}) {
        PollAnswer got = read(answer({item(5, page)}), {7, 10});
        EXPECT_EQ(numbers(got), Numbers{5});
        EXPECT_EQ(got.uncounted, 1u);
        expect_position(got.next, page, 6);
    }
}

TEST(PollAnswer, FollowsNumbersThatBeginAnew) {
    PollAnswer got = read(answer({gap(9, 0, 7), item(0, 7), item(1, 7)}), {7, 10});
    EXPECT_EQ(numbers(got), (Numbers{0, 1}));
    EXPECT_EQ(got.gaps, 1u);
    EXPECT_EQ(got.uncounted, 1u);
    EXPECT_EQ(got.missed, 0u);
}

TEST(PollAnswer, EndsBehindANoticeWithoutMessages) {
    PollAnswer got = read(answer({item(10, 7), gap(10, 0, 24)}), {7, 10});
    expect_position(got.messages.at(0).after, 7, 11);
    expect_position(got.next, 24, 0);
}

TEST(PollAnswer, KeepsTheBytesOfAMessage) {
    PollAnswer got =
        read(answer({item(0, 7, R"(\"q\" \\ \n \u0000 \ud83d\udc3f é)"), item(1, 7, "")}));
    ASSERT_EQ(got.messages.size(), 2u);
    EXPECT_EQ(got.messages[0].value,
              std::string("\"q\" \\ \n \0 \xf0\x9f\x90\xbf \xc3\xa9", 17));
    EXPECT_EQ(got.messages[1].value, "");
    EXPECT_EQ(got.messages[1].kind, MessageKind::text);
}

std::string valued(const std::string& value) {
    return answer({R"({"item":{"topic_sequence_number":0,"sequence_page":7,)" + value + "}}"});
}

TEST(PollAnswer, KeepsBytesThatAreNoText) {
    const std::string bytes("\x00\xff\xfe\n", 4);
    PollAnswer got = read(valued(R"("value":{"binary":")" + base64(bytes) + R"("})"));
    ASSERT_EQ(got.messages.size(), 1u);
    EXPECT_EQ(got.messages[0].kind, MessageKind::binary);
    EXPECT_EQ(got.messages[0].value, bytes);
}

TEST(PollAnswer, LosesNoMessageWhoseValueItDoesNotKnow) {
    for (const char* value : {R"({"number":1})", R"({"text":1})", R"({"binary":"?"})",
                              R"({"binary":[0,255]})", R"("plain")", "null", "{}"}) {
        PollAnswer got = read(valued(std::string(R"("value": )") + value));
        ASSERT_EQ(got.messages.size(), 1u) << value;
        EXPECT_EQ(got.messages[0].kind, MessageKind::other);
        EXPECT_EQ(got.messages[0].value, value);
        expect_position(got.next, 7, 1);
    }
    PollAnswer none = read(valued(R"("news":1)"));
    ASSERT_EQ(none.messages.size(), 1u);
    EXPECT_EQ(none.messages[0].kind, MessageKind::other);
    EXPECT_EQ(none.messages[0].value, "");
}

TEST(PollAnswer, PassesOverWhatItDoesNotKnow) {
    PollAnswer got = read(R"({"more":{"x":[{}]},"items":[{"heartbeat":{}},{},1,"text",null,[],
        {"item":null},{"item":{"topic_sequence_number":3,"sequence_page":7,"publisher_id":"me",
        "value":{"text":"m","more":1}},"more":1}]})",
                          {7, 3});
    EXPECT_EQ(numbers(got), Numbers{3});
    EXPECT_EQ(got.gaps, 0u);
}

TEST(PollAnswer, IsSilenceWithoutItems) {
    for (const char* body : {"", "\r\n", R"({"items":[]})"}) {
        PollAnswer got = read(body, {7, 10});
        EXPECT_TRUE(got.messages.empty());
        EXPECT_EQ(got.gaps, 0u);
        expect_position(got.next, 7, 10);
    }
}

TEST(PollAnswer, IsRefusedIfItIsNotMomentos) {
    for (const char* body :
         {"<html>", "{", "[]", "{}", "null", "1", R"({"items":{}})", R"({"items":null})",
          R"({"items":[{"item":{"value":{"text":"m"}}}]})",
          R"({"items":[{"item":{"topic_sequence_number":null,"value":{"text":"m"}}}]})",
          R"({"items":[{"item":{"topic_sequence_number":"0","value":{"text":"m"}}}]})",
          R"({"items":[{"item":{"topic_sequence_number":-1,"value":{"text":"m"}}}]})",
          R"({"items":[{"item":{"topic_sequence_number":1.5,"value":{"text":"m"}}}]})",
          R"({"items":[{"item":{"topic_sequence_number":9223372036854775808}}]})",
          R"({"items":[{"item":{"topic_sequence_number":0,"sequence_page":"a"}}]})",
          R"({"items":[{"discontinuity":{"last_topic_sequence":1,"new_sequence_page":7}}]})",
          R"({"items":[{"discontinuity":{"new_topic_sequence":-1,"new_sequence_page":7}}]})",
          "{\"items\":[{\"item\":{\"value\":{\"text\":\"\xff\"}}}]}"}) {
        Result<PollAnswer> got = read_poll_answer(body, {7, 10});
        const std::string text = got ? "" : got.error().text;
        EXPECT_EQ(text.find("the answer to a poll is not Momento's: "), 0u) << text;
    }
    EXPECT_TRUE(read_poll_answer(answer({item(9223372036854775807u, 7)}), {}));
}

TEST(PollAnswer, IsBounded) {
    std::vector<std::string> entries;
    for (uint64_t number = 0; number < 1000; ++number) {
        entries.push_back(item(number, 7, std::string(4096, 'x')));
    }
    PollAnswer got = read(answer(entries));
    EXPECT_EQ(got.messages.size(), 1000u);
    EXPECT_EQ(got.messages[999].value.size(), 4096u);
    EXPECT_FALSE(read_poll_answer(std::string(max_poll_answer_bytes + 1, 'x'), {}));
    std::string deep = R"({"items":[)";
    deep.append(100'000, '[');
    EXPECT_FALSE(read_poll_answer(deep + std::string(100'000, ']') + "]}", {}));
}

}  // namespace
}  // namespace momento
