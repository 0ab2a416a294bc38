#include "gateway/thread_ends.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace momento {
namespace {

class ThreadEndsTest : public testing::Test {
  protected:
    const std::unique_ptr<ThreadEnds> ends_ = std::make_unique<ThreadEnds>();
};

TEST_F(ThreadEndsTest, SetsASlotAsideUntilAReload) {
    EXPECT_FALSE(ends_->is_set_aside(1, "bus", "a"));
    EXPECT_TRUE(ends_->set_aside(1, "bus", "a"));
    EXPECT_TRUE(ends_->set_aside(1, "bus", "a"));
    EXPECT_TRUE(ends_->is_set_aside(1, "bus", "a"));
    EXPECT_FALSE(ends_->is_set_aside(1, "bus", "b"));
    EXPECT_FALSE(ends_->is_set_aside(1, "other", "a"));
    ASSERT_EQ(ends_->list(1).size(), 1u);
    EXPECT_EQ(ends_->list(1)[0].destination, "bus");
    EXPECT_EQ(ends_->list(1)[0].slot, "a");

    EXPECT_FALSE(ends_->is_set_aside(2, "bus", "a"));
    EXPECT_TRUE(ends_->list(2).empty());
    EXPECT_TRUE(ends_->set_aside(2, "bus", "a"));
    EXPECT_TRUE(ends_->is_set_aside(2, "bus", "a"));
    EXPECT_TRUE(ends_->is_set_aside(1, "bus", "a"));  // for old workers, too
}

TEST_F(ThreadEndsTest, TakesThePlacesOfEarlierConfigurations) {
    for (size_t i = 0; i < ThreadEnds::capacity; ++i) {
        EXPECT_TRUE(ends_->set_aside(1, "bus", std::to_string(i)));
    }
    EXPECT_FALSE(ends_->set_aside(1, "bus", "one too many"));
    EXPECT_TRUE(ends_->set_aside(2, "bus", "later"));
    EXPECT_TRUE(ends_->is_set_aside(2, "bus", "later"));
}

TEST_F(ThreadEndsTest, LetsOneEndAMinuteHaveConsequences) {
    constexpr int64_t begin_us = 5'000'000;
    EXPECT_TRUE(ends_->may_act(begin_us));
    EXPECT_FALSE(ends_->may_act(begin_us));
    EXPECT_FALSE(ends_->may_act(begin_us + ThreadEnds::quiet_us - 1));
    EXPECT_TRUE(ends_->may_act(begin_us + ThreadEnds::quiet_us));
}

}  // namespace
}  // namespace momento
