// The way of events that meet no trouble: batches, limits, order, ownership, exit.
#include <algorithm>
#include <set>

#include "delivery/destination_delivery.h"
#include "delivery_rig.h"

namespace momento::fakes {
namespace {

using DeliveryLoopTest = DeliveryRig;

TEST_F(DeliveryLoopTest, ABacklogLeavesInFullBatches) {
    start();
    append(10'000);
    for (int i = 0; i < 2'000 && delivered() < 10'000; ++i) turns(1, 1);
    turns(2);
    EXPECT_EQ(delivered(), 10'000u);
    EXPECT_LT(batches(), 1'100u);
    for (const auto& [body, times] : destination_->delivered) ASSERT_EQ(times, 1) << body;
    EXPECT_EQ(log().totals().delivered, 10'000u);
    EXPECT_EQ(log().totals().pending(), 0u);
    EXPECT_EQ(outcomes(DeliveryOutcome::ok), batches());
}

TEST_F(DeliveryLoopTest, AnEventLeavesAtOnceIfNothingIsInFlight) {
    start();
    append(1);
    turns(1);
    EXPECT_EQ(batches(), 1u);
}

TEST_F(DeliveryLoopTest, AnswersAreGatheredUnlessSomebodyWaitsForOne) {
    start();
    turns(1);
    EXPECT_GT(http_.gathers_us, 0);
    Mailbox<std::vector<Release>> watcher;
    log().log->watch(&watcher);
    turns(1);
    EXPECT_EQ(http_.gathers_us, 0);
}

TEST_F(DeliveryLoopTest, OtherwiseItLingers) {
    destination_->keeps = true;
    settings_.linger_ms = 5;
    start();
    append(1);
    turns(1);
    append(3);
    turns(1);
    EXPECT_EQ(batches(), 1u);
    EXPECT_EQ(http_.waits.back(), 5);
    turns(1, 4);
    EXPECT_EQ(batches(), 1u);
    EXPECT_EQ(http_.waits.back(), 1);
    turns(1, 1);
    ASSERT_EQ(batches(), 2u);
    EXPECT_EQ(destination_->batches[1].size(), 3u);
}

TEST_F(DeliveryLoopTest, ALingeringEventLeavesWhenTheOneInFlightIsBack) {
    destination_->keeps = true;
    start();
    append(1);
    turns(1);
    append(1);
    turns(1);
    EXPECT_EQ(batches(), 1u);
    destination_->answer();
    turns(1);
    EXPECT_EQ(batches(), 2u);
}

TEST_F(DeliveryLoopTest, ItWaitsAsLongAsItMayIfThereIsNothingToDo) {
    start();
    turns(1);
    EXPECT_EQ(http_.waits.back(), 1'000);
    append(1);
    turns(2);
    EXPECT_EQ(http_.waits.back(), 1'000);
}

TEST_F(DeliveryLoopTest, NoMoreBatchesAreInFlightThanAllowed) {
    destination_->keeps = true;
    destination_->max_in_flight_ = 3;
    start();
    append(200);
    turns(10, 10);
    EXPECT_EQ(destination_->most_in_flight, 3u);
    EXPECT_EQ(http_.waits.back(), 1'000);
}

TEST_F(DeliveryLoopTest, BatchesKeepToTheSizeLimit) {
    destination_->limits_.bytes = 1'000;
    start();
    append(std::vector<std::string>{std::string(600, 'a'), std::string(600, 'b'),
                                    std::string(400, 'c')});
    turns(3, 5);
    ASSERT_EQ(batches(), 2u);
    EXPECT_EQ(destination_->batches[0].size(), 1u);
    EXPECT_EQ(destination_->batches[1].size(), 2u);
}

TEST_F(DeliveryLoopTest, OneBatchAfterTheOtherIsInOrder) {
    destination_->max_in_flight_ = 1;
    start();
    append(95);
    turns(30, 5);
    size_t next = 0;
    for (const auto& batch : destination_->batches) {
        for (const std::string& body : batch) EXPECT_EQ(body, std::to_string(next++));
    }
    EXPECT_EQ(next, 95u);
}

TEST_F(DeliveryLoopTest, ALogThatOpensLaterIsRead) {
    start();
    turns(3);
    append(2);
    turns(1);
    append(2);
    turns(3, 5);
    EXPECT_EQ(delivered(), 4u);
}

TEST_F(DeliveryLoopTest, OneLogsTroubleIsNotAnothersDelay) {
    destination_->script = [](const auto& batch) {
        BatchResult result;
        for (const std::string& body : batch) {
            Kind kind = body.size() > 1 ? Kind::retry : Kind::delivered;
            result.entries.push_back({kind, "InternalFailure", {}});
        }
        return result;
    };
    start();
    PlayedLog& adopted = add_log();
    append(std::vector<std::string>(5'000, "failing"), &adopted);
    turns(20, 5);
    append(std::vector<std::string>{"x"});
    turns(20, 5);
    EXPECT_EQ(delivered(), 1u);
}

TEST_F(DeliveryLoopTest, AdoptedLogsAreGivenBackWhenTheyAreEmpty) {
    start();
    PlayedLog& adopted = add_log();
    append(25, &adopted);
    append(25);
    EXPECT_TRUE(loop_->take_drained().empty());
    turns(10, 5);
    auto drained = loop_->take_drained();
    ASSERT_EQ(drained.size(), 1u);
    EXPECT_EQ(drained[0], adopted.log);
    EXPECT_TRUE(loop_->take_drained().empty());
    append(5);
    turns(5, 5);
    EXPECT_EQ(delivered(), 55u) << "its own log stays";
}

// Each time makes it write.
TEST_F(DeliveryLoopTest, WakesALogsWriterForReleasesEveryTwoMillisecondsAtMost) {
    start();
    append(1);
    turns(2);
    ASSERT_EQ(delivered(), 1u);
    const int once = log().writer_wakes;
    for (int i = 0; i < 5; ++i) {
        append(1);  // wakes it, too
        turns(1);
    }
    EXPECT_EQ(delivered(), 6u);
    EXPECT_EQ(log().writer_wakes, once + 5);
    turns(1, 2);
    EXPECT_EQ(log().writer_wakes, once + 6);
    turns(5, 2);
    EXPECT_EQ(log().writer_wakes, once + 6);
}

TEST_F(DeliveryLoopTest, AnAdoptedLogThatIsNotOpenYetIsNotEmpty) {
    start();
    add_log();
    turns(3);
    EXPECT_TRUE(loop_->take_drained().empty());
}

TEST_F(DeliveryLoopTest, AfterStopSendingOnlyWhatIsInFlightEnds) {
    destination_->keeps = true;
    destination_->max_in_flight_ = 1;
    start();
    append(25);
    turns(2);
    EXPECT_FALSE(loop_->idle());
    loop_->stop_sending();
    turns(3, 100);
    EXPECT_FALSE(loop_->idle());
    destination_->answer();
    EXPECT_TRUE(loop_->idle());
    turns(3, 100);
    EXPECT_EQ(batches(), 1u);
    EXPECT_EQ(log().totals().delivered, 10u);
    EXPECT_EQ(log().totals().pending(), 15u);
}

TEST_F(DeliveryLoopTest, WakeEndsTheWait) {
    start();
    int before = http_.wakes;
    loop_->wake();
    EXPECT_EQ(http_.wakes, before + 1);
}

TEST_F(DeliveryLoopTest, MemoryDoesNotGrowWithTheBacklog) {
    destination_->keeps = true;
    start();
    DestinationDelivery delivery(settings_, destination_, letters_->log, nullptr,
                                 {&clock_, &random_, &lines_, &http_, 0, {}});
    delivery.add_log(log().log);
    append(5'000);
    for (int i = 0; i < 50; ++i) delivery.step();
    EXPECT_LE(delivery.in_memory(), 100u);
    EXPECT_GE(delivery.in_memory(), 40u);
}

TEST_F(DeliveryLoopTest, MemoryIsBoundedInBytesToo) {
    destination_->keeps = true;
    destination_->max_in_flight_ = 64;
    start();
    DestinationDelivery delivery(settings_, destination_, letters_->log, nullptr,
                                 {&clock_, &random_, &lines_, &http_, 0, {}});
    delivery.add_log(log().log);
    for (int i = 0; i < 20; ++i) {
        append(std::vector<std::string>(5, std::string(200'000, 'x')));
    }
    for (int i = 0; i < 50; ++i) delivery.step();
    EXPECT_LE(delivery.in_memory(), 45u);
}

}  // namespace
}  // namespace momento::fakes
