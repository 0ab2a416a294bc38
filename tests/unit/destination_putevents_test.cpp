#include "destination/putevents.h"

#include <gtest/gtest.h>

#include <new>
#include <thread>

#include "base/json.h"
#include "scarce_memory.h"

namespace momento {
namespace {

using Kind = EntryVerdict::Kind;

Record event(std::string_view body) {
    Record record;
    record.cache = "chat";
    record.topic = "room-1";
    record.accepted_ms = 1'700'000'000'123;
    record.body = body;
    return record;
}

Json encode(const Record& record, const PutEventsEncoder& encoder = {"Momento", "default"}) {
    auto json = Json::parse(encoder.encode({&record}));
    return json ? json->get("Entries").at(0) : Json();
}

HttpResult answer(int status, std::string body) {
    HttpResult http;
    http.response.status = status;
    http.response.body = std::move(body);
    http.response.headers = {{"x-amzn-requestid", "8d7c-42"}};
    return http;
}

std::vector<Kind> kinds(const BatchResult& result) {
    std::vector<Kind> kinds;
    for (const auto& verdict : result.entries) kinds.push_back(verdict.kind);
    return kinds;
}

TEST(PutEventsEncoder, WritesTheDocumentedEntry) {
    Record record = event(R"({"text":"hi"})");
    PutEventsEncoder encoder("Momento", "default");
    EXPECT_EQ(
        encoder.encode({&record}),
        R"({"Entries":[{"Source":"Momento","DetailType":"chat#room-1",)"
        R"("Detail":"{\"text\":\"hi\"}","EventBusName":"default","Time":1700000000.123}]})");
}

TEST(PutEventsEncoder, DetailDecodesToTheBodyByteForByte) {
    std::string body =
        "{ \"a\" : \"q\\\"\\\\\\u0000 caf\u00e9 \U0001F600 \u2028\" ,\r\n\t\"b\":1e2 }";
    EXPECT_EQ(encode(event(body)).get("Detail").as_string(), body);
    for (char c = 0; c < 0x20; ++c) {
        std::string raw = std::string("{\"x\":\"") + c + "\"}";
        EXPECT_EQ(encode(event(raw)).get("Detail").as_string(), raw) << int{c};
    }
}

TEST(PutEventsEncoder, NamesAreEscapedToo) {
    Record record = event("{}");
    record.cache = "a\"b";
    record.topic = "c\\d\n";
    Json entry = encode(record, {"So\"urce", "bus"});
    EXPECT_EQ(entry.get("DetailType").as_string(), "a\"b#c\\d\n");
    EXPECT_EQ(entry.get("Source").as_string(), "So\"urce");
}

TEST(PutEventsEncoder, TimeHasThreeDecimals) {
    Record record = event("{}");
    for (auto [ms, text] :
         {std::pair<int64_t, const char*>{1'700'000'000'000, "1700000000.000"},
          {1'700'000'000'007, "1700000000.007"},
          {999, "0.999"}}) {
        record.accepted_ms = ms;
        std::string body = PutEventsEncoder("s", "b").encode({&record});
        EXPECT_NE(body.find(std::string("\"Time\":") + text + "}"), std::string::npos) << body;
    }
}

TEST(PutEventsEncoder, TraceHeaderOnlyIfThereIsOne) {
    Record record = event("{}");
    EXPECT_FALSE(encode(record).get("TraceHeader"));
    record.trace_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    EXPECT_EQ(encode(record).get("TraceHeader").as_string(), record.trace_header);
}

TEST(PutEventsEncoder, KeepsTheOrderOfTheBatch) {
    std::vector<std::string> bodies;
    std::vector<Record> records;
    for (int i = 0; i < 10; ++i) bodies.push_back("{\"n\":" + std::to_string(i) + "}");
    for (const auto& body : bodies) records.push_back(event(body));
    std::vector<const Record*> batch;
    for (const auto& record : records) batch.push_back(&record);
    auto json = Json::parse(PutEventsEncoder("s", "b").encode(batch));
    ASSERT_TRUE(json);
    ASSERT_EQ(json->get("Entries").size(), 10u);
    for (size_t i = 0; i < 10; ++i) {
        EXPECT_EQ(json->get("Entries").at(i).get("Detail").as_string(), bodies[i]);
    }
}

