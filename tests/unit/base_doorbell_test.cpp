#include "base/doorbell.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <chrono>
#include <thread>
#include <vector>

#include "base/mailbox.h"
#include "base/semaphore.h"

namespace momento {
namespace {

class DoorbellTest : public ::testing::Test {
  protected:
    bool is_readable(int timeout_ms = 0) const {
        pollfd event{bell_.descriptor(), POLLIN, 0};
        return poll(&event, 1, timeout_ms) == 1;
    }

    Doorbell bell_{Descriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))};
};

TEST_F(DoorbellTest, WakesASleeper) {
    bell_.ring();
    EXPECT_TRUE(is_readable());
    bell_.silence();
    EXPECT_FALSE(is_readable());
    EXPECT_FALSE(bell_.fall_asleep());  // it was rung for something
    bell_.answer();
    EXPECT_TRUE(bell_.fall_asleep());
}

TEST_F(DoorbellTest, LeavesWordWithWhoeverIsAwake) {
    bell_.stay_awake();
    bell_.ring();
    EXPECT_FALSE(is_readable());
    EXPECT_FALSE(bell_.fall_asleep());
    EXPECT_FALSE(bell_.fall_asleep());  // it has not looked
    bell_.answer();
    EXPECT_TRUE(bell_.fall_asleep());
    EXPECT_FALSE(is_readable());
}

TEST_F(DoorbellTest, WakesWhoeverHasFallenAsleep) {
    bell_.stay_awake();
    ASSERT_TRUE(bell_.fall_asleep());
    bell_.ring();
    EXPECT_TRUE(is_readable());
}

TEST_F(DoorbellTest, KeepsTheWordOfWhoeverRangWhileItIsToldToStayAwakeAgain) {
    bell_.stay_awake();
    bell_.ring();
    bell_.stay_awake();
    EXPECT_FALSE(bell_.fall_asleep());
}

TEST_F(DoorbellTest, KeepsTheWordOfWhoeverRangInItsSleepWhenItIsToldToStayAwake) {
    bell_.ring();
    bell_.stay_awake();
    EXPECT_FALSE(bell_.fall_asleep());
}

TEST_F(DoorbellTest, IsRungAgainAfterItWasSilenced) {
    bell_.ring();
    bell_.silence();
    bell_.ring();  // leaves word
    EXPECT_FALSE(is_readable());
    bell_.answer();
    ASSERT_TRUE(bell_.fall_asleep());
    bell_.ring();
    EXPECT_TRUE(is_readable());
}

TEST_F(DoorbellTest, StaysReadableIfItIsRungBeforeAnybodyHasSlept) {
    bell_.ring();
    EXPECT_TRUE(bell_.fall_asleep());
    EXPECT_TRUE(is_readable());
}

TEST_F(DoorbellTest, WakesAgainFromANap) {
    bell_.stay_awake();
    bell_.nap();
    EXPECT_TRUE(is_readable());
    bell_.silence();
    bell_.answer();
    EXPECT_TRUE(bell_.fall_asleep());
    EXPECT_FALSE(is_readable());
}

TEST_F(DoorbellTest, LosesNothingThatThreadsLeave) {
    constexpr int most = 20'000;
    Mailbox<int> box([this] { bell_.ring(); });
    std::thread poster([&] {
        for (int i = 0; i < most; ++i) {
            box.post(i);
            if (i % 64 == 0) std::this_thread::yield();
        }
    });
    int next = 0;
    std::vector<int> taken;
    while (next < most) {
        bell_.answer();
        box.take(taken);
        for (const int item : taken) EXPECT_EQ(item, next++);
        if (next == most || !bell_.fall_asleep()) continue;
        if (!is_readable(10'000)) break;
        bell_.silence();
    }
    poster.join();
    EXPECT_EQ(next, most);
}

TEST(Semaphore, CountsPostsThatNobodyHasWaitedForYet) {
    Semaphore semaphore;
    semaphore.post();
    semaphore.post();
    EXPECT_TRUE(semaphore.wait(10'000));
    EXPECT_TRUE(semaphore.wait(10'000));
    EXPECT_FALSE(semaphore.wait(1));
}

TEST(Semaphore, WakesWhoeverWaits) {
    Semaphore asked;
    Semaphore answered;
    std::thread other([&] {
        if (asked.wait(10'000)) answered.post();
    });
    asked.post();
    EXPECT_TRUE(answered.wait(10'000));
    other.join();
}

TEST(Semaphore, WaitsAsLongAsItIsTold) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(Semaphore().wait(1'999));
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1'999));
}

}  // namespace
}  // namespace momento
