// Records that fail for long make room at the tail; when, and when not.
#include <algorithm>

#include "delivery_rig.h"

namespace momento::fakes {
namespace {

class DeliveryRequeueTest : public DeliveryRig {
  protected:
    DeliveryRequeueTest() {
        destination_->script = [this](const auto& batch) {
            auto result = PlayedDestination::take(batch);
            for (size_t i = 0; i < batch.size(); ++i) {
                bool fails = all_fail_ || (bad_fails_ && batch[i] == "bad");
                if (fails) result.entries[i] = {Kind::retry, "InternalFailure", {}};
            }
            return result;
        };
    }

    bool bad_fails_ = true;
    bool all_fail_ = false;
};

TEST_F(DeliveryRequeueTest, AnEventThatFailsForLongGoesToTheTail) {
    start();
    append(std::vector<std::string>{"bad"});
    append(20);
    int64_t first = clock_.wall_ms();
    turns(1);
    pass(29'000);
    EXPECT_EQ(log().totals().requeued, 0u);
    uint32_t attempts = destination_->attempts["bad"];
    pass(60'000);
    EXPECT_GE(log().totals().requeued, 1u);
    EXPECT_EQ(log().totals().pending(), 1u);
    EXPECT_EQ(delivered(), 20u);
    EXPECT_GT(destination_->attempts["bad"], attempts) << "attempts go on being counted";

    destination_->script = [](const auto& batch) {
        return PlayedDestination::all(batch, {Kind::refused, "MalformedDetail", {}});
    };
    pass(30'000);
    auto letters = read_letters();
    ASSERT_EQ(letters.size(), 1u);
    EXPECT_EQ(letters[0].record.body, "bad");
    EXPECT_EQ(letters[0].record.first_attempt_ms, first) << "and its age";
    EXPECT_EQ(log().totals().pending(), 0u);
}

TEST_F(DeliveryRequeueTest, ItIsDeliveredOnceWhenItSucceeds) {
    start();
    append(std::vector<std::string>{"bad"});
    append(20);
    pass(120'000);
    bad_fails_ = false;
    pass(30'000);
    EXPECT_EQ(destination_->delivered["bad"], 1);
    EXPECT_EQ(log().totals().pending(), 0u);
    EXPECT_EQ(log().totals().delivered, 21u);
}

TEST_F(DeliveryRequeueTest, WhileNothingGetsThroughNothingIsWritten) {
    all_fail_ = true;
    start();
    append(1'000);
    pass(3'600'000, 10'000);
    EXPECT_EQ(log().totals().requeued, 0u);
    EXPECT_EQ(log().totals().last_sequence, 1'000u);
}

TEST_F(DeliveryRequeueTest, NoMoreIsRequeuedThanGetsThrough) {
    start();
    append(std::vector<std::string>(50, "bad"));
    append(7);
    pass(3'600'000, 10'000);
    EXPECT_EQ(log().totals().requeued, 7u);
}

TEST_F(DeliveryRequeueTest, AHeldDestinationRequeuesNothing) {
    start();
    append(1'000);
    turns(300, 5);
    EXPECT_EQ(delivered(), 1'000u);
    destination_->script = [](const auto& batch) {
        return PlayedDestination::all(batch, {Kind::hold, "AccessDeniedException", {}});
    };
    append(100);
    pass(600'000);
    EXPECT_EQ(log().totals().requeued, 0u);
}

TEST_F(DeliveryRequeueTest, AnUnreachableDestinationRequeuesNothing) {
    start();
    append(1'000);
    turns(300, 5);
    destination_->script = [](const auto& batch) {
        auto result = PlayedDestination::all(batch, {Kind::retry, "NotConnected", {}});
        result.unreachable = true;
        return result;
    };
    append(100);
    pass(600'000);
    EXPECT_EQ(log().totals().requeued, 0u);
}

TEST_F(DeliveryRequeueTest, OneEventDoesNotKeepALogFromBeingReadOn) {
    settings_.requeue_after_ms = 365LL * 24 * 3'600'000;  // only the window counts
    destination_->max_in_flight_ = 64;
    start();
    append(std::vector<std::string>{"bad"});
    const size_t many = 21'000;
    ASSERT_GT(many, cursor_window + 4'000);
    for (size_t appended = 0; appended < many; appended += 1'000) {
        append(1'000);
        turns(5, 5);
    }
    for (int i = 0; i < 2'000 && delivered() < many; ++i) turns(1, 100);
    EXPECT_EQ(delivered(), many);
    EXPECT_EQ(log().totals().requeued, 1u);
    bad_fails_ = false;
    pass(30'000);
    EXPECT_EQ(destination_->delivered["bad"], 1);
    EXPECT_EQ(log().totals().pending(), 0u);
}

TEST_F(DeliveryRequeueTest, AnEventThatFailsForHoursHoldsNoSpaceAndIsAloneAfterARestart) {
    settings_.retry.max_delay_ms = 20'000;
    start();
    append(std::vector<std::string>{"bad"});
    constexpr int64_t hours = 6;
    constexpr int64_t turns_an_hour = 360;
    constexpr size_t events_a_turn = 50;
    uint64_t most_bytes = 0;
    for (int64_t turn = 0; turn < hours * turns_an_hour; ++turn) {
        append(events_a_turn);
        turns(3);
        turns(1, 10'000);
        most_bytes = std::max(most_bytes, log().log->numbers().bytes);
    }
    turns(10, 10);
    EXPECT_EQ(delivered(), hours * turns_an_hour * events_a_turn);
    EXPECT_EQ(log().totals().pending(), 1u);
    constexpr uint64_t segment = 1u << 20;
    EXPECT_GT(log().totals().last_sequence * 100, 10 * segment) << "went through the log";
    EXPECT_LE(most_bytes, 5 * segment);
    EXPECT_LE(log().totals().requeued, hours * 3'600 / 30);
    const uint32_t attempts = destination_->attempts["bad"];
    EXPECT_GT(attempts, hours * 100);

    loop_.reset();
    logs_.clear();
    letters_.reset();
    destination_->batches.clear();
    start();
    append(std::vector<std::string>{"next"});
    turns(10, 10'000);
    std::map<std::string, int> sent;
    for (const auto& batch : destination_->batches) {
        for (const std::string& body : batch) ++sent[body];
    }
    EXPECT_EQ(sent.size(), 2u);
    EXPECT_EQ(sent["next"], 1);
    EXPECT_GT(sent["bad"], 0);
    EXPECT_GT(destination_->attempts["bad"], attempts) << "attempts go on being counted";
}

}  // namespace
}  // namespace momento::fakes
