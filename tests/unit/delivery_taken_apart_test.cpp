// One entry that is not permitted must not hold the others: when a hold may be one entry's
// own a batch is taken apart, and only what fails alone waits.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "delivery_rig.h"

namespace momento::fakes {
namespace {

using Batch = PlayedDestination::Batch;

class DeliveryTakenApartTest : public DeliveryRig {
  protected:
    DeliveryTakenApartTest() {
        destination_->script = [this](const Batch& batch) {
            sent_us_.push_back(clock_.steady_us());
            const bool is_bad =
                closed_ || std::any_of(batch.begin(), batch.end(), is_forbidden);
            if (!is_bad || mended_) return PlayedDestination::take(batch);
            EntryVerdict verdict{Kind::hold, "AccessDeniedException", {}};
            verdict.may_be_its_own = may_be_its_own_;
            return PlayedDestination::all(batch, verdict);
        };
    }

    static bool is_forbidden(const std::string& body) { return body.find("bad") == 0; }
    static std::vector<std::string> bad(size_t count) {
        std::vector<std::string> bodies;
        for (size_t i = 0; i < count; ++i) bodies.push_back("bad" + std::to_string(i));
        return bodies;
    }
    // Of another topic than the others.
    void append_to(const std::string& topic, const std::vector<std::string>& bodies) {
        std::vector<Record> records;
        for (const std::string& body : bodies) {
            Record record;
            record.cache = "cache";
            record.topic = topic;
            record.accepted_ms = clock_.wall_ms();
            record.body = body;
            records.push_back(record);
        }
        log().append(records);
    }
    size_t good() const {
        return static_cast<size_t>(
            std::count_if(destination_->delivered.begin(), destination_->delivered.end(),
                          [](const auto& each) { return !is_forbidden(each.first); }));
    }
    size_t holds() const { return lines_.count("is on hold"); }
    size_t sent_with(const std::string& body) const {
        return static_cast<size_t>(std::count_if(
            destination_->batches.begin(), destination_->batches.end(),
            [&](const Batch& each) { return std::count(each.begin(), each.end(), body) > 0; }));
    }

