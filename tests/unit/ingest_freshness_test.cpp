#include "ingest/freshness.h"

#include <limits>

#include <gtest/gtest.h>

namespace momento {
namespace {

constexpr int64_t now_ms = 1'704'296'470'565;
constexpr int64_t least = std::numeric_limits<int64_t>::min();
constexpr int64_t most = std::numeric_limits<int64_t>::max();

TEST(Freshness, HoldsBothEndsOfTheWindow) {
    FreshnessWindow window{60'000, 10'000};
    EXPECT_EQ(judge_freshness(now_ms, now_ms, window), Freshness::fresh);
    EXPECT_EQ(judge_freshness(now_ms - 60'000, now_ms, window), Freshness::fresh);
    EXPECT_EQ(judge_freshness(now_ms - 60'001, now_ms, window), Freshness::stale);
    EXPECT_EQ(judge_freshness(now_ms + 10'000, now_ms, window), Freshness::fresh);
    EXPECT_EQ(judge_freshness(now_ms + 10'001, now_ms, window), Freshness::early);
}

TEST(Freshness, AnEmptyWindowTakesOnlyThisMillisecond) {
    FreshnessWindow window{0, 0};
    EXPECT_EQ(judge_freshness(now_ms, now_ms, window), Freshness::fresh);
    EXPECT_EQ(judge_freshness(now_ms - 1, now_ms, window), Freshness::stale);
    EXPECT_EQ(judge_freshness(now_ms + 1, now_ms, window), Freshness::early);
}

TEST(Freshness, JudgesAnyPublishTime) {
    for (const FreshnessWindow& window :
         {FreshnessWindow{}, FreshnessWindow{most - 1, most - 1}, FreshnessWindow{0, 0}}) {
        EXPECT_EQ(judge_freshness(least, now_ms, window), Freshness::stale);
        EXPECT_EQ(judge_freshness(most, -now_ms, window), Freshness::early);
    }
    EXPECT_EQ(judge_freshness(most, now_ms, FreshnessWindow{}), Freshness::early);
    EXPECT_EQ(judge_freshness(-1, now_ms, FreshnessWindow{}), Freshness::stale);
    EXPECT_EQ(judge_freshness(0, now_ms, FreshnessWindow{}), Freshness::stale);
}

TEST(Age, SaturatesInsteadOfOverflowing) {
    EXPECT_EQ(age_ms(now_ms - 5, now_ms), 5);
    EXPECT_EQ(age_ms(now_ms + 5, now_ms), -5);
    EXPECT_EQ(age_ms(least, 0), most);
    EXPECT_EQ(age_ms(least, -1), most);
    EXPECT_EQ(age_ms(least, -2), most - 1);
    EXPECT_EQ(age_ms(most, 0), least + 1);
    EXPECT_EQ(age_ms(most, -1), least);
    EXPECT_EQ(age_ms(most, -2), least);
    EXPECT_EQ(age_ms(least, least), 0);
    EXPECT_EQ(age_ms(most, most), 0);
    EXPECT_EQ(age_ms(least, most), most);
    EXPECT_EQ(age_ms(most, least), least);
}

}  // namespace
}  // namespace momento
