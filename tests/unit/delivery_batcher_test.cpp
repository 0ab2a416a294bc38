#include "delivery/batcher.h"

#include <gtest/gtest.h>

#include <memory>

namespace momento {
namespace {

class BatcherTest : public testing::Test {
  protected:
    Entry* entry(size_t size = 100) {
        entries_.push_back(std::make_unique<Entry>());
        entries_.back()->size = size;
        return entries_.back().get();
    }
    void add(size_t count, int64_t now_us, size_t size = 100) {
        for (size_t i = 0; i < count; ++i) batcher_.add(entry(size), now_us);
    }

    Batcher batcher_{{10, 1000}, 5};
    std::vector<std::unique_ptr<Entry>> entries_;
};

TEST_F(BatcherTest, OneEntryLeavesAtOnceIfThereIsNothingToWaitFor) {
    add(1, 0);
    EXPECT_EQ(batcher_.leaves_us(true), 0);
    EXPECT_EQ(batcher_.take(0, true).size(), 1u);
    EXPECT_TRUE(batcher_.empty());
}

TEST_F(BatcherTest, OtherwiseItWaitsForOthersAsLongAsItMayLinger) {
    add(1, 1'000);
    add(2, 3'000);
    EXPECT_TRUE(batcher_.take(5'999, false).empty());
    EXPECT_EQ(batcher_.leaves_us(false), 6'000);
    EXPECT_EQ(batcher_.take(6'000, false).size(), 3u);
}

TEST_F(BatcherTest, AFullBatchDoesNotWait) {
    add(25, 0, 10);
    EXPECT_EQ(batcher_.leaves_us(false), 0);
    EXPECT_EQ(batcher_.take(0, false).size(), 10u);
    EXPECT_EQ(batcher_.take(0, false).size(), 10u);
    EXPECT_TRUE(batcher_.take(0, false).empty());
}

TEST_F(BatcherTest, BehindAFullBatchThereIsSomethingToWaitFor) {
    add(10, 0);
    EXPECT_EQ(batcher_.take(1'000, true).size(), 10u);
    add(1, 2'000);
    EXPECT_EQ(batcher_.leaves_us(true), 6'000);
    EXPECT_TRUE(batcher_.take(5'999, true).empty());
    EXPECT_EQ(batcher_.take(6'000, true).size(), 1u);
    add(1, 7'000);
    EXPECT_EQ(batcher_.take(7'000, true).size(), 1u);
}

TEST_F(BatcherTest, SizeFillsABatchToo) {
    add(3, 0, 400);
    EXPECT_EQ(batcher_.take(0, false).size(), 2u);
    EXPECT_TRUE(batcher_.take(0, false).empty());
    add(1, 0, 600);
    EXPECT_EQ(batcher_.take(0, false).size(), 2u) << "exactly the limit is full";
}

TEST_F(BatcherTest, WhatIsTooLargeForABatchGoesAlone) {
    add(1, 0, 5'000);
    add(1, 0, 10);
    EXPECT_EQ(batcher_.take(0, false).size(), 1u);
    EXPECT_EQ(batcher_.take(5'000, true).size(), 1u);
}

TEST_F(BatcherTest, OldestFirst) {
    std::vector<Entry*> added;
    for (int i = 0; i < 4; ++i) {
        added.push_back(entry());
        batcher_.add(added.back(), i);
    }
    EXPECT_EQ(batcher_.take(0, true), added);
}

// What is refused may be all that is old, or all that is new.
TEST_F(BatcherTest, ProbesAreTheOldestAndTheNewestInTurns) {
    add(4, 0);
    for (const size_t expected : {0, 3, 1, 2}) {
        EXPECT_EQ(batcher_.take_probe(), std::vector<Entry*>{entries_[expected].get()});
    }
    EXPECT_TRUE(batcher_.take_probe().empty());
}

TEST_F(BatcherTest, HalvesLeaveFirstAsTheyAre) {
    add(10, 0);
    std::vector<Entry*> whole = batcher_.take(0, false);
    add(10, 0);
    whole.pop_back();
    batcher_.split(whole);
    EXPECT_EQ(batcher_.leaves_us(false), 0);
    EXPECT_EQ(batcher_.take(0, false), std::vector<Entry*>(whole.begin(), whole.begin() + 4));
    EXPECT_EQ(batcher_.take(0, false), std::vector<Entry*>(whole.begin() + 4, whole.end()));
    EXPECT_EQ(batcher_.take(0, false).size(), 10u);
}

}  // namespace
}  // namespace momento
