// A log of dead letters, delivered to what takes them.
#include <gtest/gtest.h>

#include "delivery_rig.h"

namespace momento::fakes {
namespace {

class DeliveryOfLetters : public DeliveryRig {
  protected:
    void append_letters(const std::vector<std::string>& bodies) {
        std::vector<Record> records;
        for (const std::string& body : bodies) {
            Record record;
            record.kind = RecordKind::dead_letter;
            record.destination = "bus";
            record.attempts = 12;
            record.last_attempt_ms = clock_.wall_ms();
            record.body = body;
            records.push_back(record);
        }
        log().append(records);
    }

    static BatchResult keep_bad(const PlayedDestination::Batch& batch) {
        BatchResult result;
        for (const std::string& body : batch) {
            result.entries.push_back(body == "bad" ? EntryVerdict{Kind::keep, "Invalid", {}}
                                                   : EntryVerdict{Kind::delivered, {}, {}});
        }
        return result;
    }
};

TEST_F(DeliveryOfLetters, LeaveAtOnceHoweverOftenTheyWereTried) {
    start();
    append_letters({"a"});
    turns(3);
    EXPECT_EQ(delivered(), 1u);
}

TEST_F(DeliveryOfLetters, WhatIsKeptStaysInTheLogAndHindersNobody) {
    destination_->script = keep_bad;
    start();
    append_letters({"bad", "a"});
    append_letters({"b"});
    turns(5);
    EXPECT_EQ(delivered(), 2u);
    pass(2'000);
    EXPECT_EQ(log().totals().pending(), 1u);
    EXPECT_EQ(lines_.count("left in the spool, the queue does not take them (Invalid)"), 1u);
    const size_t sent = batches();
    pass(60'000, 1'000);
    EXPECT_EQ(batches(), sent) << "nothing is tried again that will never be taken";
}

TEST_F(DeliveryOfLetters, WhatIsSomebodyElsesIsNeverSent) {
    destination_->accepts_ = [](const Record& record) { return record.body != "other"; };
    start();
    append_letters({"other", "a"});
    turns(5);
    EXPECT_EQ(delivered(), 1u);
    EXPECT_EQ(destination_->attempts.count("other"), 0u);
    EXPECT_EQ(log().totals().pending(), 1u);
}

TEST_F(DeliveryOfLetters, SpeakOfThemselves) {
    settings_.subject = "dead-letter queue of destination \"bus\"";
    destination_->script = [](const PlayedDestination::Batch& batch) {
        return PlayedDestination::all(batch, {Kind::hold, "QueueDoesNotExist", {}});
    };
    start();
    append_letters({"a"});
    turns(3);
    EXPECT_EQ(
        lines_.count("dead-letter queue of destination \"bus\" is on hold (QueueDoesNotExist)"),
        1u);
}

}  // namespace
}  // namespace momento::fakes
