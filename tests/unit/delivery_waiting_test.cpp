// What waits does not fill the memory that reading has.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "delivery_rig.h"

namespace momento::fakes {
namespace {

using Batch = PlayedDestination::Batch;

bool is_bad(const std::string& body) {
    return body.find("bad") == 0;
}

class DeliveryWaitingTest : public DeliveryRig {
  protected:
    DeliveryWaitingTest() {
        destination_->max_in_flight_ = 64;
        destination_->script = [this](const Batch& batch) {
            auto result = PlayedDestination::take(batch);
            for (size_t i = 0; i < batch.size(); ++i) {
                if (is_bad(batch[i]) && !mended_) result.entries[i] = verdict_;
            }
            return result;
        };
    }

    void append_bad(size_t count, size_t size = 0) {
        std::vector<std::string> bodies;
        for (size_t i = 0; i < count; ++i) {
            bodies.push_back("bad" + std::to_string(next_bad_++) + std::string(size, '.'));
        }
        append(bodies);
    }
    size_t good() const {
        return static_cast<size_t>(
            std::count_if(destination_->delivered.begin(), destination_->delivered.end(),
                          [](const auto& each) { return !is_bad(each.first); }));
    }

    // Makes the record with this body unreadable, or readable again.
    void flip(const std::string& body) {
        for (const auto& each : std::filesystem::recursive_directory_iterator(spool_)) {
            if (!each.is_regular_file()) continue;
            std::fstream file(each.path(), std::ios::in | std::ios::out | std::ios::binary);
            const std::string text{std::istreambuf_iterator<char>(file), {}};
            std::string found = flipped_.empty() ? body : flipped_;
            const size_t at = text.find(found);
            if (at == std::string::npos) continue;
            found[0] = static_cast<char>(found[0] ^ 0x20);
            file.clear();
            file.seekp(static_cast<std::streamoff>(at));
            file << found;
            flipped_ = found;
            return;
        }
        FAIL() << "no file of the spool holds it";
    }

    std::string flipped_;
    EntryVerdict verdict_{Kind::retry, "InternalFailure", {}};
    bool mended_ = false;
    size_t next_bad_ = 0;
};

TEST_F(DeliveryWaitingTest, FifteenHundredThatFailDoNotKeepFiftyGoodOnes) {
    start();
    append_bad(1'500);
    pass(5'000, 10);
    append(50);
    pass(2'000, 10);
    EXPECT_EQ(good(), 50u);
    EXPECT_EQ(log().totals().pending(), 1'500u);
    mended_ = true;
    pass(60'000);
    EXPECT_EQ(delivered(), 1'550u) << "what waited is read again";
    EXPECT_EQ(log().totals().pending(), 0u);
}

TEST_F(DeliveryWaitingTest, NorDoTenMegabytesOfThem) {
    start();
    for (int i = 0; i < 10; ++i) append_bad(10, 100'000);
    pass(5'000, 10);
    append(50);
    pass(2'000, 10);
    EXPECT_EQ(good(), 50u);
    mended_ = true;
    pass(60'000);
    EXPECT_EQ(delivered(), 150u);
}

TEST_F(DeliveryWaitingTest, WhatWaitsIsSentAgainByteForByte) {
    start();
    append(std::vector<std::string>{"bad", "bad" + std::string(70'000, 'x'), "good"});
    pass(1'000);
    mended_ = true;
    pass(30'000);
    EXPECT_EQ(destination_->delivered["bad" + std::string(70'000, 'x')], 1);
    EXPECT_EQ(destination_->delivered["bad"], 1);
    EXPECT_GT(destination_->attempts["bad"], 0u) << "attempts go on being counted";
}

// Nothing has ever passed, and more fail than the cursor's window holds.
TEST_F(DeliveryWaitingTest, ABlockerOfTheWindowIsAppendedAgainThoughNothingPassed) {
    start();
    while (next_bad_ < cursor_window + 100) {
        append_bad(1'000);
        turns(5, 10);
    }
    append(50);
    const uint64_t requeued = log().totals().requeued;
    EXPECT_LE(requeued, 1'000u);
    pass(15'000, 10);
    EXPECT_EQ(good(), 50u);
    EXPECT_GE(log().totals().requeued, requeued + 100);
    EXPECT_LE(log().totals().requeued, requeued + 100 * 15 + 100) << "a hundred a second";
}

TEST_F(DeliveryWaitingTest, WhatTheDiskDoesNotGiveBackWaitsAndOthersGo) {
    start();
    append_bad(3);
    turns(3, 1);
    flip("bad1");
    append(5);
    mended_ = true;
    pass(5'000, 10);
    EXPECT_EQ(good(), 5u);
    EXPECT_EQ(destination_->delivered.count("bad1"), 0u);
    EXPECT_EQ(log().totals().pending(), 1u);
    EXPECT_GE(lines_.count("the spool does not give them back"), 1u);
    flip("bad1");
    pass(5'000, 10);
    EXPECT_EQ(destination_->delivered["bad1"], 1) << "once the disk does";
    EXPECT_EQ(log().totals().pending(), 0u);
}

// Letters whose spool is not there.
class UnstorableWaitingTest : public DeliveryWaitingTest {
  protected:
    UnstorableWaitingTest() { verdict_ = {Kind::refused, "MalformedDetail", {}}; }
    std::string letters_spool() const override { return spool_ + "/later"; }
};

TEST_F(UnstorableWaitingTest, ThreeThousandWithoutALetterDoNotKeepFiftyGoodOnes) {
    start();
    append_bad(3'000);
    pass(5'000, 10);
    append(50);
    pass(3'000, 10);
    EXPECT_EQ(good(), 50u);
    EXPECT_EQ(log().totals().pending(), 3'000u);
    EXPECT_EQ(log().totals().dead, 0u);
    pass(2'000);
    EXPECT_EQ(metrics_.held.parts[0], 3'000u);

    std::filesystem::create_directory(letters_spool());
    pass(60'000, 10);
    EXPECT_EQ(log().totals().dead, 3'000u);
    EXPECT_EQ(read_letters().size(), 3'000u);
}

TEST_F(UnstorableWaitingTest, OneLetterAtATimeFindsOutWhetherTheyCanBeStored) {
    start();
    append_bad(3'000);
    pass(5'000, 10);
    const size_t before = lines_.count("dead letters cannot be stored");
    pass(120'000);
    const size_t probes = lines_.count("dead letters cannot be stored") - before;
    EXPECT_GE(probes, 3u);
    EXPECT_LE(probes, 12u);
    EXPECT_EQ(lines_.count(": 1 event held because"), lines_.count(" event held because"));
}

TEST_F(DeliveryWaitingTest, ALettersLogThatStandsStillDoesNotKeepGoodOnes) {
    verdict_ = {Kind::refused, "MalformedDetail", {}};
    letters_pumped_ = false;
    start();
    append_bad(3'000);
    pass(2'000, 10);
    append(50);
    pass(1'000, 10);
    EXPECT_EQ(good(), 50u);
    letters_pumped_ = true;
    pass(5'000, 10);
    EXPECT_EQ(log().totals().dead, 3'000u);
}

}  // namespace
}  // namespace momento::fakes
