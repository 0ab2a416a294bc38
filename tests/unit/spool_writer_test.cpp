#include "spool/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <list>

#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

using sim::Operation;
using testing::Contains;
using testing::ElementsAre;
using testing::Ge;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;

class WriterTest : public SimLogTest {
  protected:
    std::vector<Record> events(size_t count, size_t size, const std::string& text = "x") {
        bodies_.emplace_back(padded(text, size));
        Record record = event("");
        record.body = bodies_.back();
        return std::vector<Record>(count, record);
    }

    bool append_padded(const std::string& text, size_t size = 900, bool reserve = false) {
        return log_->append(events(1, size, text), reserve);
    }

    uint64_t syncs() const { return disk_.count(Operation::sync); }

    // Fills the log until it refuses; how many were stored.
    int fill() {
        int stored = 0;
        while (append_padded("fill")) {
            ++stored;
            log_->settle();
        }
        return stored;
    }

    std::list<std::string> bodies_;
};

// --- group commit

TEST_F(WriterTest, SyncsOnceForAllThatHasQueued) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("opens the slot"));
    log.settle();
    uint64_t syncs_before = syncs();
    uint64_t writes_before = disk_.count(Operation::write);
    for (int i = 0; i < 5; ++i) log.post(events(2, 100));
    log.step();
    EXPECT_EQ(syncs(), syncs_before + 1);
    EXPECT_EQ(disk_.count(Operation::write), writes_before + 1);
    std::vector<Settlement> settled = log.settlements();
    ASSERT_THAT(settled, SizeIs(5));
    uint64_t ticket = 2;
    uint64_t sequence = 2;
    for (const Settlement& settlement : settled) {
        EXPECT_TRUE(settlement.durable);
        EXPECT_EQ(settlement.first_ticket, ticket);
        EXPECT_EQ(settlement.first_sequence, sequence);
        EXPECT_EQ(settlement.count, 2u);
        ticket += 2;
        sequence += 2;
    }
}

TEST_F(WriterTest, DoesNothingWithoutMail) {
    start();
    EXPECT_FALSE(log_->writer->step());
    EXPECT_THAT(list("/spool"), IsEmpty());
    log_->writer->finish();
    EXPECT_THAT(list("/spool"), IsEmpty());
}

TEST_F(WriterTest, TellsNobodyBeforeTheSync) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.post({event("two")});
    bool seen = false;
    observer_.on_step = [&](const std::string& step) {
        if (step != steps::records_written) return;
        seen = true;
        EXPECT_THAT(log.settlements(), IsEmpty());
        EXPECT_EQ(log.read_bodies(), std::vector<std::string>{"one"});
    };
    log.step();
    EXPECT_TRUE(seen);
    EXPECT_THAT(log.settlements(), SizeIs(1));
    EXPECT_EQ(log.read_bodies(), std::vector<std::string>{"two"});
}

TEST_F(WriterTest, WakesTheReaderOnceForABatch) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    int wakes = log.wakes;
    log.post(events(10, 100));
    log.step();
    EXPECT_EQ(log.wakes, wakes + 1);
    log.step();
    EXPECT_EQ(log.wakes, wakes + 1);
}

TEST_F(WriterTest, MakesTheFirstEventWaitForOneMegabyteAtMost) {
    settings_.segment_size = 16u << 20;
    settings_.size = 1u << 30;
    PlayedLog& log = start();
    log.post({event("first")});
    uint64_t used = 0;
    observer_.on_step = [&](const std::string& step) {
        if (step == steps::records_settled && used == 0) used = disk_.used();
    };
    log.step();
    EXPECT_THAT(used, Le((1u << 20) + 8192));
}

