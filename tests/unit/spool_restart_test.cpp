// What each start of a process costs a log: nothing that stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "spool/cursor_file.h"
#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

using sim::Operation;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RestartTest : public SimLogTest {
  protected:
    static constexpr uint64_t few_bytes = 16 * 1024;  // cursor, and headers of segments

    void rest(PlayedLog& log) {
        for (int second = 0; second < 4; ++second) {
            log.settle();
            clock_.advance_ms(1'100);
        }
        log.settle();
    }

    uint64_t generation() {
        bool foreign = false;
        auto cursor = read_cursor(*slot_directory(), &foreign);
        return cursor && *cursor ? (*cursor)->generation : 0;
    }

    // Dies with these in its log, of which none was acknowledged.
    void die_when_written(const std::vector<Record>& records) {
        observer_.on_step = [](const std::string& step) {
            if (step == steps::records_written) throw 1;
        };
        log_->post(records);
        EXPECT_THROW(log_->writer->step(), int);
        observer_.on_step = {};
        kill();
    }
};

TEST_F(RestartTest, GoesOnWhereTheLastProcessStopped) {
    ASSERT_TRUE(start().append("one"));
    kill();
    ASSERT_TRUE(start().append("two"));
    log_->writer->finish();
    ASSERT_TRUE(start().append("three"));
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
    EXPECT_THAT(restart().read_bodies(), ElementsAre("one", "two", "three"));
}

TEST_F(RestartTest, GoesOnBehindRecordsThatTheLastProcessDidNotAcknowledge) {
    ASSERT_TRUE(start().append("one"));
    die_when_written({event("two")});
    ASSERT_TRUE(start().append("three"));
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
    EXPECT_THAT(restart().read_bodies(), ElementsAre("one", "two", "three"));
}

// What stands behind a torn record would be the next one as soon as another takes its place.
TEST_F(RestartTest, DoesNotGoOnInFrontOfWholeRecords) {
    ASSERT_TRUE(start().append("1"));
    const uint64_t size = RecordBuffer::from(event("1")).size();
    die_when_written({event("2"), event("3")});
    const std::string segment = files_like(".segment").at(0);
    overwrite(segment, segment_header_size + size, std::string(size / 2, '\0'));

    ASSERT_TRUE(start().append("4"));
    EXPECT_THAT(files_like(".segment"), SizeIs(2));
    EXPECT_THAT(restart().read_bodies(), ElementsAre("1", "4"));
}

TEST_F(RestartTest, GoesOnInPlaceOfATornRecord) {
    ASSERT_TRUE(start().append("1"));
    die_when_written({event("2")});
    const std::string segment = files_like(".segment").at(0);
    const uint64_t size = RecordBuffer::from(event("1")).size();
    overwrite(segment, segment_header_size + size, std::string(size / 2, '\0'));

    ASSERT_TRUE(start().append("3"));
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
    EXPECT_THAT(restart().read_bodies(), ElementsAre("1", "3"));
}

TEST_F(RestartTest, DoesNotGoOnInASegmentThatCannotBeSynced) {
    ASSERT_TRUE(start().append("one"));
    kill();
    start();
    const std::string segment = files_like(".segment").at(0);
    disk_.before = [&](const sim::Call& call) {
        const bool is_it =
            call.operation == Operation::sync && call.path.find(segment) != std::string::npos;
        return is_it ? sim::Fault{EIO} : sim::Fault{};
    };
    ASSERT_TRUE(log_->append("two"));
    EXPECT_THAT(files_like(".segment"), SizeIs(2));
    disk_.before = {};
}

// Another process may remember the slot as drained.
TEST_F(RestartTest, SaysThatItGoesOnBeforeItDoes) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.release(log.read());
    log.writer->finish();
    kill();
    const uint64_t before = generation();
    start();
    uint64_t then = 0;
    observer_.on_step = [&](const std::string& step) {
        if (step == steps::records_written) then = generation();
    };
    ASSERT_TRUE(log_->append("two"));
    observer_.on_step = {};
    EXPECT_GT(then, before);
}

TEST_F(RestartTest, TakesAFreshSegmentIfItCannotSayThatItGoesOn) {
    ASSERT_TRUE(start().append("one"));
    kill();
    start();
    disk_.before = [](const sim::Call& call) {
        const bool is_cursor = call.path.find("/cursor") != std::string::npos;
        return is_cursor && call.operation == Operation::create ? sim::Fault{EIO}
                                                                : sim::Fault{};
    };
    ASSERT_TRUE(log_->append("two"));
    EXPECT_THAT(files_like(".segment"), SizeIs(2));
    disk_.before = {};
    EXPECT_THAT(restart().read_bodies(), ElementsAre("one", "two"));
}

