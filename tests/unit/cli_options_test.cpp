#include "cli/options.h"

#include <gtest/gtest.h>

namespace momento::cli {
namespace {

struct Given {
    bool loud = false;
    std::optional<std::string> name;
    std::optional<int64_t> count;
    std::optional<int64_t> age_ms;
};

Result<Arguments> parse(Given& given, const Arguments& arguments, size_t min = 0,
                        size_t max = 9) {
    Options options;
    options.flag("--loud", &given.loud)
        .text("--name", &given.name)
        .number("--count", 1, 100, &given.count)
        .duration("--older-than", &given.age_ms);
    return options.parse(arguments, min, max, "FROM and TO");
}

std::string refusal(const Arguments& arguments, size_t min = 0, size_t max = 9) {
    Given given;
    Result<Arguments> operands = parse(given, arguments, min, max);
    return operands ? "" : operands.error().text;
}

TEST(Options, StandAnywhereAndInBothForms) {
    Given given;
    auto operands = parse(given, {"a", "--name", "x y", "b", "--count=7", "--loud", "-"});
    ASSERT_TRUE(operands);
    EXPECT_EQ(*operands, (Arguments{"a", "b", "-"}));
    EXPECT_EQ(given.name, "x y");
    EXPECT_EQ(given.count, 7);
    EXPECT_TRUE(given.loud);
    EXPECT_FALSE(given.age_ms);
}

TEST(Options, TakeAnEmptyValueAndOneWithDashesOrEqualsSigns) {
    Given given;
    ASSERT_TRUE(parse(given, {"--name="}));
    EXPECT_EQ(given.name, "");
    given = {};
    ASSERT_TRUE(parse(given, {"--name", "--loud"}));
    EXPECT_EQ(given.name, "--loud");
    EXPECT_FALSE(given.loud);
    given = {};
    ASSERT_TRUE(parse(given, {"--name=a=b"}));
    EXPECT_EQ(given.name, "a=b");
}

TEST(Options, EndAtTwoDashes) {
    Given given;
    auto operands = parse(given, {"--", "--loud", "--"});
    ASSERT_TRUE(operands);
    EXPECT_EQ(*operands, (Arguments{"--loud", "--"}));
    EXPECT_FALSE(given.loud);
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
    EXPECT_EQ(refusal({"a"}, 2, 2), "missing operand, give FROM and TO");
    EXPECT_EQ(refusal({"a", "b", "c"}, 2, 2),
              R"(unexpected operand "c", give FROM and TO only)");
    EXPECT_EQ(refusal({"a"}, 0, 0), R"(unexpected operand "a", this command takes none)");
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