    bool closed_ = false;  // to everything
    bool mended_ = false;
    bool may_be_its_own_ = true;
    std::vector<int64_t> sent_us_;
};

TEST_F(DeliveryTakenApartTest, OneForbiddenEntryHoldsNoneOfTheOthers) {
    start();
    append(4);
    append(bad(1));
    append(4);
    turns(10, 10);
    EXPECT_EQ(good(), 8u);
    EXPECT_LE(batches(), 19u);
    EXPECT_EQ(holds(), 0u);
    EXPECT_EQ(log().totals().pending(), 1u);
    EXPECT_EQ(destination_->attempts["bad0"], 0u) << "no attempt is counted";
}

TEST_F(DeliveryTakenApartTest, ThirtyGoodAmongTenBadAllLeave) {
    start();
    std::vector<std::string> mixed;
    for (size_t i = 0; i < 40; ++i) {
        mixed.push_back(i % 4 == 1 ? "bad" + std::to_string(i) : "good" + std::to_string(i));
    }
    append(mixed);
    pass(5'000, 10);
    EXPECT_EQ(good(), 30u);
    EXPECT_EQ(log().totals().pending(), 10u);
    pass(2'000);
    EXPECT_EQ(metrics_.held.parts[0], 10u);
}

TEST_F(DeliveryTakenApartTest, ABatchOfForbiddenOnesOnlyIsFollowedByTheGoodOnes) {
    start();
    append_to("secret", bad(200));
    append(30);
    pass(5'000, 10);
    EXPECT_EQ(good(), 30u);
}

TEST_F(DeliveryTakenApartTest, WhatFailedAloneIsTriedAtMostOnceASecondInAll) {
    start();
    append(20);
    append(bad(5));
    append(20);
    pass(3'000, 10);
    ASSERT_EQ(good(), 40u);
    const size_t before = batches();
    pass(60'000, 10);
    EXPECT_LE(batches() - before, 60u);
    std::set<std::string> tried;
    for (size_t i = before; i < batches(); ++i) {
        ASSERT_EQ(destination_->batches[i].size(), 1u);
        tried.insert(destination_->batches[i].front());
    }
    EXPECT_EQ(tried.size(), 5u) << "another each time";
}

TEST_F(DeliveryTakenApartTest, ANameThatFailedAloneTravelsAloneForAMinute) {
    start();
    append_to("mixed", {"good-a", "bad0", "good-b"});
    pass(1'000, 10);
    ASSERT_EQ(good(), 2u);
    append_to("mixed", {"c", "d", "e"});
    append_to("other", {"f", "g", "h"});
    turns(5, 10);
    EXPECT_EQ(good(), 8u);
    EXPECT_THAT(destination_->batches, testing::Contains(testing::ElementsAre("c")));
    EXPECT_THAT(destination_->batches, testing::Contains(testing::ElementsAre("f", "g", "h")));
    pass(61'000);
    append_to("mixed", {"i", "j", "k"});
    turns(5, 10);
    EXPECT_THAT(destination_->batches, testing::Contains(testing::ElementsAre("i", "j", "k")));
}

TEST_F(DeliveryTakenApartTest, EverythingGoesOnceThePolicyIsMended) {
    start();
    append_to("secret", bad(3'000));
    append(50);
    pass(20'000, 10);
    ASSERT_EQ(good(), 50u);
    mended_ = true;
    pass(32'000, 10);
    EXPECT_EQ(delivered(), 3'050u);
    EXPECT_EQ(log().totals().pending(), 0u);
}

// The first one on its way is all that is known; what comes next shows more.
TEST_F(DeliveryTakenApartTest, AForbiddenEntryAloneDoesNotMakeTheNextOneWait) {
    start();
    append_to("secret", bad(1));
    pass(300'000);
    append(1);
    turns(3);
    EXPECT_EQ(good(), 1u);
    append(20);
    turns(5, 5);
    EXPECT_EQ(good(), 21u);
    EXPECT_LE(holds(), 1u);
}

TEST_F(DeliveryTakenApartTest, AForbiddenNameThatGoesOnComingHoldsNobodyUp) {
    start();
    size_t forbidden = 0;
    for (int i = 0; i < 600; ++i) {
        append_to("secret", {"bad" + std::to_string(forbidden++)});
        append(1);
        turns(1, 100);
    }
    turns(5, 100);
    EXPECT_EQ(good(), 600u);
    EXPECT_LE(holds(), 1u);
    EXPECT_LE(batches(), 600u + 60 + 40) << "a closed name is tried once a second";
}

// Counted beside a hold that is everybody's, which is how it was for all before.
TEST_F(DeliveryTakenApartTest, InAFullOutageNoMoreIsSentThanTheBatchThatIsTakenApart) {
    closed_ = true;
    const auto count = [this](bool is_own) {
        may_be_its_own_ = is_own;
        letters_.reset();
        loop_.reset();
        logs_.clear();
        std::filesystem::remove_all(spool_);
        std::filesystem::create_directory(spool_);
        destination_->batches.clear();
        start();
        append(500);
        for (int minute = 0; minute < 60; ++minute) {
            append(10);
            pass(60'000, 1'000);
        }
        return batches();
    };
    const size_t before = count(false);
    const size_t now = count(true);
    EXPECT_LE(now, before + 10);
    EXPECT_GT(before, 60u);
    EXPECT_EQ(delivered(), 0u);
    for (size_t i = 11 + destination_->max_in_flight_; i < now; ++i) {
        EXPECT_EQ(destination_->batches[i].size(), 1u) << "each probe is one entry";
    }
    std::set<std::string> probes;
    for (size_t i = now - 30; i < now; ++i) probes.insert(destination_->batches[i].front());
    EXPECT_EQ(probes.size(), 30u) << "another each time";

    closed_ = false;
    pass(32'000, 10);
    EXPECT_EQ(log().totals().pending(), 0u) << "everything goes";
}

TEST_F(DeliveryTakenApartTest, CredentialsAreEverybodys) {
    may_be_its_own_ = false;
    start();
    append(4);
    append(bad(1));
    append(4);
    turns(10, 10);
    EXPECT_EQ(holds(), 1u);
    EXPECT_EQ(batches(), 1u) << "nothing is taken apart";
}

TEST_F(DeliveryTakenApartTest, AProbeOfAHoldIsOneEntryAndAnotherEachTime) {
    may_be_its_own_ = false;
    start();
    append(4);
    append(bad(1));
    append(4);
    pass(10'000, 100);
    EXPECT_EQ(destination_->batches.at(0).size(), 9u);
    EXPECT_EQ(destination_->batches.at(1).size(), 1u);
    EXPECT_EQ(destination_->batches.at(3).size(), 1u);
    EXPECT_EQ(good(), 8u) << "the good ones are found";
}

TEST_F(DeliveryTakenApartTest, ABreakersProbeIsOneEntryToo) {
    destination_->script = [](const Batch& batch) {
        auto result = PlayedDestination::all(batch, {Kind::retry, "Http500", {}});
        result.unreachable = true;
        return std::any_of(batch.begin(), batch.end(), is_forbidden)
                   ? result
                   : PlayedDestination::take(batch);
    };
    start();
    append(bad(1));
    while (metrics_.breaker_open.parts[0] == 0) turns(1, 100);
    append(8);
    pass(45'000);
    EXPECT_EQ(good(), 8u);
}

TEST_F(DeliveryTakenApartTest, WhatIsRefusedAloneIsADeadLetterAndTheOthersLeave) {
    destination_->script = [](const Batch& batch) {
        if (std::none_of(batch.begin(), batch.end(), is_forbidden)) {
            return PlayedDestination::take(batch);
        }
        EntryVerdict verdict{Kind::hold, "AccessDeniedException", {}};
        verdict.may_be_its_own = true;
        if (batch.size() == 1) verdict = {Kind::refused, "MalformedDetail", {}};
        return PlayedDestination::all(batch, verdict);
    };
    start();
    append(4);
    append(bad(1));
    turns(10, 10);
    EXPECT_EQ(good(), 4u);
    EXPECT_EQ(log().totals().dead, 1u);
    EXPECT_EQ(holds(), 0u);
}

TEST_F(DeliveryTakenApartTest, HeldTimeOfWhatWaitsAloneDoesNotAge) {
    settings_.retry.give_up_after_ms = 60'000;
    settings_.retry.min_attempts = 1;
    start();
    append(2);
    append(bad(1));
    pass(600'000);
    EXPECT_EQ(log().totals().dead, 0u);
    EXPECT_EQ(log().totals().pending(), 1u);
}

}  // namespace
}  // namespace momento::fakes