// "Calculating PutEvents event entry size": 14 for Time, then the bytes of Source,
// DetailType and Detail, unescaped.
TEST(PutEventsEncoder, CountsAnEntryAsEventBridgeDoes) {
    PutEventsEncoder encoder("Momento", "arn:aws:events:us-west-2:123456789012:event-bus/b");
    Record record = event("{\"t\":\"\u00e9\"}");
    record.trace_header = "Root=1";
    EXPECT_EQ(encoder.entry_size(record), 14u + 7 + 11 + 10);
}

TEST(PutEventsAnswer, EachEntryHasItsOwnVerdict) {
    auto read = read_putevents_answer(answer(200, R"({"FailedEntryCount":5,"Entries":[
            {"EventId":"a"},
            {"ErrorCode":"ThrottlingException","ErrorMessage":"Rate exceeded"},
            {"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."},
            {"ErrorCode":"InternalFailure"},
            {"ErrorCode":"AccessDeniedException"},
            {"ErrorCode":"SomethingNew"},
            {"EventId":"b"}]})"),
                                      7);
    EXPECT_EQ(kinds(read.result),
              (std::vector<Kind>{Kind::delivered, Kind::retry, Kind::refused, Kind::retry,
                                 Kind::hold, Kind::retry, Kind::delivered}));
    EXPECT_EQ(read.result.entries[2].code, "MalformedDetail");
    EXPECT_EQ(read.result.entries[2].message, "Detail is malformed.");
    EXPECT_TRUE(read.result.throttled);
    EXPECT_FALSE(read.result.whole_request);
    EXPECT_FALSE(read.error);
    EXPECT_EQ(read.result.request_id, "8d7c-42");
}

TEST(PutEventsAnswer, AFailedEntryIsNeverASuccess) {
    auto read = read_putevents_answer(
        answer(
            200,
            R"({"FailedEntryCount":0,"Entries":[{"EventId":"a","ErrorCode":"InternalFailure"},
                     {"EventId":""},{},{"EventId":7},null]})"),
        5);
    EXPECT_EQ(kinds(read.result), std::vector<Kind>(5, Kind::retry));
}

TEST(PutEventsAnswer, AnswersThatDoNotAddUpDecideNothing) {
    for (const char* body :
         {"", "{}", "<html>", "[]", R"({"Entries":{}})", R"({"Entries":[]})",
          R"({"Entries":[{"EventId":"a"}]})",
          R"({"Entries":[{"EventId":"a"},{"EventId":"b"},{"EventId":"c"}]})"}) {
        auto read = read_putevents_answer(answer(200, body), 2);
        EXPECT_EQ(kinds(read.result), std::vector<Kind>(2, Kind::retry)) << body;
        EXPECT_FALSE(read.result.unreachable) << body;
    }
}

// One thread each: it has a parser of its own, which makes what it needs with its first answer.
TEST(PutEventsAnswer, IsReadByAParserThatWasShortOfMemory) {
    if (!can_be_scarce) GTEST_SKIP() << "the sanitizer's operator new cannot be replaced";
    const HttpResult taken = answer(200, R"({"Entries":[{"EventId":"a"}]})");
    size_t shortages = 0;
    bool was_short = true;
    while (was_short) {
        was_short = false;
        std::thread([&] {
            try {
                const ScarceMemory scarce(shortages + 1);
                (void)read_putevents_answer(taken, 1);
            } catch (const std::bad_alloc&) {
                was_short = true;
                ++shortages;
            }
            EXPECT_EQ(kinds(read_putevents_answer(taken, 1).result),
                      std::vector<Kind>{Kind::delivered});
        }).join();
    }
    EXPECT_GT(shortages, 4u);
}

struct WholeCase {
    int status;
    const char* body;
    Kind kind;
    bool whole;
    bool throttled;
    bool unreachable;
};

