#include <gtest/gtest.h>

#include "base/pause.h"
#include "delivery/circuit_breaker.h"
#include "delivery/concurrency.h"
#include "delivery/retry_policy.h"
#include "fakes.h"

namespace momento {
namespace {

constexpr double almost_one = 1 - 0x1.0p-53;

TEST(RetryPolicy, BoundsDoubleUpToTheMaximum) {
    RetrySettings settings;
    fakes::PlayedRandom most(almost_one);
    auto longest = [&](uint32_t attempts, bool throttled) {
        return retry_delay_ms(settings, attempts, throttled, 0, most);
    };
    EXPECT_EQ(longest(1, false), 49);
    EXPECT_EQ(longest(2, false), 99);
    EXPECT_EQ(longest(3, false), 199);
    EXPECT_EQ(longest(10, false), 19'999);
    EXPECT_EQ(longest(1, true), 999);
    EXPECT_EQ(longest(2, true), 1'999);
    EXPECT_EQ(longest(1'000'000, true), 19'999);
}

TEST(RetryPolicy, AnyDelayFromZeroOnIsPossible) {
    RetrySettings settings;
    fakes::PlayedRandom random(0);
    EXPECT_EQ(retry_delay_ms(settings, 8, true, 0, random), 0);
    random.set(0.25);
    EXPECT_EQ(retry_delay_ms(settings, 3, true, 0, random), 1'000);
}

TEST(RetryPolicy, RetryAfterProlongsByFiveSecondsAtMost) {
    RetrySettings settings;
    fakes::PlayedRandom random(0.5);
    auto delay = [&](int64_t retry_after) {
        return retry_delay_ms(settings, 1, true, retry_after, random);
    };
    EXPECT_EQ(delay(0), 500);
    EXPECT_EQ(delay(200), 500);
    EXPECT_EQ(delay(3'000), 3'000);
    EXPECT_EQ(delay(60'000), 5'500);
}

TEST(RetryPolicy, GivesUpByAgeAndAttemptsTogether) {
    RetrySettings settings;
    int64_t day = 86'400'000;
    EXPECT_TRUE(is_exhausted(settings, 10, day));
    EXPECT_FALSE(is_exhausted(settings, 9, 10 * day));
    EXPECT_FALSE(is_exhausted(settings, 1'000, day - 1));
}

TEST(Concurrency, HalvesWhenThrottledAndGrowsByOneARound) {
    Concurrency concurrency(64);
    EXPECT_EQ(concurrency.allowed(), 64u);
    concurrency.throttled(10, 20);
    EXPECT_EQ(concurrency.allowed(), 32u);
    concurrency.throttled(15, 25);  // was out before the cut
    EXPECT_EQ(concurrency.allowed(), 32u);
    concurrency.throttled(20, 30);
    EXPECT_EQ(concurrency.allowed(), 16u);
    for (int i = 0; i < 17; ++i) concurrency.succeeded();
    EXPECT_EQ(concurrency.allowed(), 17u);
}

TEST(Concurrency, StaysBetweenOneAndTheMaximum) {
    Concurrency concurrency(4);
    for (int i = 0; i < 10; ++i) concurrency.throttled(i, i);
    EXPECT_EQ(concurrency.allowed(), 1u);
    for (int i = 0; i < 100; ++i) concurrency.succeeded();
    EXPECT_EQ(concurrency.allowed(), 4u);
}

TEST(Pause, ProbesFurtherAndFurtherApart) {
    fakes::PlayedRandom random(almost_one);
    Pause pause(1'000, 5'000, random);
    EXPECT_TRUE(pause.may_probe(0));
    pause.begin(0);
    int64_t now = 0;
    for (int64_t gap_ms : {1'000, 2'000, 4'000, 5'000, 5'000}) {
        EXPECT_FALSE(pause.may_probe(now + gap_ms * 1000 - 1000));
        now += gap_ms * 1000;
        EXPECT_TRUE(pause.may_probe(now));
        pause.probe_failed(now);
    }
    pause.end(now + 1);
    EXPECT_FALSE(pause.active());
    EXPECT_TRUE(pause.may_probe(now + 1));
    EXPECT_EQ(pause.total_us(now + 100), now + 1);
    pause.begin(now + 100);
    EXPECT_EQ(pause.total_us(now + 150), now + 51);
}

TEST(CircuitBreaker, OpensAfterFailuresInARowOnly) {
    fakes::PlayedRandom random(almost_one);
    CircuitBreaker breaker(20'000, random);
    for (int i = 0; i < 20; ++i) {
        for (uint32_t n = 1; n < CircuitBreaker::opens_after; ++n) {
            EXPECT_FALSE(breaker.record(true, false, i));
        }
        EXPECT_FALSE(breaker.record(false, false, i));
    }
    EXPECT_FALSE(breaker.open());
    for (uint32_t n = 1; n < CircuitBreaker::opens_after; ++n) breaker.record(true, false, 0);
    EXPECT_TRUE(breaker.record(true, false, 0));
    EXPECT_TRUE(breaker.open());
}

TEST(CircuitBreaker, OnlyAProbeClosesIt) {
    fakes::PlayedRandom random(almost_one);
    CircuitBreaker breaker(20'000, random);
    for (uint32_t n = 0; n < CircuitBreaker::opens_after; ++n) breaker.record(true, false, 0);
    int64_t first = breaker.pause().next_probe_us();
    EXPECT_FALSE(breaker.record(false, false, 1));  // sent before it opened
    EXPECT_FALSE(breaker.record(true, true, first));
    EXPECT_TRUE(breaker.open());
    EXPECT_GT(breaker.pause().next_probe_us(), first + 1'000'000);
    EXPECT_TRUE(breaker.record(false, true, first));
    EXPECT_FALSE(breaker.open());
}

}  // namespace
}  // namespace momento
