// Segments in a log that are blank, gone, or something else: each costs what stood in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "spool/cursor_file.h"
#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr int events = 60;
const std::string foreign_slot = "/spool/other";

class MissingSegment : public SimLogTest {
  protected:
    using Harm = std::function<void(const std::string& name)>;

    void SetUp() override {
        settings_.size = 16 * settings_.segment_size;
        PlayedLog& log = start();
        for (int i = 0; i < events; ++i) {
            ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
        }
        clock_.advance_ms(1'100);
        log.settle();  // the cursor knows how many there are
        for (const ReadRecord& read : log.read()) {
            segment_of_.push_back(read.end.segment);
        }
        kill();
        ASSERT_EQ(segments(), 5u);
    }

    uint64_t segments() const { return segment_of_.back(); }

    std::vector<std::string> bodies_outside(const std::vector<uint64_t>& harmed) const {
        std::vector<std::string> left;
        for (int i = 0; i < events; ++i) {
            const uint64_t segment = segment_of_[static_cast<size_t>(i)];
            if (std::count(harmed.begin(), harmed.end(), segment) > 0) continue;
            left.push_back(padded(std::to_string(i), 900));
        }
        return left;
    }

    void remove(const std::string& name) { ASSERT_TRUE(slot_directory()->remove(name)); }

    void put(const std::string& name, const std::string& bytes) {
        remove(name);
        auto file = slot_directory()->open(name, Directory::Mode::create);
        ASSERT_TRUE(file);
        if (!bytes.empty()) {
            ASSERT_TRUE((*file)->write_at(0, bytes));
        }
    }

    // A segment that is whole, of another slot.
    std::string strangers(const std::string& name) {
        std::string bytes = content(name);
        SegmentHeader header = decode_segment_header(bytes).header;
        header.slot = "00000000deadbeef";
        header.salt[0] = static_cast<uint8_t>(header.salt[0] + 1);
        bytes.replace(0, segment_header_size, encode_segment_header(header));
        return bytes;
    }

    // Harms these, and shows what is left, before and after one more crash.
    void expect_costs(const std::vector<uint64_t>& harmed, const Harm& harm, size_t aside) {
        for (const uint64_t number : harmed) harm(segment_file_name(number));
        const std::vector<std::string> left = bodies_outside(harmed);
        const size_t lost = events - left.size();
        EXPECT_EQ(restart().read_bodies(), left);
        PlayedLog& after = restart();
        std::vector<ReadRecord> records = after.read();
        EXPECT_THAT(records, SizeIs(left.size()));
        EXPECT_THAT(after.damaged, SizeIs(lost));
        EXPECT_THAT(files_like("damaged-"), SizeIs(aside));
        EXPECT_EQ(lines_.count("what is left of it is kept"), aside);
        EXPECT_GT(lines_.count("are lost"), 0u);

        after.log->release(after.damaged);
        after.release(records);
        after.settle();
        EXPECT_EQ(after.totals().damaged, lost);
        EXPECT_EQ(after.totals().delivered, left.size());
        EXPECT_EQ(after.totals().pending(), 0u);
        ASSERT_TRUE(after.append("new"));
        EXPECT_EQ(after.read_bodies(), std::vector<std::string>{"new"});
        EXPECT_THAT(files_like("damaged-"), SizeIs(aside));
        SCOPED_TRACE("again");
        kill();
        EXPECT_EQ(restart().totals().damaged, lost);
    }

    // Which of five are harmed.
    static std::vector<std::vector<uint64_t>> places() {
        return {{2}, {3}, {1}, {5}, {2, 3}, {1, 2}, {4, 5}, {2, 4}, {1, 5}, {1, 2, 3, 4}};
    }

    void expect_costs_everywhere(const Harm& harm, bool is_kept_aside) {
        int spool = 0;
        for (const std::vector<uint64_t>& harmed : places()) {
            SCOPED_TRACE(testing::PrintToString(harmed));
            const size_t aside = is_kept_aside ? harmed.size() : 0;
            if (spool++ > 0) start_over();
            expect_costs(harmed, harm, aside);
        }
    }

    void start_over() {
        kill();
        for (const std::string& name : list(slot_path())) remove(name);
        lines_.lines.clear();
        segment_of_.clear();
        SetUp();
    }

    std::vector<uint64_t> segment_of_;  // of each record
};

TEST_F(MissingSegment, CostsItsRecordsIfItIsEmpty) {
    expect_costs_everywhere([&](const std::string& name) { put(name, ""); }, true);
}

TEST_F(MissingSegment, CostsItsRecordsIfItIsBlank) {
    expect_costs_everywhere(
        [&](const std::string& name) { put(name, std::string(settings_.segment_size, '\0')); },
        true);
}

TEST_F(MissingSegment, CostsItsRecordsIfItsHeaderIsDamaged) {
    expect_costs_everywhere([&](const std::string& name) { flip(name, 20); }, true);
}

TEST_F(MissingSegment, CostsItsRecordsIfItIsGone) {
    expect_costs_everywhere([&](const std::string& name) { remove(name); }, false);
}

// Nothing is removed before a cursor has noted it: so the first one was not delivered.
TEST_F(MissingSegment, CostsItsRecordsIfThereNeverWasACursor) {
    for (const bool is_blank : {false, true}) {
        SCOPED_TRACE(is_blank);
        start_over();
        const auto harm = [&](const std::string& name) {
            remove(cursor_file_name);
            is_blank ? put(name, "") : remove(name);
        };
        expect_costs({1}, harm, is_blank ? 1 : 0);
    }
}

// What was removed before somebody took the cursor away was delivered.
TEST_F(MissingSegment, CostsNothingWithoutACursorIfOthersWereRemovedBefore) {
    PlayedLog& log = restart();
    std::vector<ReadRecord> records = log.read();
    const auto third = std::find_if(records.begin(), records.end(), [](const ReadRecord& read) {
        return read.end.segment == 3;
    });
    log.release({records.begin(), third});
    log.settle();
    kill();
    ASSERT_THAT(files_like(segment_file_name(2)), IsEmpty());
    remove(cursor_file_name);
    EXPECT_EQ(restart().read_bodies(), bodies_outside({1, 2}));
    EXPECT_THAT(log_->damaged, IsEmpty());
}

TEST_F(MissingSegment, CostsItsRecordsIfItIsOfAnotherSlot) {
    expect_costs_everywhere([&](const std::string& name) { put(name, strangers(name)); }, true);
}

TEST_F(MissingSegment, CostsItsRecordsIfItIsACopyOfAnotherOne) {
    const std::string copied = segment_file_name(3);
    for (const uint64_t harmed : {1, 2, 4, 5}) {
        SCOPED_TRACE(harmed);
        start_over();
        expect_costs(
            {harmed}, [&](const std::string& name) { put(name, content(copied)); }, 1);
    }
}

TEST_F(MissingSegment, CostsNothingIfAllOfItIsReleased) {
    settings_.retain_ms = 3'600'000;  // so that it stays
    PlayedLog& log = restart();
    log.release(log.read(40));
    kill();
    put(segment_file_name(2), "");
    PlayedLog& after = restart();
    EXPECT_THAT(after.read(), SizeIs(events - 40));
    EXPECT_THAT(after.damaged, IsEmpty());
    EXPECT_THAT(files_like("damaged-"), IsEmpty());
}

// A segment was given up with records in it that were refused. Nothing says any more where it
// ended, but they take nothing from those that stand behind the missing one.
TEST_F(MissingSegment, MakesNoRefusedRecordsCountForLaterOnes) {
    std::string given_up = content(segment_file_name(2));
    std::vector<ReadRecord> records = restart().read();
    const auto first_of = [&](uint64_t segment) {
        return std::find_if(records.begin(), records.end(), [&](const ReadRecord& read) {
            return read.end.segment == segment;
        });
    };
    const auto third = first_of(3);
    given_up.resize(std::prev(third)->end.offset);
    const Salt salt = decode_segment_header(given_up).header.salt;
    for (auto refused = third; refused != first_of(4) + 3; ++refused) {
        Record record = refused->record;
        record.body = "refused";
        RecordBuffer buffer = RecordBuffer::from(record);
        buffer.seal(salt, record.sequence, record.durable);
        given_up += buffer.bytes();
    }
    kill();
    put(segment_file_name(2), given_up);
    put(segment_file_name(3), "");
    std::vector<std::string> read = restart().read_bodies();
    read.erase(std::remove(read.begin(), read.end(), "refused"), read.end());
    EXPECT_EQ(read, bodies_outside({3}));
}

TEST_F(MissingSegment, IsFoundInASlotThatWasRenamed) {
    put(segment_file_name(2), "");
    auto above = std::move(*editor().open_directory("/spool/bus", false));
    ASSERT_TRUE(above->rename(list("/spool/bus")[0], "0123456789abcdef"));
    PlayedLog& after = restart();
    EXPECT_EQ(after.read_bodies(), bodies_outside({2}));
}

TEST_F(MissingSegment, IsNotKeptWhereSoMuchIsKeptAlready) {
    auto kept = slot_directory()->open("damaged-0000000000000000-0", Directory::Mode::create);
    ASSERT_TRUE((*kept)->write_at(most_kept_aside - 1, "x"));
    put(segment_file_name(2), "");
    put(segment_file_name(3), "");
    PlayedLog& after = restart();
    EXPECT_EQ(after.read_bodies(), bodies_outside({2, 3}));
    EXPECT_THAT(files_like("damaged-"), SizeIs(1));
    EXPECT_EQ(lines_.count("it is not kept"), 2u);
    // Nor does it take the log's room.
    EXPECT_LT(after.log->numbers().bytes, settings_.size);
}

// The first one that could be made has the number 2.
using LateFirstSegment = SimLogTest;

TEST_F(LateFirstSegment, CostsItsRecordsIfThereNeverWasACursor) {
    PlayedLog& log = start();
    disk_.fail_next(sim::Operation::sync, EIO);
    EXPECT_FALSE(log.append("refused"));
    clock_.advance_ms(2'000);
    std::vector<std::string> bodies;
    for (int i = 0; i < 30; ++i) {
        bodies.push_back(padded(std::to_string(i), 900));
        ASSERT_TRUE(log.append(bodies.back()));
    }
    const std::vector<ReadRecord> read = log.read();
    ASSERT_EQ(read.front().end.segment, 2u);
    const auto third = std::find_if(
        read.begin(), read.end(), [](const ReadRecord& each) { return each.end.segment == 3; });
    const auto lost = static_cast<size_t>(third - read.begin());
    kill();
    for (const std::string& name : {std::string(cursor_file_name), segment_file_name(2)}) {
        ASSERT_TRUE(slot_directory()->remove(name));
    }
    PlayedLog& after = restart();
    bodies.erase(bodies.begin(), bodies.begin() + static_cast<ptrdiff_t>(lost));
    EXPECT_EQ(after.read_bodies(), bodies);
    EXPECT_THAT(after.damaged, SizeIs(lost));
}

}  // namespace
}  // namespace momento::spool_test
