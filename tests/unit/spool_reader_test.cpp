#include "spool/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

using sim::Operation;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ReaderTest : public SimLogTest {};

TEST_F(ReaderTest, HasNothingBeforeTheLogIsOpen) {
    PlayedLog& log = start();
    std::vector<ReadRecord> records;
    EXPECT_FALSE(log.reader.read(10, 10'000, records, log.damaged));
    EXPECT_EQ(log.reader.next_sequence(), 0u);
    ASSERT_TRUE(log.append("one"));
    EXPECT_TRUE(log.reader.read(10, 10'000, records, log.damaged));
    EXPECT_EQ(log.reader.next_sequence(), 2u);
    EXPECT_FALSE(log.reader.read(10, 10'000, records, log.damaged));
    EXPECT_THAT(records, SizeIs(1));
}

TEST_F(ReaderTest, StopsAtWhatItWasAskedFor) {
    PlayedLog& log = start();
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
    std::vector<ReadRecord> records;
    EXPECT_TRUE(log.reader.read(7, SIZE_MAX, records, log.damaged));
    EXPECT_THAT(records, SizeIs(7));
    EXPECT_TRUE(log.reader.read(100, 5'000, records, log.damaged));
    EXPECT_THAT(records, SizeIs(12));  // about as many bytes, one record at least
    EXPECT_TRUE(log.reader.read(100, 1, records, log.damaged));
    EXPECT_THAT(records, SizeIs(13));
    while (log.reader.read(3, SIZE_MAX, records, log.damaged)) {
    }
    ASSERT_THAT(records, SizeIs(40));
    for (size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(records[i].record.body, padded(std::to_string(i), 900));
        EXPECT_EQ(records[i].record.sequence, i + 1);
    }
}

TEST_F(ReaderTest, KeepsRecordsThatAreLargerThanItsChunks) {
    settings_.segment_size = 1u << 20;
    settings_.size = 8u << 20;
    PlayedLog& log = start();
    std::vector<std::string> bodies;
    for (size_t size : {10u, 64'000u, 65'536u, 65'600u, 300'000u, 100u, 500'000u, 10u}) {
        bodies.push_back(padded(std::to_string(size), size));
        ASSERT_TRUE(log.append(bodies.back()));
    }
    EXPECT_EQ(log.read_bodies(), bodies);
    EXPECT_EQ(restart().read_bodies(), bodies);
}

TEST_F(ReaderTest, FollowsTheTailRecordByRecord) {
    PlayedLog& log = start();
    for (int i = 0; i < 100; ++i) {
        std::string body = padded(std::to_string(i), 900);
        ASSERT_TRUE(log.append(body));
        ASSERT_THAT(log.read_bodies(), ElementsAre(body));
        if (i % 20 == 19) {
            log.log->release({});
            std::vector<Release> all;
            for (uint64_t s = 1; s <= static_cast<uint64_t>(i) + 1; ++s) {
                all.push_back({s, {}, Resolution::delivered});
            }
            log.log->release(all);
            log.settle();
        }
    }
    EXPECT_THAT(log.damaged, IsEmpty());
}

TEST_F(ReaderTest, SkipsWhatWasReleasedBefore) {
    PlayedLog& log = start();
    for (int i = 1; i <= 50; ++i) ASSERT_TRUE(log.append(padded(std::to_string(i), 500)));
    std::vector<Release> releases;
    std::vector<ReadRecord> records = log.read();
    for (const ReadRecord& read : records) {
        if (read.record.sequence % 10 != 0) {
            releases.push_back({read.record.sequence, read.end, Resolution::delivered});
        }
    }
    log.log->release(releases);
    log.step();
    std::vector<uint64_t> left;
    for (const ReadRecord& read : restart().read()) left.push_back(read.record.sequence);
    EXPECT_THAT(left, ElementsAre(10u, 20u, 30u, 40u, 50u));
    EXPECT_THAT(log_->damaged, IsEmpty());
}

TEST_F(ReaderTest, SurvivesItsSegmentBeingUsedAgain) {
    // All but the first record of every segment was released by the process before, so that
    // the reader has still to pass records of segments that are recycled.
    PlayedLog& log = start();
    for (int i = 0; i < 48; ++i) ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
    std::vector<ReadRecord> records = log.read();
    std::vector<Release> releases;
    for (const ReadRecord& read : records) {
        if (read.record.sequence % 12 != 1) {
            releases.push_back({read.record.sequence, read.end, Resolution::delivered});
        }
    }
    log.log->release(releases);
    log.step();

    PlayedLog& after = restart();
    std::vector<std::string> bodies;
    for (int i = 0; i < 4; ++i) {
        std::vector<ReadRecord> one = after.read(1);
        ASSERT_THAT(one, SizeIs(1));
        bodies.emplace_back(one[0].record.body);
        after.release(one);
        clock_.advance_ms(1'100);
        after.settle();
        // And filled anew at once.
        for (int j = 0; j < 12; ++j) ASSERT_TRUE(after.append(padded("new", 900)));
    }
    EXPECT_THAT(bodies, ElementsAre(padded("0", 900), padded("12", 900), padded("24", 900),
                                    padded("36", 900)));
    EXPECT_THAT(after.read(), SizeIs(48));
    EXPECT_THAT(after.damaged, IsEmpty());
    EXPECT_EQ(lines_.count("lost"), 0u);
    EXPECT_THAT(files_like("damaged"), IsEmpty());
}

TEST_F(ReaderTest, TriesAgainWhenTheMachineHasNoDescriptors) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    ASSERT_TRUE(log.append("two"));
    PlayedLog& after = restart();
    constexpr int calls = 2'000;
    disk_.fail_next(Operation::open, EMFILE, calls);
    for (int i = 0; i < calls; ++i) EXPECT_THAT(after.read(), IsEmpty());
    EXPECT_THAT(after.read_bodies(), ElementsAre("one", "two"));
    EXPECT_THAT(after.damaged, IsEmpty());
    EXPECT_EQ(lines_.count("stands still"), 1u);
}

TEST_F(ReaderTest, ReportsLostRecordsNoFurtherThanTheWindowReaches) {
    settings_.size = 512 * settings_.segment_size;
    PlayedLog& log = start();
    const uint64_t count = 17'400;  // more than the window
    for (uint64_t i = 0; i < count; i += 100) {
        ASSERT_TRUE(log.append(std::vector<Record>(100, event("x"))));
    }
    kill();
    // All of it but what the last segment holds.
    std::vector<std::string> segments = files_like(".segment");
    for (size_t i = 0; i + 1 < segments.size(); ++i) {
        ASSERT_TRUE(slot_directory()->remove(segments[i]));
    }
    PlayedLog& after = restart();
    // A cursor was written, with base 1: all of them count as lost, a window at a time.
    uint64_t lost = 0;
    size_t read = 0;
    for (int i = 0; i < 10; ++i) {
        read += after.read().size();
        EXPECT_LE(after.damaged.size(), cursor_window);
        lost += after.damaged.size();
        after.log->release(std::exchange(after.damaged, {}));
        after.settle();
    }
    EXPECT_EQ(lost + read, count);
    EXPECT_EQ(after.totals().damaged, lost);
}

TEST_F(ReaderTest, ReadsOnIntoTheChunkOfTheRecordsBefore) {
    PlayedLog& log = start();
    std::vector<ReadRecord> records;
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
        for (ReadRecord& read : log.read()) records.push_back(std::move(read));
    }
    ASSERT_THAT(records, SizeIs(5));
    for (size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(records[i].record.body, padded(std::to_string(i), 900));
        EXPECT_EQ(records[i].chunk, records[0].chunk);
    }
}

TEST_F(ReaderTest, HoldsOnlyTheChunksOfRecordsThatAreHeld) {
    PlayedLog& log = start();
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
    std::vector<ReadRecord> records = log.read();
    std::weak_ptr<const Bytes> first = records.front().chunk;
    EXPECT_FALSE(first.expired());
    std::string_view body = records[1].record.body;
    ReadRecord kept = records[1];
    records.clear();
    EXPECT_EQ(body, padded("1", 900));
    EXPECT_FALSE(first.expired());
    kept = {};
    EXPECT_TRUE(first.expired());
}

}  // namespace
}  // namespace momento::spool_test