TEST(PutEventsAnswer, ARefusedRequestIsJudgedByItsCode) {
    for (const WholeCase& c : {
             WholeCase{400, R"({"__type":"ThrottlingException"})", Kind::retry, false, true,
                       false},
             {400, R"({"__type":"com.amazon.coral#ThrottlingException:http://x/"})",
              Kind::retry, false, true, false},
             {429, "", Kind::retry, false, true, false},
             {500, R"({"__type":"InternalException"})", Kind::retry, false, false, true},
             {503, "<html>busy</html>", Kind::retry, false, false, true},
             {400, R"({"__type":"RequestTimeout"})", Kind::retry, false, false, false},
             {400, R"({"__type":"AccessDeniedException","Message":"no"})", Kind::hold, false,
              false, false},
             {403, "", Kind::hold, false, false, false},
             {400, R"({"__type":"ExpiredTokenException"})", Kind::hold, false, false, false},
             {400, R"({"__type":"ResourceNotFoundException"})", Kind::hold, false, false,
              false},
             {400, R"({"__type":"ValidationException","message":"'[{secret}]'"})",
              Kind::refused, true, false, false},
             {413, "", Kind::refused, true, false, false},
             {400, R"({"__type":"Unheard"})", Kind::retry, false, false, false},
         }) {
        auto read = read_putevents_answer(answer(c.status, c.body), 3);
        std::string label = std::to_string(c.status) + " " + c.body;
        EXPECT_EQ(kinds(read.result), std::vector<Kind>(3, c.kind)) << label;
        EXPECT_EQ(read.result.whole_request, c.whole) << label;
        EXPECT_EQ(read.result.throttled, c.throttled) << label;
        EXPECT_EQ(read.result.unreachable, c.unreachable) << label;
        EXPECT_FALSE(read.result.entries[0].code.empty()) << label;
        EXPECT_TRUE(read.error) << label;
        // The log says what a person can do about a hold, and quotes nobody.
        EXPECT_EQ(read.result.trouble.empty(), c.kind != Kind::hold) << label;
    }
}

TEST(PutEventsAnswer, OnlyPermissionMayBeOneEntrysOwn) {
    const auto is_own = [](int status, const char* body) {
        auto read = read_putevents_answer(answer(status, body), 2);
        EXPECT_EQ(kinds(read.result), std::vector<Kind>(2, Kind::hold)) << status << body;
        return read.result.entries[1].may_be_its_own;
    };
    EXPECT_TRUE(is_own(400, R"({"__type":"AccessDeniedException"})"));
    EXPECT_TRUE(is_own(403, R"({"__type":"AccessDenied"})"));
    EXPECT_TRUE(is_own(403, "<html>not with this text</html>"));
    EXPECT_FALSE(is_own(403, R"({"__type":"ExpiredTokenException"})"));
    EXPECT_FALSE(is_own(403, R"({"__type":"InvalidSignatureException"})"));
    EXPECT_FALSE(is_own(400, R"({"__type":"ResourceNotFoundException"})"));
    EXPECT_FALSE(is_own(400, R"({"__type":"KmsAccessDenied"})"));
    EXPECT_FALSE(is_own(407, ""));
    EXPECT_FALSE(is_own(404, "<html>"));
    auto read = read_putevents_answer(
        answer(200, R"({"Entries":[{"ErrorCode":"AccessDeniedException"}]})"), 1);
    EXPECT_TRUE(read.result.entries[0].may_be_its_own);
}

TEST(PutEventsAnswer, ATransportFailureIsTriedAgain) {
    HttpResult http;
    http.failed = true;
    for (auto stage : {HttpFailure::Stage::before_send, HttpFailure::Stage::after_send}) {
        http.failure = {stage, "timeout"};
        auto read = read_putevents_answer(http, 2);
        EXPECT_EQ(kinds(read.result), std::vector<Kind>(2, Kind::retry));
        EXPECT_TRUE(read.result.unreachable);
        EXPECT_EQ(read.result.trouble, "timeout");
    }
    http.failure.stage = HttpFailure::Stage::cancelled;  // by us
    EXPECT_FALSE(read_putevents_answer(http, 2).result.unreachable);
}

