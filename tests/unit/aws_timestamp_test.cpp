#include "aws/timestamp.h"

#include <gtest/gtest.h>

namespace momento::aws {
namespace {

TEST(Timestamp, ReadsWhatCredentialSourcesWrite) {
    EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(parse_timestamp("2015-08-30T12:36:00Z"), 1'440'938'160'000);
    EXPECT_EQ(parse_timestamp("2015-08-30T12:36:00.5Z"), 1'440'938'160'500);
    EXPECT_EQ(parse_timestamp("2015-08-30T12:36:00.123456Z"), 1'440'938'160'123);
    EXPECT_EQ(parse_timestamp("2015-08-30T12:36:00+00:00"), 1'440'938'160'000);
    EXPECT_EQ(parse_timestamp("2015-08-30T14:36:00+0200"), 1'440'938'160'000);
    EXPECT_EQ(parse_timestamp("2015-08-30T07:06:00-05:30"), 1'440'938'160'000);
    EXPECT_EQ(parse_timestamp("2024-02-29T00:00:00Z"), 1'709'164'800'000);
}

TEST(Timestamp, RefusesEverythingElse) {
    for (const char* text :
         {"", "2015", "2015-08-30", "2015-08-30T12:36:00", "2015-08-30 12:36:00Z",
          "2015-13-30T12:36:00Z", "2015-00-30T12:36:00Z", "2015-08-32T12:36:00Z",
          "2015-08-30T24:36:00Z", "2015-08-30T12:60:00Z", "2015-08-30T12:36:61Z",
          "2015-08-30T12:36:00.Z", "2015-08-30T12:36:00Zx", "2015-08-30T12:36:00+0",
          "2015-08-30T12:36:00+24:00", "1969-12-31T23:59:59Z", "-015-08-30T12:36:00Z",
          "1440938160"}) {
        EXPECT_FALSE(parse_timestamp(text)) << text;
    }
}

TEST(Timestamp, WritesTheBasicFormat) {
    EXPECT_EQ(basic_timestamp(1'440'938'160'999), "20150830T123600Z");
    EXPECT_EQ(basic_timestamp(0), "19700101T000000Z");
    EXPECT_EQ(basic_timestamp(-1), "19700101T000000Z");
}

TEST(TimestampTest, ReadsTheBasicForm) {
    EXPECT_EQ(parse_basic_timestamp("20150830T123600Z"), 1'440'938'160'000);
    EXPECT_EQ(parse_basic_timestamp(basic_timestamp(1'700'000'000'000)), 1'700'000'000'000);
    for (const char* text : {"", "20150830T123600", "2015-08-30T12:36Z", "20151330T123600Z",
                             "20150830 123600Z", "20150830T1236000Z"}) {
        EXPECT_EQ(parse_basic_timestamp(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace momento::aws
