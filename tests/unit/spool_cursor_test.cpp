#include "spool/cursor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "sim_files.h"
#include "spool/cursor_file.h"
#include "spool_rig.h"

namespace momento::spool_test {
namespace {

Release release(uint64_t sequence, Resolution resolution = Resolution::delivered,
                uint64_t segment = 1) {
    return {sequence, {segment, 4096 + sequence * 100}, resolution};
}

Cursor cursor_with(uint64_t last_sequence) {
    Cursor cursor;
    cursor.note_segment(1, {1, segment_header_size});
    cursor.note_appended(last_sequence, 0);
    return cursor;
}

TEST(Cursor, StartsAtTheFirstSegment) {
    Cursor cursor = cursor_with(0);
    EXPECT_EQ(cursor.state().base_sequence, 1u);
    EXPECT_EQ(cursor.state().base, (Position{1, segment_header_size}));
}

TEST(Cursor, MovesItsBaseInOrder) {
    Cursor cursor = cursor_with(10);
    for (uint64_t i = 1; i <= 4; ++i) {
        EXPECT_TRUE(cursor.release(release(i)));
        EXPECT_EQ(cursor.state().base_sequence, i + 1);
        EXPECT_EQ(cursor.state().base, release(i).end);
    }
    EXPECT_EQ(cursor.state().totals.delivered, 4u);
    EXPECT_EQ(cursor.state().totals.pending(), 6u);
}

TEST(Cursor, TakesReleasesInAnyOrder) {
    std::mt19937 engine(7);
    for (int round = 0; round < 20; ++round) {
        constexpr uint64_t count = 500;
        Cursor cursor = cursor_with(count);
        std::vector<uint64_t> order;
        for (uint64_t i = 1; i <= count; ++i) order.push_back(i);
        std::shuffle(order.begin(), order.end(), engine);
        std::vector<bool> released(count + 2);
        for (uint64_t sequence : order) {
            ASSERT_TRUE(cursor.release(release(sequence)));
            released[sequence] = true;
            uint64_t base = 1;
            while (released[base]) ++base;
            ASSERT_EQ(cursor.state().base_sequence, base);
            // Reading from the base's place misses nothing that is not released.
            ASSERT_LE(cursor.state().base.offset, release(base - 1).end.offset);
            for (uint64_t i = 1; i <= count; ++i) {
                ASSERT_EQ(cursor.state().is_released(i), released[i]);
            }
        }
        EXPECT_EQ(cursor.state().base, release(count).end);
        EXPECT_EQ(cursor.state().totals.pending(), 0u);
    }
}

TEST(Cursor, CountsARecordOnce) {
    Cursor cursor = cursor_with(10);
    EXPECT_TRUE(cursor.release(release(1)));
    EXPECT_TRUE(cursor.release(release(1, Resolution::dead)));
    EXPECT_TRUE(cursor.release(release(5, Resolution::dead)));
    EXPECT_TRUE(cursor.release(release(5)));
    EXPECT_TRUE(cursor.release(release(7, Resolution::requeued)));
    EXPECT_TRUE(cursor.release(release(8, Resolution::damaged)));
    EXPECT_TRUE(cursor.release(release(11)));  // was never appended
    const SlotTotals& totals = cursor.state().totals;
    EXPECT_EQ(totals.delivered, 1u);
    EXPECT_EQ(totals.dead, 1u);
    EXPECT_EQ(totals.requeued, 1u);
    EXPECT_EQ(totals.damaged, 1u);
    EXPECT_EQ(totals.pending(), 6u);
}

TEST(Cursor, CountsARedrivenRecordOnceHoweverOftenItIsRequeued) {
    Cursor cursor;
    for (uint64_t sequence = 1; sequence < 4; ++sequence) {
        cursor.note_appended(sequence, 1);
        Release old = release(sequence - 1, Resolution::requeued);
        old.origin = Origin::redrive;
        if (sequence > 1) {
            EXPECT_TRUE(cursor.release(old));
        }
    }
    EXPECT_EQ(cursor.state().totals.redriven, 1u);
    EXPECT_EQ(cursor.state().totals.requeued, 2u);
    EXPECT_EQ(cursor.state().totals.pending(), 1u);
}

TEST(Cursor, EndsAtItsWindow) {
    Cursor cursor = cursor_with(2 * cursor_window);
    EXPECT_TRUE(cursor.release(release(cursor_window)));
    EXPECT_FALSE(cursor.release(release(cursor_window + 1)));
    EXPECT_FALSE(cursor.state().is_released(cursor_window + 1));
    EXPECT_EQ(cursor.state().totals.delivered, 1u);

    EXPECT_TRUE(cursor.release(release(1)));
    EXPECT_TRUE(cursor.release(release(cursor_window + 1)));
    EXPECT_EQ(cursor.state().base_sequence, 2u);
    for (uint64_t i = 2; i < cursor_window; ++i) ASSERT_TRUE(cursor.release(release(i)));
    EXPECT_EQ(cursor.state().base_sequence, cursor_window + 2);
}

TEST(Cursor, MovesToTheNextSegmentWhenTheOneBeforeIsReleased) {
    Cursor cursor = cursor_with(6);
    cursor.note_segment(4, {2, segment_header_size});
    EXPECT_TRUE(cursor.release(release(1)));
    EXPECT_TRUE(cursor.release(release(2)));
    EXPECT_EQ(cursor.state().base, release(2).end);
    EXPECT_TRUE(cursor.release(release(3)));
    EXPECT_EQ(cursor.state().base, (Position{2, segment_header_size}));
    EXPECT_TRUE(cursor.release(release(4, Resolution::delivered, 2)));
    EXPECT_EQ(cursor.state().base, release(4, Resolution::delivered, 2).end);
}

TEST(Cursor, GoesOnFromAnyStateWithoutKnowingPlaces) {
    Cursor before = cursor_with(100);
    for (uint64_t i : {2, 3, 4, 90}) before.release(release(i));
    Cursor after(before.state());
    EXPECT_TRUE(after.release(release(1)));
    EXPECT_EQ(after.state().base_sequence, 5u);
    EXPECT_EQ(after.state().base, release(1).end);  // before its record, in its segment
    EXPECT_TRUE(after.state().is_released(90));
    EXPECT_TRUE(after.release(release(5)));
    EXPECT_EQ(after.state().base, release(5).end);
}

// --- the file

CursorState state_at(uint64_t base_sequence) {
    CursorState state;
    state.generation = base_sequence;
    state.base_sequence = base_sequence;
    return state;
}

struct Machine {
    explicit Machine(uint64_t seed) : random(seed), disk(random) {
        disk.make_directory("/slot");
    }
    std::shared_ptr<Directory> slot() {
        auto directory = files.open_directory("/slot", false);
        return std::shared_ptr<Directory>(std::move(*directory));
    }
    uint64_t recovered() {
        sim::SimFiles after(disk);
        auto directory = after.open_directory("/slot", false);
        bool foreign = false;
        auto state = read_cursor(**directory, &foreign);
        EXPECT_TRUE(state) << state.error().text;
        return state && *state ? (*state)->base_sequence : 0;
    }