HttpResult foreign(int status, std::string body, const std::string& type = "text/html") {
    HttpResult http;
    http.response.status = status;
    http.response.body = std::move(body);
    http.response.headers = {{"content-type", type + "; charset=utf-8"}};
    return http;
}

// A portal's page, a redirect to it, a server that wants TLS, some other server.
TEST(PutEventsAnswer, WhatIsNotAwsIsHeld) {
    for (int status : {200, 204, 301, 302, 400, 401, 403, 404, 405, 407, 418}) {
        const auto read = read_putevents_answer(foreign(status, "<html>private</html>"), 2);
        EXPECT_EQ(kinds(read.result), std::vector<Kind>(2, Kind::hold)) << status;
        EXPECT_EQ(read.result.entries[0].code, "Http" + std::to_string(status));
        EXPECT_EQ(read.result.entries[0].may_be_its_own, status == 403);
        EXPECT_EQ(read.result.trouble, "the answer " + std::to_string(status) +
                                           " (text/html) is not AWS's: look at endpoint and "
                                           "proxy");
    }
    EXPECT_EQ(kinds(read_putevents_answer(foreign(302, ""), 1).result),
              std::vector<Kind>{Kind::hold});
    const auto tls = read_putevents_answer(
        foreign(400, "<html>The plain HTTP request was sent to HTTPS port</html>"), 1);
    EXPECT_NE(tls.result.trouble.find("is it https?"), std::string::npos);
}

// Those pass, or say something about the size.
TEST(PutEventsAnswer, PagesOfFrontEndsAreJudgedByTheirStatus) {
    for (int status : {408, 429, 500, 502, 503, 504}) {
        const auto read = read_putevents_answer(foreign(status, "<html>"), 1);
        EXPECT_EQ(kinds(read.result), std::vector<Kind>{Kind::retry}) << status;
    }
    EXPECT_EQ(kinds(read_putevents_answer(foreign(413, ""), 1).result),
              std::vector<Kind>{Kind::refused});
}

TEST(PutEventsAnswer, AConnectionThatIsSetUpWronglyIsHeld) {
    HttpResult http;
    http.failed = true;
    http.failure = {HttpFailure::Stage::before_send, "\"https://a\": is it http?", true};
    const auto read = read_putevents_answer(http, 2);
    EXPECT_EQ(kinds(read.result), std::vector<Kind>(2, Kind::hold));
    EXPECT_FALSE(read.result.entries[0].may_be_its_own);
    EXPECT_FALSE(read.result.unreachable);
    EXPECT_EQ(read.result.trouble, "\"https://a\": is it http?");
}

TEST(PutEventsAnswer, RetryAfterIsInMilliseconds) {
    for (auto [value, ms] : {std::pair<const char*, int64_t>{"1500", 1500},
                             {"0", 0},
                             {"-5", 0},
                             {"soon", 0},
                             {"15s", 0},
                             {"99999999999999999999", 0}}) {
        HttpResult http = answer(400, R"({"__type":"ThrottlingException"})");
        http.response.headers.emplace_back("x-amz-retry-after", value);
        EXPECT_EQ(read_putevents_answer(http, 1).result.retry_after_ms, ms) << value;
    }
}

TEST(PutEventsAnswer, WhatIsNoCodeIsNotTakenForOne) {
    auto read =
        read_putevents_answer(answer(200, R"({"Entries":[{"ErrorCode":"a line\nbreak"}]})"), 1);
    EXPECT_EQ(read.result.entries[0].kind, Kind::retry);
    EXPECT_EQ(read.result.entries[0].code, "UnknownError");
}

TEST(PutEventsAnswer, LongMessagesAreCutBetweenCharacters) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "\u00e9";
    auto read = read_putevents_answer(
        answer(200, R"({"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"x)" + text +
                        "\"}]}"),
        1);
    EXPECT_EQ(read.result.entries[0].message.size(), 1023u);
}

}  // namespace
}  // namespace momento