TEST_F(WriterTest, WritesNoZerosInSteadyState) {
    PlayedLog& log = start();
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 12; ++i) ASSERT_TRUE(append_padded("x"));
        log.release(log.read());
        clock_.advance_ms(1'100);
        log.settle();
    }
    observer_.steps.clear();
    uint64_t used = disk_.used();
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 12; ++i) ASSERT_TRUE(append_padded("x"));
        log.release(log.read());
        clock_.advance_ms(1'100);
        log.settle();
    }
    EXPECT_EQ(std::count(observer_.steps.begin(), observer_.steps.end(), steps::spare_extended),
              0);
    EXPECT_GE(
        std::count(observer_.steps.begin(), observer_.steps.end(), steps::segment_recycled),
        19);
    EXPECT_EQ(disk_.used(), used);
}

// --- recycling

TEST_F(WriterTest, RecyclesOnlyWhatTheCursorHasMadeDurable) {
    PlayedLog& log = start();
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(append_padded("x"));
    log.settle();
    observer_.steps.clear();
    log.release(log.read());
    log.settle();
    std::string last_cursor_step;
    int recycled = 0;
    for (const std::string& step : observer_.steps) {
        if (step.find("cursor") != std::string::npos) last_cursor_step = step;
        if (step == steps::segment_recycled || step == steps::segment_removed) {
            ++recycled;
            EXPECT_EQ(last_cursor_step, steps::cursor_synced);
        }
    }
    EXPECT_EQ(recycled, 2);
}

