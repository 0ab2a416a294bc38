#include "destination/event_json.h"

#include <gtest/gtest.h>

#include <string>

namespace momento {
namespace {

// With escapes, blanks, and what looks like the end of an envelope in a string.
constexpr char detail[] = R"({ "cache" : "chat",
  "text":"},\"resources\":[],\"detail\":{} \\", "nested": {"detail": [1.50, {}]} })";

std::string with_detail(const std::string& before, const std::string& after) {
    return before + detail + after;
}

TEST(EventJson, IsReadAsItIsWritten) {
    Record record;
    record.cache = "chat";
    record.topic = "room \"281\"";
    record.body = detail;
    record.accepted_ms = 1'700'000'000'123;
    std::string text;
    append_event_json(text, record, "Momento", "us-west-2");
    const auto event = read_event_json(text);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->detail, detail);
    EXPECT_EQ(event->time, "2023-11-14T22:13:20Z");
}

TEST(EventJson, MayHaveBeenReformatted) {
    for (const std::string& text : {
             // What stood in a pretty printer, a queue's console, a mapping of its own.
             with_detail("{\n  \"version\": \"0\",\n  \"detail-type\": \"chat#room\",\n"
                         "  \"source\": \"Momento\",\n  \"resources\": [],\n  \"detail\": ",
                         "\n}\n"),
             with_detail(R"({"detail":)", R"(,"source":"Momento","detail-type":"chat#room"})"),
             with_detail(R"({"detail" :)", R"(  , "source":"a" ,"detail-type":"b"} )"),
             with_detail(
                 R"({"source":"a","detail-type":"b","resources":["arn:aws:x"],"detail":)", "}"),
             with_detail(R"({"source":"\",\"detail\":{","detail-type":"b","detail":)", "}"),
             with_detail(R"({"s\u006furce":"a","detail-type":"b","det\u0061il":)", "}"),
         }) {
        const auto event = read_event_json(text);
        ASSERT_TRUE(event) << text;
        EXPECT_EQ(event->detail, detail) << text;
        EXPECT_EQ(event->time, "");
    }
}

TEST(EventJson, IsNothingElse) {
    for (const std::string& text : {
             std::string(),
             std::string("null"),
             std::string("[]"),
             std::string(detail),
             std::string(R"({"detail-type":"a","source":"b"})"),
             std::string(R"({"detail-type":"a","source":"b","detail":"{}"})"),
             std::string(R"({"detail-type":1,"source":"b","detail":{}})"),
             std::string(R"({"detail-type":"a","source":null,"detail":{}})"),
             with_detail(R"({"detail-type":"a","source":"b","detail":)", ""),
             with_detail(R"({"detail-type":"a","source":"b","detail":)", "} x"),
             with_detail(R"({"detail-type":"a","source":"b","detail":{},"detail":)", "}"),
             with_detail(R"({"source":"a","detail-type":"a","source":"b","detail":)", "}"),
         }) {
        EXPECT_FALSE(read_event_json(text)) << text;
    }
}

}  // namespace
}  // namespace momento
