#include "cli/options.h"

#include <gtest/gtest.h>

namespace momento::cli {
namespace {

const OptionTable table = {
    {"--loud", "", "", Option::Kind::flag},
    {"--name", "NAME", ""},
    {"--count", "N", "", Option::Kind::number, 1, 100},
    {"--timeout", "TIME", "", Option::Kind::duration},
    {"--older-than", "TIME", "", Option::Kind::age},
};

std::string refusal(const Arguments& arguments) {
    Result<Given> given = parse(table, arguments);
    return given ? "" : given.error().text;
}

std::string refusal_of(const Arguments& operands, size_t min, size_t max) {
    Status status = check_operands(operands, min, max, "FROM and TO");
    return status ? "" : status.error().text;
}

TEST(Options, StandAnywhereAndInBothForms) {
    auto given = parse(table, {"a", "--name", "x y", "b", "--count=7", "--loud", "-"});
    ASSERT_TRUE(given);
    EXPECT_EQ(given->operands(), (Arguments{"a", "b", "-"}));
    EXPECT_EQ(given->text("--name"), "x y");
    EXPECT_EQ(given->number("--count"), 7);
    EXPECT_TRUE(given->flag("--loud"));
    EXPECT_FALSE(given->milliseconds("--older-than"));
}

TEST(Options, TakeAnEmptyValueAndOneWithDashesOrEqualsSigns) {
    EXPECT_EQ(parse(table, {"--name="})->text("--name"), "");
    auto given = parse(table, {"--name", "--loud"});
    ASSERT_TRUE(given);
    EXPECT_EQ(given->text("--name"), "--loud");
    EXPECT_FALSE(given->flag("--loud"));
    EXPECT_EQ(parse(table, {"--name=a=b"})->text("--name"), "a=b");
}

TEST(Options, EndAtTwoDashes) {
    auto given = parse(table, {"--", "--loud", "--"});
    ASSERT_TRUE(given);
    EXPECT_EQ(given->operands(), (Arguments{"--loud", "--"}));
    EXPECT_FALSE(given->flag("--loud"));
}

TEST(Options, KnowWhetherAnyOfSomeWasGiven) {
    const OptionTable some = {table[1], table[2]};
    EXPECT_FALSE(parse(table, {"--loud"})->has_any(some));
    EXPECT_TRUE(parse(table, {"--loud", "--count=2"})->has_any(some));
}

TEST(Options, RefuseWhatTheyDoNotKnow) {
    EXPECT_EQ(refusal({"--nmae", "x"}), R"(unknown option "--nmae", did you mean "--name"?)");
    EXPECT_EQ(refusal({"--frobnicate"}), R"(unknown option "--frobnicate", see --help)");
    EXPECT_EQ(refusal({"-n", "1"}), R"(unknown option "-n", see --help)");
}

TEST(Options, RefuseAMissingASecondAndASuperfluousValue) {
    EXPECT_EQ(refusal({"--name"}), R"("--name" needs a value)");
    EXPECT_EQ(refusal({"--name=a", "--name=b"}), R"("--name" is given twice, give it once)");
    EXPECT_EQ(refusal({"--loud=yes"}), R"("--loud" takes no value, leave out "=yes")");
}

TEST(Options, RefuseNumbersOutsideTheirRange) {
    for (const char* bad : {"0", "101", "-1", "", "1x", "99999999999999999999", "1.5", " 1"}) {
        EXPECT_EQ(refusal({"--count", bad}),
                  "invalid --count \"" + std::string(bad) + "\", give a number from 1 to 100");
    }
}

TEST(Options, RefuseTooFewAndTooManyOperands) {
    EXPECT_EQ(refusal_of({"a"}, 2, 2), "missing operand, give FROM and TO");
    EXPECT_EQ(refusal_of({"a", "b", "c"}, 2, 2),
              R"(unexpected operand "c", give FROM and TO only)");
    EXPECT_EQ(refusal_of({"a"}, 0, 0), R"(unexpected operand "a", this command takes none)");
}

// "30" of what? Seconds would remove what days were meant for.
TEST(Options, TakeNoAgeWithoutAUnit) {
    EXPECT_EQ(parse(table, {"--timeout=30"})->milliseconds("--timeout"), 30'000);
    EXPECT_EQ(parse(table, {"--older-than=30d"})->milliseconds("--older-than"),
              30ll * 86'400'000);
    EXPECT_EQ(refusal({"--older-than", "30"}),
              "invalid --older-than \"30\", give a number with a unit: ms, s, m, h, d or w, "
              "such as \"12h\"");
}

TEST(Options, ReadTimesAsNginxWritesThem) {
    EXPECT_EQ(*parse_duration("250ms"), 250);
    EXPECT_EQ(*parse_duration("30"), 30'000);
    EXPECT_EQ(*parse_duration("30s"), 30'000);
    EXPECT_EQ(*parse_duration("12h"), 12 * 3'600'000);
    EXPECT_EQ(*parse_duration("30d"), 30ll * 86'400'000);
    EXPECT_EQ(*parse_duration("2w"), 14ll * 86'400'000);
    for (const char* bad : {"", "s", "-1s", "1y", "1 s", "9223372036854775807w"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
}

}  // namespace
}  // namespace momento::cli