TEST_F(WriterTest, RecyclesNothingWhileTheCursorCannotBeKept) {
    PlayedLog& log = start();
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(append_padded("x"));
    log.settle();
    disk_.before = [](const sim::Call& call) {
        bool hit = call.path.find("cursor") != std::string::npos &&
                   (call.operation == Operation::write || call.operation == Operation::create);
        return hit ? sim::Fault{EIO} : sim::Fault{};
    };
    size_t segments = files_like(".segment").size();
    log.release(log.read());
    for (int i = 0; i < 5; ++i) {
        clock_.advance_ms(1'100);
        log.settle();
    }
    EXPECT_THAT(files_like(".segment"), SizeIs(segments));
    ASSERT_TRUE(append_padded("goes on"));

    disk_.before = {};
    clock_.advance_ms(1'100);
    log.settle();
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
    EXPECT_EQ(log.totals().pending(), 1u);
}

TEST_F(WriterTest, KeepsReleasedSegmentsAsLongAsAskedFor) {
    settings_.retain_ms = 60'000;
    PlayedLog& log = start();
    std::vector<Record> records = events(1, 900);
    records[0].publish_ms = clock_.wall_ms();
    for (int i = 0; i < 25; ++i) ASSERT_TRUE(log.append(records));
    log.release(log.read());
    log.settle();
    EXPECT_THAT(files_like(".segment"), SizeIs(3));
    clock_.advance_ms(59'000);
    log.settle();
    EXPECT_THAT(files_like(".segment"), SizeIs(3));
    clock_.advance_ms(1'001);
    log.settle();
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
}

TEST_F(WriterTest, KeepsReleasedSegmentsAcrossAProcess) {
    settings_.retain_ms = 60'000;
    PlayedLog& log = start();
    std::vector<Record> records = events(1, 900);
    records[0].publish_ms = clock_.wall_ms();
    for (int i = 0; i < 25; ++i) ASSERT_TRUE(log.append(records));
    log.release(log.read());
    log.writer->finish();
    restart();
    ASSERT_TRUE(append_padded("new"));
    log_->settle();
    EXPECT_THAT(files_like(".segment"), SizeIs(3));
    clock_.advance_ms(61'000);
    log_->settle();
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
}

TEST_F(WriterTest, LeavesNothingOfADrainedSlotThatNobodyAppendsTo) {
    PlayedLog& log = start();
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(append_padded("x"));
    PlayedLog& adopted = restart();
    adopted.release(adopted.read());
    adopted.settle();
    EXPECT_EQ(adopted.totals().pending(), 0u);
    EXPECT_THAT(files_like(".segment"), IsEmpty());
    adopted.writer->finish();
    (void)log;

    PlayedLog& again = restart();
    ASSERT_TRUE(append_padded("later"));
    std::vector<ReadRecord> records = again.read();
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_EQ(records[0].record.sequence, 31u);
}

// --- bounds

TEST_F(WriterTest, NeverOutgrowsItsBound) {
    PlayedLog& log = start();
    for (int round = 0; round < 3; ++round) {
        int stored = 0;
        for (int i = 0; i < 200; ++i) {
            stored += append_padded("x");
            ASSERT_THAT(bytes_in_slot(), Le(settings_.size));
            ASSERT_EQ(log.log->numbers().bytes, bytes_in_slot());
        }
        EXPECT_TRUE(log.log->numbers().full);
        EXPECT_EQ(stored, 6 * 12) << round;  // all segments but the reserve
        log.release(log.read());
        log.settle();
        EXPECT_FALSE(log.log->numbers().full);
        EXPECT_THAT(bytes_in_slot(), Le(4 * settings_.segment_size));
    }
}

// Spares are no events: a small log that is idle must not look as if it were nearly full, and
// one that is about to refuse must.
TEST_F(WriterTest, IsFullOfRecordsOnly) {
    settings_.size = 4 * settings_.segment_size;
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("x"));
    log.release(log.read());
    for (int second = 0; second < 5; ++second) {
        clock_.advance_ms(1'100);
        log.settle();
    }
    EXPECT_THAT(bytes_in_slot(), Ge(settings_.size / 2));
    EXPECT_LT(log.log->numbers().fullness, 0.2);

    double before = 0;
    while (append_padded("fill")) {
        before = log.log->numbers().fullness;
        log.settle();
    }
    EXPECT_GT(before, 0.8);
    EXPECT_LE(before, 1);
}

TEST_F(WriterTest, SettlesWhatItCannotStoreAtOnce) {
    PlayedLog& log = start();
    int stored = fill();
    EXPECT_GT(stored, 40);
    EXPECT_TRUE(log.log->numbers().full);
    EXPECT_FALSE(log.log->numbers().failing);
    log.post(events(3, 900));
    log.step();
    std::vector<Settlement> settled = log.settlements();
    ASSERT_THAT(settled, SizeIs(1));
    EXPECT_FALSE(settled[0].durable);
    EXPECT_EQ(settled[0].count, 3u);
    EXPECT_EQ(lines_.count("has reached its size"), 1u);  // one line a second
    EXPECT_EQ(lines_.count("\"size=\" of \"momento_spool\""), 1u);

    log.release(log.read());
    log.settle();
    EXPECT_TRUE(append_padded("room again"));
    EXPECT_FALSE(log.log->numbers().full);
}

TEST_F(WriterTest, TellsAFullDiskFromAFullLog) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("first"));
    log.settle();
    disk_.capacity = disk_.used();
    fill();
    EXPECT_TRUE(log.log->numbers().full);
    EXPECT_EQ(lines_.count("nothing can be stored: "), 1u);
    EXPECT_EQ(lines_.count(": No space left on device"), 1u);
    EXPECT_EQ(lines_.count("has reached its size"), 0u);
    EXPECT_THAT(lines_.of(Severity::error), SizeIs(1));
}

TEST_F(WriterTest, IsFullAsLongAsItMakesNoSegmentForARecord) {
    // There is room for the record, and none for the segment that would be made for it.
    settings_.segment_size = 1 << 20;
    settings_.size = 4 * settings_.segment_size;
    PlayedLog& log = start();
    bool has_stored = true;
    while (has_stored) {
        has_stored = false;
        while (append_padded("fill", 20'000)) {
            has_stored = true;
            log.settle();
        }
        clock_.advance_ms(1'000);
        log.settle();
    }
    EXPECT_TRUE(log.log->numbers().full);
    EXPECT_FALSE(append_padded("more", 20'000));
}

TEST_F(WriterTest, TellsPartOfABatchFromTheRest) {
    PlayedLog& log = start();
    std::vector<Record> batch = events(3, 100);
    std::vector<Record> large = events(1, settings_.segment_size);
    batch.insert(batch.begin() + 1, large[0]);
    log.post(batch);
    log.step();
    std::vector<Settlement> settled = log.settlements();
    ASSERT_THAT(settled, SizeIs(3));
    EXPECT_TRUE(settled[0].durable);
    EXPECT_EQ(settled[0].count, 1u);
    EXPECT_FALSE(settled[1].durable);
    EXPECT_EQ(settled[1].first_ticket, 2u);
    EXPECT_TRUE(settled[2].durable);
    EXPECT_EQ(settled[2].count, 2u);
    EXPECT_EQ(settled[2].first_sequence, 2u);
    EXPECT_EQ(lines_.count("does not fit into a segment"), 1u);
}

TEST_F(WriterTest, KeepsTheReserveForThoseWhoMayUseIt) {
    start();
    fill();
    EXPECT_FALSE(append_padded("not from the reserve"));
    int letters = 0;
    while (append_padded("letter", 900, true)) ++letters;
    EXPECT_THAT(letters, Ge(11));
    EXPECT_THAT(bytes_in_slot(), Le(settings_.size));
    EXPECT_FALSE(append_padded("still not"));
    log_->release(log_->read());
    log_->settle();
    EXPECT_TRUE(append_padded("room again"));
}

TEST_F(WriterTest, RequeuesInAFullLogForEver) {
    // Nothing gets through: everything pending goes round and round, and nothing is lost.
    PlayedLog& log = start();
    int stored = fill();
    for (int round = 0; round < 10; ++round) {
        std::vector<ReadRecord> records = log.read();
        ASSERT_EQ(records.size(), static_cast<size_t>(stored)) << round;
        for (const ReadRecord& read : records) {
            log.requeue(read);
            log.settle();
        }
        EXPECT_EQ(log.totals().pending(), static_cast<uint64_t>(stored));
        EXPECT_THAT(bytes_in_slot(), Le(settings_.size));
    }
    EXPECT_FALSE(append_padded("x"));
    log.release(log.read());
    log.settle();
    EXPECT_TRUE(append_padded("x"));
}

TEST_F(WriterTest, KeepsARequeueThatFindsNoRoom) {
    PlayedLog& log = start();
    fill();
    std::vector<ReadRecord> records = log.read();
    // All at once: more than the reserve holds.
    for (const ReadRecord& read : records) log.requeue(read);
    for (int i = 0; i < 20; ++i) {
        clock_.advance_ms(1'100);
        log.settle();
    }
    EXPECT_EQ(log.totals().requeued, records.size());
    EXPECT_EQ(log.totals().pending(), records.size());
    EXPECT_THAT(log.read(), SizeIs(records.size()));
}

TEST_F(WriterTest, RecoversFromAFullDiskByItself) {
    PlayedLog& log = start();
    ASSERT_TRUE(append_padded("x"));
    log.settle();
    disk_.capacity = disk_.used();
    int stored = 0;
    while (append_padded("x")) ++stored;
    EXPECT_THAT(stored, Ge(10));
    EXPECT_TRUE(log.log->numbers().full);
    for (int i = 0; i < 5; ++i) {
        clock_.advance_ms(1'100);
        log.settle();
        EXPECT_TRUE(log.log->numbers().full);
        EXPECT_FALSE(append_padded("x"));
    }
    disk_.capacity = UINT64_MAX;
    clock_.advance_ms(1'100);
    log.settle();
    EXPECT_FALSE(log.log->numbers().full);  // although nobody appends
    EXPECT_TRUE(append_padded("x"));
    EXPECT_EQ(log.log->numbers().poisoned, 0u);  // appending needs no space
}

// --- failing disks

TEST_F(WriterTest, StoresOnceMoreInAFreshSegmentAfterAFailure) {
    for (Operation operation : {Operation::write, Operation::sync}) {
        lines_.lines.clear();
        PlayedLog& log = start();
        ASSERT_TRUE(log.append("one"));
        log.settle();
        disk_.fail_next(operation, EIO, 1, 0.5);
        ASSERT_TRUE(log.append("two"));
        ASSERT_TRUE(log.append("three"));
        EXPECT_EQ(log.log->numbers().poisoned, 1u);
        EXPECT_FALSE(log.log->numbers().failing);
        EXPECT_THAT(log.read_bodies(), ElementsAre("one", "two", "three"));
        EXPECT_EQ(lines_.count("is given up"), 1u);
        EXPECT_EQ(log.totals().last_sequence, 3u);
        kill();
        for (const std::string& name : list("/spool/bus")) {
            auto bus = std::move(*editor().open_directory("/spool/bus/" + name, false));
            for (const std::string& file : list("/spool/bus/" + name)) {
                ASSERT_TRUE(bus->remove(file));
            }
        }
    }
}

TEST_F(WriterTest, RefusesAfterTwoFailuresAndTriesAgainASecondLater) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    bool failing = true;
    uint64_t tried = 0;
    disk_.before = [&](const sim::Call& call) {
        bool hit = failing && (call.operation == Operation::sync);
        tried += hit;
        return hit ? sim::Fault{EIO} : sim::Fault{};
    };
    EXPECT_FALSE(log.append("two"));
    EXPECT_TRUE(log.log->numbers().failing);
    uint64_t tries = tried;
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(log.append("refused at once"));
    EXPECT_EQ(tried, tries);

    clock_.advance_ms(1'001);
    EXPECT_FALSE(log.append("refused"));
    EXPECT_GT(tried, tries);

    failing = false;
    clock_.advance_ms(1'001);
    log.settle();
    EXPECT_FALSE(log.log->numbers().failing);  // although nobody appends
    EXPECT_TRUE(log.append("three"));
    EXPECT_THAT(log.read_bodies(), ElementsAre("one", "three"));
}

TEST_F(WriterTest, AppendsNothingThatASegmentWhichTurnsUpAgainWouldHide) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append(padded("one", 5'000)));
    disk_.fail_next(Operation::sync_directory, EIO);
    disk_.fail_next(Operation::remove, EIO, 2);  // the fresh segment stays where it is
    ASSERT_FALSE(log.append(padded("does not fit", settings_.segment_size - 5'000)));
    const bool acknowledged = log.append("two");

    std::vector<std::string> bodies = restart().read_bodies();
    EXPECT_THAT(bodies.front(), testing::StartsWith("one"));
    EXPECT_TRUE(!acknowledged || bodies.back() == "two");
}

TEST_F(WriterTest, GoesOnInTheNextSegmentWhenOneCouldNotBeNamed) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append(padded("one", 5'000)));
    disk_.fail_next(Operation::sync_directory, EIO);
    disk_.fail_next(Operation::remove, EIO, 2);
    ASSERT_FALSE(log.append(padded("does not fit", settings_.segment_size - 5'000)));
    clock_.advance_ms(1'001);
    ASSERT_TRUE(log.append("two"));

    EXPECT_THAT(restart().read_bodies(), ElementsAre(testing::StartsWith("one"), "two"));
}

TEST_F(WriterTest, DoesNotUseAPoisonedFileAgain) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    disk_.fail_next(Operation::sync, EIO);
    ASSERT_TRUE(log.append("two"));
    observer_.steps.clear();
    log.release(log.read());
    log.settle();
    EXPECT_THAT(observer_.steps, testing::Contains(steps::segment_removed));
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
}

TEST_F(WriterTest, TriesToOpenItsSlotAtMostOnceASecond) {
    disk_.before = [](const sim::Call& call) {
        return call.operation == Operation::lock ? sim::Fault{EIO} : sim::Fault{};
    };
    PlayedLog& log = start();
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(log.append("x"));
    EXPECT_TRUE(log.log->numbers().failing);
    EXPECT_EQ(disk_.count(Operation::lock), 1u);
    disk_.before = {};
    EXPECT_FALSE(log.append("x"));
    clock_.advance_ms(1'001);
    log.step();
    EXPECT_FALSE(log.log->numbers().failing);
    EXPECT_TRUE(log.append("x"));
}

// --- sync=os

class WriterWithSyncOs : public WriterTest {
  protected:
    WriterWithSyncOs() { settings_.sync = SyncMode::os; }

    // How many steps there were up to the last one of this name.
    ptrdiff_t last_step(const std::string& name) const {
        const auto& steps = observer_.steps;
        return steps.rend() - std::find(steps.rbegin(), steps.rend(), name);
    }
};

TEST_F(WriterWithSyncOs, SyncsInTheBackgroundOnceASecond) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    clock_.advance_ms(5'000);
    log.settle();
    uint64_t before = syncs();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(log.append("x"));
    EXPECT_EQ(syncs(), before);
    clock_.advance_ms(999);
    log.step();
    EXPECT_EQ(std::count(observer_.steps.begin(), observer_.steps.end(), steps::records_synced),
              1);
    clock_.advance_ms(1);
    log.step();
    EXPECT_EQ(std::count(observer_.steps.begin(), observer_.steps.end(), steps::records_synced),
              2);
}

TEST_F(WriterWithSyncOs, SyncsAtOnceWhatIsTooMuchToKeep) {
    settings_.segment_size = 8u << 20;
    settings_.size = 8 * settings_.segment_size;
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    ASSERT_TRUE(log.append(events(60, 100'000)));
    EXPECT_LT(last_step(steps::records_written), last_step(steps::records_synced));

    ASSERT_TRUE(log.append("two"));
    EXPECT_GT(last_step(steps::records_written), last_step(steps::records_synced));
}

TEST_F(WriterWithSyncOs, StoresOnceWhatIsTooMuchToKeepThoughItsSyncFails) {
    settings_.segment_size = 8u << 20;
    settings_.size = 8 * settings_.segment_size;
    PlayedLog& log = start();
    ASSERT_TRUE(log.append(events(20, 100'000)));
    log.settle();
    ASSERT_TRUE(log.append("one"));
    disk_.fail_next(Operation::sync, EIO);
    ASSERT_TRUE(log.append(events(45, 100'000)));
    EXPECT_EQ(log.log->numbers().poisoned, 1u);
    EXPECT_EQ(log.read().size(), 66u);
    EXPECT_THAT(log.damaged, IsEmpty());
}

TEST_F(WriterWithSyncOs, StoresAgainWhatAFailedSyncLost) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        settings_.path = "/spool-" + std::to_string(seed);
        disk_.make_directory(settings_.path);
        PlayedLog& log = start();
        ASSERT_TRUE(log.append("one"));
        clock_.advance_ms(1'100);
        log.settle();
        ASSERT_TRUE(log.append("two"));
        ASSERT_TRUE(log.append("three"));
        if (seed % 2 == 0) {
            EXPECT_THAT(log.read_bodies(), ElementsAre("one", "two", "three"));
        }
        observer_.on_step = [&](const std::string& step) {
            // Of the segment, not of the cursor.
            if (step == steps::segment_poisoned) disk_.before = {};
        };
        disk_.before = [](const sim::Call& call) {
            bool hit = call.operation == Operation::sync &&
                       call.path.find("cursor") == std::string::npos;
            return hit ? sim::Fault{EIO} : sim::Fault{};
        };
        clock_.advance_ms(1'100);
        log.settle();
        observer_.on_step = {};
        disk_.before = {};
        EXPECT_EQ(log.log->numbers().poisoned, 1u);
        ASSERT_TRUE(log.append("four"));
        if (seed % 2 == 0) {
            EXPECT_THAT(log.read_bodies(), ElementsAre("four"));  // none of them twice
        } else {
            EXPECT_THAT(log.read_bodies(), ElementsAre("one", "two", "three", "four"));
        }
        EXPECT_THAT(log.damaged, IsEmpty());
        clock_.advance_ms(1'100);
        log.settle();
        disk_.lose_power();
        start();
        EXPECT_THAT(open_slot().read_bodies(), ElementsAre("one", "two", "three", "four"));
        kill();
    }
}

TEST_F(WriterWithSyncOs, KeepsWhatItAcknowledgedUntilTheDiskWorksAgain) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    clock_.advance_ms(1'100);
    log.settle();
    ASSERT_TRUE(log.append("two"));
    disk_.before = [](const sim::Call& call) {
        return call.operation == Operation::sync ? sim::Fault{EIO} : sim::Fault{};
    };
    for (int i = 0; i < 5; ++i) {
        clock_.advance_ms(1'100);
        log.settle();
    }
    EXPECT_TRUE(log.log->numbers().failing);
    EXPECT_FALSE(log.append("refused"));
    EXPECT_THAT(log.read_bodies(), ElementsAre("one"));
    disk_.before = {};
    clock_.advance_ms(1'100);
    log.settle();
    EXPECT_THAT(log.read_bodies(), ElementsAre("two"));
    EXPECT_TRUE(log.append("three"));
    EXPECT_EQ(log.totals().last_sequence, 3u);
}

TEST_F(WriterWithSyncOs, ReleasesARequeuedRecordWhenItsCopyIsSynced) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    clock_.advance_ms(1'100);
    log.settle();
    std::vector<ReadRecord> records = log.read();
    log.requeue(records[0]);
    log.step();
    EXPECT_EQ(log.totals().requeued, 0u);
    EXPECT_THAT(log.read_bodies(), ElementsAre("one"));
    clock_.advance_ms(1'100);
    log.settle();
    EXPECT_EQ(log.totals().requeued, 1u);
    EXPECT_EQ(log.totals().pending(), 1u);
}

// The event it is of is released for it, and that may reach the disk first.
TEST_F(WriterWithSyncOs, SyncsDeadLettersAtOnce) {
    Record letter = event("one");
    letter.kind = RecordKind::dead_letter;
    ASSERT_TRUE(start(dead_letter_directory).append({letter}));
    EXPECT_THAT(observer_.steps, Contains(steps::records_synced));
}

TEST_F(WriterWithSyncOs, SyncsASegmentBeforeItMovesOn) {
    PlayedLog& log = start();
    observer_.on_step = [&](const std::string& step) {
        if (step != steps::segment_header_written) return;
        auto last = std::find_if(
            observer_.steps.rbegin(), observer_.steps.rend(), [](const std::string& s) {
                return s == steps::records_written || s == steps::records_synced;
            });
        if (last != observer_.steps.rend()) {
            EXPECT_EQ(*last, steps::records_synced);
        }
    };
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(append_padded("x"));
    EXPECT_GE(files_like(".segment").size(), 3u);
    (void)log;
}

// --- numbers, endings

TEST_F(WriterTest, KnowsTheAgeOfTheOldestPendingRecord) {
    PlayedLog& log = start();
    for (int64_t i = 1; i <= 5; ++i) ASSERT_TRUE(log.append({event("x", i * 1000)}));
    clock_.advance_ms(1'100);
    log.settle();
    EXPECT_EQ(log.log->numbers().oldest_pending_ms, 1000);
    log.release(log.read(3));
    clock_.advance_ms(1'100);
    log.settle();
    EXPECT_EQ(log.log->numbers().oldest_pending_ms, 4000);
    EXPECT_EQ(restart().log->numbers().oldest_pending_ms, 4000);
    log_->release(log_->read());
    clock_.advance_ms(1'100);
    log_->settle();
    EXPECT_EQ(log_->log->numbers().oldest_pending_ms, 0);
}

TEST_F(WriterTest, CountsEveryRecordInOneState) {
    PlayedLog& log = start();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(log.append("x"));
    std::vector<ReadRecord> records = log.read();
    auto some = [&](size_t from, size_t to) {
        return std::vector<ReadRecord>(records.begin() + static_cast<ptrdiff_t>(from),
                                       records.begin() + static_cast<ptrdiff_t>(to));
    };
    log.release(some(3, 6));
    log.release(some(7, 8), Resolution::dead);
    log.requeue(records[0]);
    log.step();
    SlotTotals totals = log.totals();
    EXPECT_EQ(totals.last_sequence, 11u);
    EXPECT_EQ(totals.delivered, 3u);
    EXPECT_EQ(totals.dead, 1u);
    EXPECT_EQ(totals.requeued, 1u);
    EXPECT_EQ(totals.pending(), 6u);
    EXPECT_EQ(log.log->base_sequence(), 2u);

    PlayedLog& after = restart();
    EXPECT_EQ(after.totals().pending(), 6u);
    EXPECT_EQ(after.log->numbers().recovered, 6u);
    std::vector<uint64_t> left;
    for (const ReadRecord& read : after.read()) left.push_back(read.record.sequence);
    EXPECT_THAT(left, ElementsAre(2u, 3u, 7u, 9u, 10u, 11u));
}

// A process that is killed before the file tells counts nothing; whoever comes next buries
// the event again.
TEST_F(WriterTest, CountsWhyARecordIsDeadOnceItsFileTells) {
    const uint8_t reason = max_dead_reasons - 1;
    const Counter& count = metrics_.dead[reason];
    ASSERT_TRUE(start().append("poison"));
    auto bury = [&](PlayedLog& log) {
        for (const ReadRecord& read : log.read()) {
            log.log->release(
                {{read.record.sequence, read.end, Resolution::dead, Origin::webhook, reason}});
        }
        log.step();
    };
    disk_.before = [&](const sim::Call& call) {
        const bool is_cursor = call.path.find("cursor") != std::string::npos;
        const bool changes =
            call.operation == Operation::write || call.operation == Operation::create;
        return is_cursor && changes ? sim::Fault{EIO} : sim::Fault{};
    };
    bury(*log_);
    EXPECT_EQ(log_->totals().dead, 1u);
    EXPECT_EQ(count, 0u);

    disk_.before = {};
    bury(restart());
    EXPECT_EQ(log_->totals().dead, 1u);
    EXPECT_EQ(count, 1u);

    EXPECT_EQ(restart().totals().dead, 1u);
    EXPECT_EQ(count, 1u);
}

TEST_F(WriterTest, GivesItsSlotBackWhenItFinishes) {
    PlayedLog& log = start();
    log.post({event("late")});
    log.writer->finish();
    EXPECT_TRUE(log.settlements().at(0).durable);
    sim::SimFiles other(disk_);
    Slots slots("/spool", "bus", other, random_, lines_);
    EXPECT_TRUE(*slots.adopt());
    EXPECT_FALSE(log.append("after the end"));
    log.writer->finish();
}

TEST_F(WriterTest, WorksWithNobodyReading) {
    settings_.size = 64 * settings_.segment_size;
    PlayedLog& log = start();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(append_padded("letter"));
    log.settle();
    EXPECT_EQ(log.totals().pending(), 200u);
    EXPECT_EQ(restart().totals().pending(), 200u);
}

TEST_F(WriterTest, AppliesReleasesThatWaitedForTheWindow) {
    settings_.size = 512 * settings_.segment_size;
    PlayedLog& log = start();
    const uint64_t count = cursor_window + 10;
    for (uint64_t i = 0; i < count; i += 100) {
        ASSERT_TRUE(log.append(events(std::min<uint64_t>(100, count - i), 10)));
    }
    log.log->release({{count, {}, Resolution::delivered}});  // as a person's mark may
    log.step();
    EXPECT_EQ(log.totals().delivered, 0u);
    std::vector<ReadRecord> records = log.read();
    EXPECT_EQ(records.size(), cursor_window);  // reading ends there too
    log.release(records);
    log.step();
    EXPECT_EQ(log.totals().delivered, cursor_window + 1);
}

}  // namespace
}  // namespace momento::spool_test
