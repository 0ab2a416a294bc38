// A slot that is full when a process takes it over.
#include "spool/cursor_file.h"
#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

class FullSlotTest : public SimLogTest {
  protected:
    FullSlotTest() { settings_.retain_ms = 60'000; }

    // Until it refuses.
    static int fill(PlayedLog& log) {
        int stored = 0;
        for (; log.append(padded("{}", 3'000)); ++stored) log.settle();
        return stored;
    }

    // A log that refuses, with everything in it delivered.
    static void fill_and_drain(PlayedLog& log) {
        fill(log);
        log.release(log.read());
        log.settle();
        ASSERT_EQ(log.totals().pending(), 0u);
    }

    static void requeue(PlayedLog& log, const ReadRecord& read) {
        log.requeue(read);
        log.settle();
    }

    enum class Event { pending, delivered };

    // Settings were made smaller after a process died: its one event stands in a segment, and
    // beside it are spares, that are each larger than the bound is now.
    void leave_large_segments(Event left) {
        settings_.retain_ms = 0;
        settings_.segment_size = 1024 * 1024;
        settings_.size = 8 * settings_.segment_size;
        PlayedLog& log = start();
        ASSERT_TRUE(log.append("{}"));
        log.settle();
        if (left == Event::delivered) {
            log.release(log.read());
            log.settle();
        }
        kill();
        const uint64_t large = settings_.segment_size;
        settings_ = small_settings();
        ASSERT_LT(settings_.size, large);
    }
};

TEST_F(FullSlotTest, TakesTheFirstEventOnceWhatItHoldsIsConsumed) {
    fill_and_drain(start());
    kill();
    clock_.advance_ms(settings_.retain_ms + 1'000);

    PlayedLog& next = start();
    EXPECT_TRUE(next.append("{}"));
}

TEST_F(FullSlotTest, TakesEventsWhenItsRetentionEndsLater) {
    fill_and_drain(start());
    kill();

    PlayedLog& next = start();
    fill(next);
    next.release(next.read());
    clock_.advance_ms(settings_.retain_ms + 1'000);
    next.settle();
    clock_.advance_ms(1'000);
    EXPECT_TRUE(next.append(padded("{}", 3'000)));
}

TEST_F(FullSlotTest, TriesAgainToRemoveWhatStandsInTheWay) {
    leave_large_segments(Event::delivered);
    const std::vector<std::string> spares = files_like(".spare");
    ASSERT_FALSE(spares.empty());
    for (const std::string& name : list(slot_path())) {
        if (name == spares.front() || name == cursor_file_name) continue;
        (void)slot_directory()->remove(name);
    }

    disk_.before = [](const sim::Call& call) {
        return call.operation == sim::Operation::remove ? sim::Fault{EIO} : sim::Fault{};
    };
    PlayedLog& next = restart();
    EXPECT_FALSE(next.append("{}"));
    disk_.before = {};
    clock_.advance_ms(1'100);
    next.settle();
    clock_.advance_ms(1'100);
    EXPECT_TRUE(next.append("{}"));
    next.settle();
    EXPECT_LE(bytes_in_slot(), settings_.size);
}

// A spare of larger segments that could not be removed becomes a segment, and is consumed.
TEST_F(FullSlotTest, GivesBackAllOfALargerSpareThatItUsed) {
    settings_.retain_ms = 0;
    settings_.segment_size = 48 * 1024;
    settings_.size = 8 * settings_.segment_size;
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("{}"));
    log.release(log.read());
    for (int second = 0; second < 3; ++second) {
        clock_.advance_ms(1'100);
        log.settle();
    }
    kill();
    settings_ = small_settings();
    settings_.retain_ms = 0;
    disk_.before = [](const sim::Call& call) {
        return call.operation == sim::Operation::remove ? sim::Fault{EIO} : sim::Fault{};
    };
    PlayedLog& next = restart();
    ASSERT_TRUE(next.append("{}"));
    disk_.before = {};
    auto drain = [&](PlayedLog& each) {
        each.release(each.read());
        for (int second = 0; second < 3; ++second) {
            clock_.advance_ms(1'100);
            each.settle();
        }
    };
    fill(next);
    drain(next);
    const int stored = fill(next);
    drain(next);
    EXPECT_EQ(fill(restart()), stored);
}

TEST_F(FullSlotTest, RequeuesWhatStandsInASegmentThatIsLargerThanItsBound) {
    leave_large_segments(Event::pending);
    settings_.retain_ms = 0;

    PlayedLog& log = restart();
    std::vector<ReadRecord> read = log.read();
    ASSERT_EQ(read.size(), 1u);
    requeue(log, read[0]);
    EXPECT_EQ(log.totals().requeued, 1u);
    EXPECT_EQ(log.read().size(), 1u);
    clock_.advance_ms(1'100);
    log.settle();
    EXPECT_LE(bytes_in_slot(), settings_.size);
}

// Settings were made smaller than what is pending. Nothing is recycled before its oldest
// record is released.
TEST_F(FullSlotTest, RequeuesTheOldestRecordThoughMoreIsPendingThanItsBound) {
    settings_.retain_ms = 0;
    settings_.segment_size = 64 * 1024;
    settings_.size = 16 * settings_.segment_size;
    fill(start());
    kill();
    settings_ = small_settings();

    PlayedLog& log = restart();
    log.settle();
    std::vector<ReadRecord> read = log.read();
    log.release({read.begin() + 1, read.end()});
    requeue(log, read[0]);
    for (int second = 0; second < 3; ++second) {
        clock_.advance_ms(1'100);
        log.settle();
    }
    EXPECT_EQ(log.totals().requeued, 1u);
    EXPECT_EQ(log.totals().pending(), 1u);
    EXPECT_TRUE(log.append("{}"));
    EXPECT_LE(bytes_in_slot(), settings_.size);
}

TEST_F(FullSlotTest, RequeuesTheOldestRecordThoughOthersHaveUsedTheReserve) {
    settings_.retain_ms = 0;
    PlayedLog& log = start();
    fill(log);
    std::vector<ReadRecord> read = log.read();
    size_t requeued = 0;
    for (size_t i = 1; requeued + 1 == i && i < read.size(); ++i) {
        requeue(log, read[i]);
        requeued = log.totals().requeued;
    }
    ASSERT_LT(requeued + 1, read.size());  // then there was no room

    requeue(log, read[0]);
    log.release({read.begin() + 1, read.end()});
    for (int second = 0; second < 3; ++second) {
        clock_.advance_ms(1'100);
        log.settle();
    }
    EXPECT_EQ(log.read().size(), log.totals().requeued);
    EXPECT_EQ(log.totals().pending(), log.totals().requeued);
    EXPECT_LE(bytes_in_slot(), settings_.size);
    EXPECT_TRUE(log.append("{}"));
}

// Each segment of the log can be passed with one, even if all of it is requeued.
TEST_F(FullSlotTest, GoesBeyondItsBoundByNoMoreThanASegment) {
    settings_.retain_ms = 0;
    PlayedLog& log = start();
    fill(log);
    const uint64_t full = bytes_in_slot();
    std::vector<ReadRecord> read = log.read();
    for (auto each = read.rbegin(); each != read.rend(); ++each) requeue(log, *each);
    uint64_t most = 0;
    for (size_t i = 0; i < read.size(); ++i) {
        clock_.advance_ms(1'100);
        log.settle();
        most = std::max(most, bytes_in_slot());
    }
    EXPECT_EQ(log.totals().requeued, read.size());
    EXPECT_LE(most, full + settings_.segment_size);
}

TEST_F(FullSlotTest, RemovesSparesThatAreTooLargeForItsBound) {
    leave_large_segments(Event::delivered);
    PlayedLog& next = start();
    EXPECT_TRUE(next.append("{}"));
    next.settle();
    EXPECT_LE(bytes_in_slot(), settings_.size);
}

// Settings were made smaller while the slot was nobody's.
TEST_F(FullSlotTest, TellsReadersWhatIsGoneThoughItIsBeyondItsBound) {
    settings_.sync = SyncMode::os;
    settings_.retain_ms = 0;
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("{\"lost\":1}"));
    log.settle();
    clock_.advance_ms(2'000);
    log.step();  // the cursor knows of it, and is synced
    kill();
    const std::string segment = files_like(".segment").at(0);
    overwrite(segment, segment_header_size, std::string(1'000, '\0'));
    settings_.size = settings_.segment_size;

    PlayedLog& next = restart();
    next.settle();
    next.read();
    ASSERT_EQ(next.damaged.size(), 1u);
    next.log->release(next.damaged);
    next.settle();
    EXPECT_EQ(next.totals().pending(), 0u);
    EXPECT_EQ(next.totals().damaged, 1u);
}

}  // namespace
}  // namespace momento::spool_test