    CountingRandom random;
    sim::SimDisk disk;
    sim::SimFiles files{disk};
};

TEST(CursorFile, IsNeverOlderThanItsLastSync) {
    for (uint64_t seed = 0; seed < 300; ++seed) {
        Machine machine(seed);
        CursorFile file(machine.slot(), nullptr);
        ASSERT_TRUE(file.make(state_at(1)));
        uint64_t written = 1;
        uint64_t synced = 1;
        for (uint64_t i = 0; i < seed % 17; ++i) {
            ASSERT_TRUE(file.write(state_at(++written)));
            if (machine.random.number() % 3 == 0) {
                ASSERT_TRUE(file.sync());
                ASSERT_TRUE(file.sync());  // changes nothing
                synced = written;
                EXPECT_EQ(file.durable_base(), synced);
            }
        }
        machine.disk.lose_power();
        uint64_t found = machine.recovered();
        EXPECT_GE(found, synced) << "seed " << seed;
        EXPECT_LE(found, written) << "seed " << seed;
    }
}

TEST(CursorFile, IsGivenUpAfterAFailure) {
    for (sim::Operation operation : {sim::Operation::write, sim::Operation::sync}) {
        for (uint64_t seed = 0; seed < 50; ++seed) {
            Machine machine(seed);
            CursorFile file(machine.slot(), nullptr);
            ASSERT_TRUE(file.make(state_at(1)));
            machine.disk.fail_next(operation, EIO, 1, 0.4);
            Status written = file.write(state_at(2));
            Status synced = written ? file.sync() : Status();
            EXPECT_FALSE(written && synced);
            EXPECT_FALSE(file.usable());
            EXPECT_EQ(file.durable_base(), 1u);

            ASSERT_TRUE(file.make(state_at(3)));
            EXPECT_TRUE(file.usable());
            EXPECT_EQ(file.durable_base(), 3u);
            machine.disk.lose_power();
            EXPECT_EQ(machine.recovered(), 3u);
            EXPECT_TRUE(machine.disk.breaches().empty());
        }
    }
}

TEST(CursorFile, IsReplacedOrLeftAsItWas) {
    for (auto operation : {sim::Operation::create, sim::Operation::write, sim::Operation::sync,
                           sim::Operation::rename, sim::Operation::sync_directory}) {
        for (uint64_t seed = 0; seed < 20; ++seed) {
            Machine machine(seed);
            {
                CursorFile file(machine.slot(), nullptr);
                ASSERT_TRUE(file.make(state_at(5)));
            }
            CursorFile file(machine.slot(), nullptr);
            machine.disk.fail_next(operation, EIO);
            EXPECT_FALSE(file.make(state_at(6)));
            EXPECT_FALSE(file.usable());
            EXPECT_EQ(file.durable_base(), 0u);
            machine.disk.lose_power();
            EXPECT_GE(machine.recovered(), 5u);
        }
    }
}

}  // namespace
}  // namespace momento::spool_test
