// What becomes of entries that do not get through at once.
#include <gmock/gmock.h>

#include <algorithm>

#include "delivery_rig.h"

namespace momento::fakes {
namespace {

using Batch = PlayedDestination::Batch;

class DeliveryFailuresTest : public DeliveryRig {
  protected:
    static EntryVerdict delivered_verdict() { return {Kind::delivered, {}, {}}; }

    // Every entry the same, until told otherwise.
    void all(EntryVerdict verdict) {
        destination_->script = [verdict](const Batch& batch) {
            return PlayedDestination::all(batch, verdict);
        };
    }
    void unreachable() {
        destination_->script = [](const Batch& batch) {
            auto result = PlayedDestination::all(batch, {Kind::retry, "NotConnected", {}});
            result.unreachable = true;
            result.trouble = "no route";
            return result;
        };
    }
    void take() { destination_->script = PlayedDestination::take; }

    // The bodies named get this verdict, the others through.
    void only(std::vector<std::string> bodies, EntryVerdict verdict) {
        destination_->script = [=](const Batch& batch) {
            auto result = PlayedDestination::take(batch);
            for (size_t i = 0; i < batch.size(); ++i) {
                if (std::count(bodies.begin(), bodies.end(), batch[i])) {
                    result.entries[i] = verdict;
                }
            }
            return result;
        };
    }
};

TEST_F(DeliveryFailuresTest, OnlyTheEntriesThatFailedAreSentAgain) {
    only({"2", "5"}, {Kind::retry, "InternalFailure", {}});
    start();
    append(10);
    turns(2);
    EXPECT_EQ(delivered(), 8u);
    EXPECT_EQ(log().totals().delivered, 8u);
    EXPECT_EQ(metrics_.retried, 2u);
    EXPECT_EQ(outcomes(DeliveryOutcome::partial), 1u);
    take();
    pass(1'000);
    EXPECT_EQ(delivered(), 10u);
    EXPECT_EQ(log().totals().delivered, 10u);
    for (size_t i = 1; i < batches(); ++i) {
        for (const auto& body : destination_->batches[i]) {
            EXPECT_THAT(body, testing::AnyOf("2", "5"));
        }
    }
}

TEST_F(DeliveryFailuresTest, VerdictsAreTakenByTheirPlaceInTheBatch) {
    destination_->script = [](const Batch& batch) {
        BatchResult result;
        for (size_t i = 0; i < batch.size(); ++i) {
            Kind kind = std::stoi(batch[i]) % 3 == 0 ? Kind::refused : Kind::delivered;
            result.entries.push_back({kind, "MalformedDetail", {}});
        }
        return result;
    };
    start();
    append(30);
    turns(10, 5);
    EXPECT_EQ(log().totals().delivered, 20u);
    EXPECT_EQ(log().totals().dead, 10u);
    for (const Letter& letter : read_letters()) {
        EXPECT_EQ(std::stoi(std::string(letter.record.body)) % 3, 0);
    }
}

TEST_F(DeliveryFailuresTest, AShortAnswerDecidesNothingAboutTheRest) {
    destination_->script = [](const Batch&) {
        BatchResult result;
        result.entries = {{Kind::delivered, {}, {}}};
        return result;
    };
    destination_->keeps = true;  // answered by hand: the played one counts by place
    start();
    append(3);
    turns(1);
    auto [bodies, done] = std::move(destination_->in_flight.front());
    destination_->in_flight.pop_front();
    done(destination_->script(bodies));
    turns(1);
    EXPECT_EQ(log().totals().delivered, 1u);
    EXPECT_EQ(log().totals().pending(), 2u);
}

TEST_F(DeliveryFailuresTest, ThrottlingDelaysAndNarrows) {
    destination_->max_in_flight_ = 8;
    destination_->script = [](const Batch& batch) {
        auto result = PlayedDestination::all(batch, {Kind::retry, "ThrottlingException", {}});
        result.throttled = true;
        result.retry_after_ms = 4'000;
        return result;
    };
    start();
    append(10);
    turns(1);
    pass(3'900);
    EXPECT_EQ(batches(), 1u) << "the destination asked for 4 s";
    pass(200);
    EXPECT_EQ(batches(), 2u);
    EXPECT_EQ(outcomes(DeliveryOutcome::throttled), 2u);

    destination_->keeps = true;
    append(200);
    turns(3, 10);
    EXPECT_EQ(destination_->in_flight.size(), 2u) << "8 halved twice";
}

TEST_F(DeliveryFailuresTest, ARequestRefusedAsAWholeIsBisectedDownToThePoison) {
    destination_->script = [](const Batch& batch) {
        if (std::count(batch.begin(), batch.end(), "6") == 0)
            return PlayedDestination::take(batch);
        auto result =
            PlayedDestination::all(batch, {Kind::refused, "ValidationException", "why"});
        result.whole_request = true;
        return result;
    };
    start();
    append(10);
    turns(20);
    EXPECT_EQ(delivered(), 9u);
    EXPECT_LE(batches(), 9u);
    EXPECT_EQ(log().totals().dead, 1u);
    EXPECT_EQ(metrics_.refused, 1u);
    auto letters = read_letters();
    ASSERT_EQ(letters.size(), 1u);
    EXPECT_EQ(letters[0].record.body, "6");
    EXPECT_EQ(letters[0].record.attempts, 1u) << "what was refused with others is no attempt";
}

TEST_F(DeliveryFailuresTest, ADeadLetterTellsTheWholeStory) {
    start();
    all({Kind::retry, "InternalFailure", {}});
    append(std::vector<std::string>{"{\"text\":\"\xc3\xa9\"}"});
    int64_t accepted = clock_.wall_ms();
    turns(1);
    int64_t first = clock_.wall_ms();
    all({Kind::refused, "MalformedDetail", "Detail is malformed."});
    pass(1'000);
    auto letters = read_letters();
    ASSERT_EQ(letters.size(), 1u);
    const Record& letter = letters[0].record;
    EXPECT_EQ(letter.kind, RecordKind::dead_letter);
    EXPECT_EQ(letter.origin, Origin::webhook);
    EXPECT_EQ(letter.body, "{\"text\":\"\xc3\xa9\"}");
    EXPECT_EQ(letter.destination, "bus");
    EXPECT_EQ(letter.reason_code, "MalformedDetail");
    EXPECT_EQ(letter.reason_message, "Detail is malformed.");
    EXPECT_EQ(letter.cache, "cache");
    EXPECT_EQ(letter.topic, "topic");
    EXPECT_EQ(letter.trace_header, "Root=1");
    EXPECT_EQ(letter.accepted_ms, accepted);
    EXPECT_EQ(letter.publish_ms, accepted - 5);
    EXPECT_EQ(letter.replay_id, (ReplayId{1, 2, 3}));
    EXPECT_EQ(letter.attempts, 2u);
    EXPECT_EQ(letter.first_attempt_ms, first);
    EXPECT_GT(letter.last_attempt_ms, first);
}

TEST_F(DeliveryFailuresTest, ARecordIsReleasedOnlyWhenItsLetterIsDurable) {
    all({Kind::refused, "MalformedDetail", {}});
    letters_pumped_ = false;
    start();
    append(3);
    turns(10, 100);
    EXPECT_EQ(log().totals().dead, 0u);
    EXPECT_EQ(log().totals().pending(), 3u);
    EXPECT_FALSE(loop_->idle());
    letters_pumped_ = true;
    turns(3);
    EXPECT_EQ(log().totals().dead, 3u);
    EXPECT_EQ(read_letters().size(), 3u);
    EXPECT_TRUE(loop_->idle());
}

// Letters whose spool is not there.
class UnstorableLettersTest : public DeliveryFailuresTest {
  protected:
    std::string letters_spool() const override { return spool_ + "/later"; }
};

TEST_F(UnstorableLettersTest, RecordsAreHeldUntilTheirLettersCanBeStored) {
    only({"1"}, {Kind::refused, "MalformedDetail", {}});
    start();
    append(3);
    pass(60'000);
    EXPECT_EQ(log().totals().dead, 0u);
    EXPECT_EQ(log().totals().pending(), 1u);
    EXPECT_EQ(metrics_.held.parts[0], 1u);
    EXPECT_EQ(destination_->attempts["1"], 0u) << "it is not sent again";
    EXPECT_GE(lines_.count("cannot be stored"), 2u);

    append(5);
    turns(10, 5);
    EXPECT_EQ(delivered(), 7u) << "others go on";

    std::filesystem::create_directory(letters_spool());
    pass(60'000);
    EXPECT_EQ(log().totals().dead, 1u);
    EXPECT_EQ(log().totals().pending(), 0u);
    EXPECT_EQ(metrics_.held.parts[0], 0u);
    EXPECT_EQ(lines_.count("dead letters can be stored again"), 1u);
    EXPECT_EQ(read_letters().size(), 1u);
}

TEST_F(DeliveryFailuresTest, TheBreakerStopsAttemptsButForAProbe) {
    unreachable();
    start();
    append(10);
    pass(1'000, 10);
    ASSERT_EQ(metrics_.breaker_open.parts[0], 1u);
    size_t before = batches();
    EXPECT_GE(before, 5u);
    pass(30'000, 10);
    EXPECT_LE(batches(), before + 6) << "probes, further and further apart";
    EXPECT_EQ(destination_->most_in_flight, 1u);
    EXPECT_EQ(lines_.count("cannot be reached (NotConnected: no route)"), 1u);

    take();
    pass(41'000, 10);
    EXPECT_EQ(delivered(), 10u);
    EXPECT_EQ(metrics_.breaker_open.parts[0], 0u);
    EXPECT_EQ(lines_.count("is back after"), 1u);
}

TEST_F(DeliveryFailuresTest, AttemptsThatAreNotMadeAreNotCounted) {
    unreachable();
    start();
    append(100);
    pass(600'000);
    uint64_t counted = 0;
    for (const auto& [body, attempts] : destination_->attempts) counted += attempts + 1;
    uint64_t made = 0;
    for (const auto& batch : destination_->batches) made += batch.size();
    EXPECT_EQ(counted, made);
    EXPECT_LT(batches(), 80u);
}

TEST_F(DeliveryFailuresTest, AHeldDestinationWaitsAndProbes) {
    all({Kind::hold, "AccessDeniedException", "not authorized to perform events:PutEvents"});
    start();
    append(50);
    turns(3);
    size_t at_first = batches();
    EXPECT_LE(at_first, 5u);
    pass(1'000);
    EXPECT_EQ(metrics_.held.parts[0], 50u);
    pass(600'000);
    EXPECT_LE(batches(), at_first + 45);
    EXPECT_GE(batches(), at_first + 18) << "every 30 s at least";
    for (const auto& [body, attempts] : destination_->attempts) EXPECT_EQ(attempts, 0u);
    EXPECT_EQ(lines_.count("is on hold (AccessDeniedException)"), 1u);
    EXPECT_EQ(lines_.count("not authorized"), 0u) << "messages may quote events";

    take();
    pass(31'000);
    EXPECT_EQ(delivered(), 50u);
    pass(2'000);
    EXPECT_EQ(metrics_.held.parts[0], 0u);
    EXPECT_EQ(lines_.count("is off hold after"), 1u);
}

TEST_F(DeliveryFailuresTest, AnEntryIsHeldAloneIfOthersGetThrough) {
    only({"3"}, {Kind::hold, "AccessDeniedException", {}});
    start();
    append(10);
    turns(5, 5);
    EXPECT_EQ(delivered(), 9u);
    append(20);
    turns(20, 5);
    EXPECT_EQ(delivered(), 29u) << "the destination is not held";
    pass(120'000);
    EXPECT_EQ(metrics_.held.parts[0], 1u);
    EXPECT_EQ(destination_->attempts["3"], 0u);
    take();
    pass(31'000);
    EXPECT_EQ(delivered(), 30u);
    EXPECT_EQ(metrics_.held.parts[0], 0u);
}

TEST_F(DeliveryFailuresTest, WhatIsDueTogetherLeavesInItsOrder) {
    start();
    append(20);
    turns(20, 5);
    only({"21", "22", "23", "24"}, {Kind::hold, "AccessDeniedException", {}});
    append(10);
    turns(20, 5);
    take();
    pass(2'000);
    EXPECT_THAT(destination_->batches.back(), testing::ElementsAre("21", "22", "23", "24"));
}

TEST_F(DeliveryFailuresTest, OldAndOftenTriedMeansDead) {
    settings_.retry.give_up_after_ms = 3'600'000;
    all({Kind::retry, "InternalFailure", "oops"});
    start();
    append(1);
    turns(1);
    pass(3'500'000, 10'000);
    EXPECT_EQ(log().totals().dead, 0u);
    pass(200'000, 10'000);
    EXPECT_EQ(log().totals().dead, 1u);
    auto letters = read_letters();
    ASSERT_EQ(letters.size(), 1u);
    EXPECT_EQ(letters[0].record.reason_code, "InternalFailure");
    EXPECT_THAT(std::string(letters[0].record.reason_message),
                testing::StartsWith("EXHAUSTED_RETRY_CONDITION MaximumEventAgeInSeconds"));
    EXPECT_GE(letters[0].record.attempts, 10u);
}

TEST_F(DeliveryFailuresTest, NothingDiesOfAgeWithFewAttempts) {
    settings_.retry.give_up_after_ms = 1;
    all({Kind::retry, "InternalFailure", {}});
    start();
    append(1);
    while (destination_->attempts["0"] < 9) {
        ASSERT_EQ(log().totals().dead, 0u);
        ASSERT_LT(batches(), 100u);
        turns(1, 100);
    }
    pass(30'000);
    EXPECT_EQ(batches(), 10u);
    EXPECT_EQ(log().totals().dead, 1u);
}

TEST_F(DeliveryFailuresTest, HeldTimeDoesNotAge) {
    settings_.retry.give_up_after_ms = 3'600'000;
    all({Kind::retry, "InternalFailure", {}});
    start();
    append(1);
    while (destination_->attempts["0"] < 12) turns(1, 100);
    all({Kind::hold, "ExpiredTokenException", {}});
    pass(10 * 3'600'000, 10'000);
    all({Kind::retry, "InternalFailure", {}});
    pass(60'000);
    EXPECT_EQ(log().totals().dead, 0u);
    pass(3'600'000, 10'000);
    EXPECT_EQ(log().totals().dead, 1u);
    auto letters = read_letters();
    ASSERT_EQ(letters.size(), 1u);
    EXPECT_GE(letters[0].record.held_ms, 10 * 3'600'000 - 31'000);
    EXPECT_LE(letters[0].record.held_ms, 10 * 3'600'000 + 31'000);
}

TEST_F(DeliveryFailuresTest, ASteppedWallClockDoesNotAge) {
    settings_.retry.give_up_after_ms = 3'600'000;
    all({Kind::retry, "InternalFailure", {}});
    start();
    append(1);
    while (destination_->attempts["0"] < 12) turns(1, 100);
    clock_.step_wall_ms(365LL * 24 * 3'600'000);
    pass(60'000);
    EXPECT_EQ(log().totals().dead, 0u);
}

TEST_F(DeliveryFailuresTest, RepeatedTroubleIsOneLineASecond) {
    only({"0"}, {Kind::retry, "InternalFailure", "event 0"});
    random_.set(0);  // again and again without a delay
    start();
    append(1);
    pass(10'000, 10);
    EXPECT_GT(batches(), 900u);
    EXPECT_LE(lines_.lines.size(), 11u);
    EXPECT_EQ(lines_.count("event 0"), 0u);
}

}  // namespace
}  // namespace momento::fakes