// Its last owner was killed before he had made it durable.
TEST_F(RestartTest, MakesTheNameOfTheSegmentDurableThatItGoesOnIn) {
    for (int round = 0; round < 20; ++round) {
        settings_.path = "/spool-" + std::to_string(round);
        disk_.make_directory(settings_.path);
        observer_.on_step = [](const std::string& step) {
            if (step == steps::segment_renamed) throw 1;
        };
        start().post({event("never answered")});
        EXPECT_THROW(log_->writer->step(), int);
        observer_.on_step = {};
        kill();
        // Acknowledged, and nothing more is done.
        observer_.on_step = [](const std::string& step) {
            if (step == steps::records_settled) throw 1;
        };
        start().post({event("one")});
        EXPECT_THROW(log_->writer->step(), int);
        observer_.on_step = {};
        disk_.lose_power();
        start();
        EXPECT_THAT(open_slot().read_bodies(), ElementsAre("one"));
        kill();
        editor_.reset();
    }
}

TEST_F(RestartTest, AThousandTimesCostsWhatIsPending) {
    settings_.size = 64 * settings_.segment_size;
    uint64_t pending = 0;
    for (int i = 0; i < 1'000; ++i) {
        const std::string body = "{\"event\":" + std::to_string(i) + "}";
        ASSERT_TRUE(start().append(body)) << i;
        pending += RecordBuffer::from(event(body)).size();
        if (i % 3 != 0) log_->settle();
        if (i % 2 == 0) log_->writer->finish();
        kill();
        clock_.advance_ms(i % 5 == 0 ? 2'000 : 10);
    }
    // The last segment is not full yet, and each has a header.
    const uint64_t segments = pending / (settings_.segment_size - segment_header_size) + 1;
    EXPECT_LE(bytes_in_slot(), (segments + 2) * settings_.segment_size + few_bytes);
    EXPECT_THAT(restart().read_bodies(), SizeIs(1'000));
}

TEST_F(RestartTest, AThousandTimesCostsWhatReplayZonesKeep) {
    settings_.retain_ms = 60'000;
    for (int i = 0; i < 1'000; ++i) {
        PlayedLog& log = start();
        Record record = event("{\"event\":1}");
        record.publish_ms = clock_.wall_ms();
        ASSERT_TRUE(log.append({record})) << i;
        log.release(log.read());
        log.settle();
        // The tail and the one before it, which it may have gone on from.
        ASSERT_LE(bytes_in_slot(), 4 * settings_.segment_size + few_bytes);
        if (i % 2 == 0) log.writer->finish();
        kill();
        clock_.advance_ms(1'000);
    }
    PlayedLog& last = restart();
    clock_.advance_ms(settings_.retain_ms);
    rest(last);
    EXPECT_LE(bytes_in_slot(), 2 * settings_.segment_size + few_bytes);
}

// However full its tail is, and however it came there.
TEST_F(RestartTest, ALogAtRestHasTwoSegments) {
    for (int count = 1; count < 40; ++count) {
        PlayedLog& log = start();
        for (int i = 0; i < count; ++i) {
            ASSERT_TRUE(log.append(padded("{}", 900)));
            log.settle();
        }
        log.release(log.read());
        rest(log);
        EXPECT_LE(bytes_in_slot(), 2 * settings_.segment_size + few_bytes) << count;
        ASSERT_TRUE(log.append(padded("{}", 900)));
        log.release(log.read());
        kill();
    }
}

TEST_F(RestartTest, ALogThatIsOnlyDrainedKeepsNoSpares) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    ASSERT_FALSE(files_like(".spare").empty());
    kill();

    start();
    auto slot = log_->slots->claim();
    ASSERT_TRUE(slot);
    PlayedLog::Tools drains = tools(*files_);
    drains.only_drains = true;
    log_ = std::make_unique<PlayedLog>(settings_, "bus", drains, std::move(*slot));
    log_->settle();
    EXPECT_THAT(files_like(".spare"), IsEmpty());

    const std::vector<ReadRecord> read = log_->read();
    ASSERT_THAT(read, SizeIs(1));
    log_->requeue(read[0]);
    rest(*log_);
    EXPECT_THAT(files_like(".spare"), IsEmpty());
    log_->release(log_->read());
    rest(*log_);
    EXPECT_EQ(log_->totals().pending(), 0u);
}

// --- slots that nobody has

class LeftoversTest : public RestartTest {
  protected:
    // As another process does it, once a second.
    void look_around() {
        if (!other_) {
            other_ = std::make_unique<sim::SimFiles>(disk_, "other");
            slots_ = std::make_unique<Slots>("/spool", "bus", *other_, random_, lines_);
            slots_->tidy_with({&clock_, settings_.retain_ms,
                               [this](auto&&, auto&&, auto&& n) { told_ = n; }});
        }
        auto slot = slots_->adopt();
        ASSERT_TRUE(slot);
        EXPECT_FALSE(*slot);
    }

    void leave_drained(const std::string& body) {
        PlayedLog& log = start();
        Record record = event(body);
        record.publish_ms = clock_.wall_ms();
        ASSERT_TRUE(log.append({record}));
        log.settle();
        log.release(log.read());
        kill();
    }

    std::unique_ptr<sim::SimFiles> other_;
    std::unique_ptr<Slots> slots_;
    LogNumbers told_;
};

TEST_F(LeftoversTest, ADrainedSlotGivesBackItsFiles) {
    leave_drained("one");
    look_around();
    EXPECT_THAT(list(slot_path()), ElementsAre("cursor", "lock"));
    EXPECT_EQ(told_.bytes, bytes_in_slot());
    EXPECT_TRUE(told_.let_go);

    // Its sequences go on.
    PlayedLog& next = start();
    ASSERT_TRUE(next.append("two"));
    const std::vector<ReadRecord> read = next.read();
    ASSERT_THAT(read, SizeIs(1));
    EXPECT_EQ(read[0].record.sequence, 2u);
}

TEST_F(LeftoversTest, WhatReplayZonesKeepGoesWhenItIsTime) {
    settings_.retain_ms = 60'000;
    leave_drained("one");
    look_around();
    EXPECT_THAT(files_like(".spare"), IsEmpty());
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
    clock_.advance_ms(59'000);
    look_around();
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
    clock_.advance_ms(1'001);
    look_around();
    EXPECT_THAT(list(slot_path()), ElementsAre("cursor", "lock"));
}

TEST_F(LeftoversTest, NothingThatWasGivenBackComesAliveAgain) {
    for (int round = 0; round < 30; ++round) {
        leave_drained("delivered");
        look_around();
        disk_.lose_power();
        other_.reset();
        slots_.reset();
        start();
        PlayedLog& log = open_slot();
        EXPECT_EQ(log.totals().pending(), 0u);
        EXPECT_EQ(log.totals().damaged, 0u);
        EXPECT_THAT(log.read(), IsEmpty());
        kill();
    }
    EXPECT_THAT(lines_.count("lost"), 0u);
}

TEST_F(LeftoversTest, ASlotIsNotTouchedAgainUntilSomebodyUsesIt) {
    leave_drained("one");
    look_around();
    const uint64_t locks = disk_.count(Operation::lock);
    look_around();
    EXPECT_EQ(disk_.count(Operation::lock), locks);
    leave_drained("two");
    look_around();
    EXPECT_GT(disk_.count(Operation::lock), locks + 1);
    EXPECT_THAT(list(slot_path()), ElementsAre("cursor", "lock"));
}

TEST_F(LeftoversTest, WhatWaitsForAPersonStaysWithoutSpares) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    kill();
    sim::SimFiles files(disk_);
    Slots slots("/spool", "bus", files, random_, lines_);
    slots.tidy_with({&clock_, 0, {}});
    slots.tidy();
    EXPECT_THAT(files_like(".spare"), IsEmpty());
    EXPECT_THAT(restart().read_bodies(), ElementsAre("one"));
}

TEST_F(LeftoversTest, WhatCannotBeRemovedIsTriedAgain) {
    leave_drained("one");
    disk_.before = [](const sim::Call& call) {
        return call.operation == Operation::remove ? sim::Fault{EIO} : sim::Fault{};
    };
    look_around();
    EXPECT_THAT(files_like(".segment"), SizeIs(1));
    disk_.before = {};
    clock_.advance_ms(11'000);
    look_around();
    EXPECT_THAT(list(slot_path()), ElementsAre("cursor", "lock"));
}

}  // namespace
}  // namespace momento::spool_test
