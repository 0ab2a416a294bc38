#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char first_segment[] = "0000000000000001.segment";

class Recovery : public SimLogTest {
  protected:
    // Offsets of the records in a segment of this log, and the end behind the last.
    std::vector<uint64_t> offsets(const std::vector<ReadRecord>& records) {
        std::vector<uint64_t> found;
        for (const ReadRecord& read : records) {
            found.push_back(read.end.offset - read.record.encoded_size());
        }
        found.push_back(records.back().end.offset);
        return found;
    }

    std::vector<uint64_t> damaged() {
        std::vector<uint64_t> sequences;
        for (const Release& release : log_->damaged) {
            EXPECT_EQ(release.resolution, Resolution::damaged);
            sequences.push_back(release.sequence);
        }
        return sequences;
    }

    void release_damaged() { log_->log->release(log_->damaged); }
};

TEST_F(Recovery, EndsTheLogAtTheLastWholeRecord) {
    for (bool garbage : {false, true}) {
        size_t size = UINT32_MAX;
        for (size_t cut = 0; cut < size; ++cut) {
            // A slot of its own for every cut.
            settings_.path = "/spool" + std::to_string(garbage) + "-" + std::to_string(cut);
            disk_.make_directory(settings_.path);
            PlayedLog& log = start();
            ASSERT_TRUE(log.append("one"));
            ASSERT_TRUE(log.append("two"));
            ASSERT_TRUE(log.append("three"));
            std::vector<uint64_t> at = offsets(log.read());
            size = at[3] - at[2];
            kill();
            std::string slot = settings_.path + "/bus/" + list(settings_.path + "/bus")[0];
            auto directory = std::move(*editor().open_directory(slot, false));
            auto file = std::move(*directory->open(first_segment, Directory::Mode::write));
            ASSERT_TRUE(
                file->write_at(at[2] + cut, std::string(size - cut, garbage ? '?' : 0)));

            PlayedLog& after = restart();
            ASSERT_TRUE(after.append("four"));
            EXPECT_THAT(after.read_bodies(), ElementsAre("one", "two", "four")) << cut;
            EXPECT_THAT(after.damaged, IsEmpty()) << cut;
            EXPECT_EQ(after.totals().last_sequence, 3u);
        }
    }
}

TEST_F(Recovery, DamageInTheMiddleCostsTheDamagedRecordOnly) {
    size_t size = UINT32_MAX;
    for (size_t byte = 0; byte < size; ++byte) {
        settings_.path = "/spool-" + std::to_string(byte);
        disk_.make_directory(settings_.path);
        PlayedLog& log = start();
        ASSERT_TRUE(log.append("one"));
        ASSERT_TRUE(log.append("two"));
        ASSERT_TRUE(log.append("three"));
        std::vector<uint64_t> at = offsets(log.read());
        size = at[2] - at[1];
        kill();
        std::string slot = settings_.path + "/bus/" + list(settings_.path + "/bus")[0];
        auto directory = std::move(*editor().open_directory(slot, false));
        auto file = std::move(*directory->open(first_segment, Directory::Mode::write));
        std::string bytes(size, '\0');
        ASSERT_TRUE(file->read_at(at[1], bytes.data(), size));
        bytes[byte] = static_cast<char>(bytes[byte] ^ 0x5A);
        ASSERT_TRUE(file->write_at(at[1], bytes));

        PlayedLog& after = restart();
        ASSERT_TRUE(after.append("four"));
        EXPECT_THAT(after.read_bodies(), ElementsAre("one", "three", "four")) << byte;
        ASSERT_THAT(damaged(), ElementsAre(2u)) << byte;

        // Kept aside, counted, and the log goes on.
        auto kept = directory->open("damaged-0000000000000001-" + std::to_string(at[1]),
                                    Directory::Mode::read);
        ASSERT_TRUE(kept) << kept.error().text;
        std::string aside(*(*kept)->size(), '\0');
        ASSERT_TRUE((*kept)->read_at(0, aside.data(), aside.size()));
        EXPECT_EQ(aside, bytes);
        release_damaged();
        after.step();
        EXPECT_EQ(after.totals().damaged, 1u);
        EXPECT_EQ(after.totals().pending(), 3u);
    }
}

TEST_F(Recovery, DamageIsFoundInOlderSegmentsWhenTheyAreRead) {
    PlayedLog& log = start();
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
    kill();
    ASSERT_GT(files_like(".segment").size(), 3u);
    overwrite("0000000000000002.segment", 6000, std::string(100, '!'));
    PlayedLog& after = restart();
    std::vector<std::string> bodies = after.read_bodies();
    ASSERT_EQ(after.damaged.size(), 1u);
    EXPECT_EQ(bodies.size(), 59u);
    EXPECT_EQ(lines_.count("are damaged; they are kept"), 1u);
    EXPECT_EQ(lines_.count("1 record"), 1u);
}

TEST_F(Recovery, ABatchThatIsTornIsNotBelievedFromThereOn) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    std::vector<Record> batch;
    for (int i = 0; i < 4; ++i) batch.push_back(event("same batch"));
    ASSERT_TRUE(log.append(batch));
    std::vector<uint64_t> at = offsets(log.read());
    kill();
    // Its second record did not reach the disk, the ones behind it did.
    overwrite(first_segment, at[2], std::string(at[3] - at[2], '\0'));
    PlayedLog& after = restart();
    EXPECT_THAT(after.read_bodies(), ElementsAre("one", "same batch"));
    EXPECT_THAT(after.damaged, IsEmpty());
    ASSERT_TRUE(after.append("new"));
    EXPECT_THAT(after.read_bodies(), ElementsAre("new"));
}

TEST_F(Recovery, DoesNotBelieveARecordInABody) {
    // A record that is whole, with sequence and place as they would be, in the body of one
    // whose header is damaged. Only the salt is not known to whoever made it.
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    RecordBuffer forged = RecordBuffer::from(event("forged"));
    forged.seal(Salt{}, 3, 4096);
    std::string body = "before " + std::string(forged.bytes()) + " behind";
    ASSERT_TRUE(log.append(body));
    ASSERT_TRUE(log.append("three"));
    ASSERT_TRUE(log.append("four"));
    std::vector<uint64_t> at = offsets(log.read());
    kill();
    flip(first_segment, at[1] + 4);
    PlayedLog& after = restart();
    EXPECT_THAT(after.read_bodies(), ElementsAre("one", "three", "four"));
    EXPECT_THAT(damaged(), ElementsAre(2u));
}

TEST_F(Recovery, DoesNotBelieveWhatAnotherUseOfTheFileLeft) {
    // Fill, drain and use again: the recycled file is full of whole records of another salt.
    PlayedLog& log = start();
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < 14; ++i) ASSERT_TRUE(log.append(padded("old", 900)));
        log.release(log.read());
        clock_.advance_ms(1'100);
        log.settle();
    }
    ASSERT_TRUE(log.append(padded("new", 900)));
    kill();
    PlayedLog& after = restart();
    EXPECT_THAT(after.read_bodies(), ElementsAre(padded("new", 900)));
    EXPECT_THAT(after.damaged, IsEmpty());
}

TEST_F(Recovery, BelievesNothingBehindTheEndOfAPoisonedSegment) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    disk_.fail_next(sim::Operation::sync, EIO);
    ASSERT_TRUE(log.append("two"));  // in a fresh segment, after all
    EXPECT_EQ(log.log->numbers().poisoned, 1u);
    kill();
    ASSERT_THAT(files_like(".segment"), SizeIs(2));
    PlayedLog& after = restart();
    EXPECT_THAT(after.read_bodies(), ElementsAre("one", "two"));
    EXPECT_EQ(after.totals().last_sequence, 2u);
}

TEST_F(Recovery, IgnoresSegmentsThatNoSegmentLeadsTo) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.writer->finish();
    kill();
    // As an attempt leaves it that failed after the rename: no later one names it.
    SegmentHeader header;
    header.slot = list("/spool/bus")[0];
    header.number = 2;
    header.first_sequence = 2;
    header.predecessor = 1;
    header.predecessor_end = 4096;
    {
        auto file = slot_directory()->open("0000000000000002.segment", Directory::Mode::create);
        ASSERT_TRUE((*file)->write_at(0, encode_segment_header(header)));
    }
    header.number = 3;
    header.first_sequence = 2;
    header.predecessor_end = content(first_segment).size();
    {
        auto file = slot_directory()->open("0000000000000003.segment", Directory::Mode::create);
        ASSERT_TRUE((*file)->write_at(0, encode_segment_header(header)));
    }
    // And as a machine leaves it that stopped before a file's new name was durable.
    header.number = 9;
    {
        auto file = slot_directory()->open("0000000000000004.segment", Directory::Mode::create);
        ASSERT_TRUE((*file)->write_at(0, encode_segment_header(header)));
    }
    PlayedLog& after = restart();
    ASSERT_TRUE(after.append("two"));
    EXPECT_THAT(after.read_bodies(), ElementsAre("one", "two"));
    EXPECT_THAT(after.damaged, IsEmpty());
    EXPECT_THAT(files_like("0000000000000005.segment"), SizeIs(1));
}

TEST_F(Recovery, DeliversAgainWhenTheCursorIsLost) {
    PlayedLog& log = start();
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
    log.release(log.read(20));
    clock_.advance_ms(1'100);
    log.settle();
    log.writer->finish();
    kill();
    overwrite("cursor", 0, std::string(8192, 'x'));
    PlayedLog& after = restart();
    // From the oldest segment there is on.
    size_t left = after.read_bodies().size();
    EXPECT_GE(left, 20u);
    EXPECT_LT(left, 40u);
    EXPECT_EQ(after.totals().pending(), left);
    EXPECT_EQ(after.totals().last_sequence, 40u);
    EXPECT_EQ(lines_.count("delivered again"), 1u);
}

// A record that was not acknowledged, whole in a segment whose sync failed. The segment behind
// it, which said so, and it were removed; of the two changes to the directory only one was on
// disk when the machine stopped.
TEST_F(Recovery, RevivesNothingThatWasRefusedBeforeTheCursorsSegment) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    log.release(log.read());
    const std::string released = content(segment_file_name(1));
    std::string first;  // as it is when its sync fails
    observer_.on_step = [&](const std::string& step) {
        if (step == steps::records_written) first = content(segment_file_name(1));
    };
    disk_.before = [&](const sim::Call& call) {
        if (call.path.find("cursor") != std::string::npos) return sim::Fault{};
        const bool is_records = call.operation == sim::Operation::sync &&
                                observer_.steps.back() == steps::records_written;
        const bool is_second = call.operation == sim::Operation::write &&
                               observer_.steps.back() == steps::segment_named;
        return is_records || is_second ? sim::Fault{EIO} : sim::Fault{};
    };
    EXPECT_FALSE(log.append("two"));
    disk_.before = {};
    observer_.on_step = {};
    ASSERT_NE(first.find("two"), std::string::npos);
    PlayedLog& again = restart();
    EXPECT_THAT(again.read_bodies(), IsEmpty());
    again.settle();

    // Nor does it when the segment is removed, and comes back, once more.
    for (int round = 0; round < 2; ++round) {
        SCOPED_TRACE(round);
        ASSERT_THAT(files_like(".segment"), IsEmpty());
        kill();
        auto file = slot_directory()->open(segment_file_name(1), Directory::Mode::create);
        ASSERT_TRUE((*file)->write_at(0, first));
        PlayedLog& next = restart();
        EXPECT_EQ(next.totals().pending(), 0u);
        EXPECT_THAT(next.read(), IsEmpty());
        EXPECT_THAT(next.damaged, IsEmpty());
        next.settle();
    }

    // What is appended next counts, also if the segment stays.
    kill();
    settings_.retain_ms = clock_.wall_ms();
    auto file = slot_directory()->open(segment_file_name(1), Directory::Mode::create);
    ASSERT_TRUE((*file)->write_at(0, released));
    ASSERT_TRUE(restart().append("three"));
    EXPECT_THAT(restart().read_bodies(), ElementsAre("three"));
}

// It was recycled, and renamed for its next use; of the two changes to the directory only the
// second was on disk when the machine stopped.
TEST_F(Recovery, DoesNotTakeASegmentsSecondNameForASpare) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.settle();
    kill();
    const std::string first = segment_file_name(1);
    auto second = slot_directory()->open(segment_file_name(0), Directory::Mode::create);
    ASSERT_TRUE((*second)->write_at(0, content(first)));

    start();
    PlayedLog& next = open_slot();
    EXPECT_THAT(files_like(segment_file_name(0)), IsEmpty());
    EXPECT_THAT(files_like(first), SizeIs(1));
    EXPECT_THAT(next.read_bodies(), ElementsAre("one"));
}

TEST_F(Recovery, CountsASegmentThatIsGone) {
    PlayedLog& log = start();
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
    kill();
    ASSERT_GT(files_like(".segment").size(), 3u);
    ASSERT_TRUE(slot_directory()->remove("0000000000000002.segment"));
    PlayedLog& after = restart();
    size_t left = after.read_bodies().size();
    EXPECT_GT(left, 0u);
    EXPECT_EQ(left + after.damaged.size(), 50u);
}

TEST_F(Recovery, CountsASegmentWithoutItsHeader) {
    PlayedLog& log = start();
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
    kill();
    ASSERT_GT(files_like(".segment").size(), 3u);
    flip("0000000000000002.segment", 20);
    PlayedLog& after = restart();
    std::vector<std::string> bodies = after.read_bodies();
    EXPECT_GT(bodies.size(), 20u);
    EXPECT_EQ(bodies.front(), padded("0", 900));
    EXPECT_EQ(bodies.back(), padded("49", 900));
    EXPECT_EQ(bodies.size() + after.damaged.size(), 50u);
    EXPECT_THAT(files_like("damaged-0000000000000002-0"), SizeIs(1));
    release_damaged();
    after.release(after.read());
    EXPECT_EQ(after.totals().damaged, after.damaged.size());
}

TEST_F(Recovery, CountsATailThatIsGone) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    ASSERT_TRUE(log.append("two"));
    ASSERT_TRUE(log.append("three"));
    std::vector<uint64_t> at = offsets(log.read());
    log.writer->finish();  // the cursor knows of three
    kill();
    overwrite(first_segment, at[1], std::string(at[3] - at[1], '\0'));
    PlayedLog& after = restart();
    EXPECT_THAT(after.read_bodies(), ElementsAre("one"));
    EXPECT_THAT(damaged(), ElementsAre(2u, 3u));
    release_damaged();
    after.step();
    EXPECT_EQ(after.totals().pending(), 1u);
    ASSERT_TRUE(after.append("four"));
    std::vector<ReadRecord> last = after.read();
    ASSERT_EQ(last.size(), 1u);
    EXPECT_EQ(last[0].record.sequence, 4u);
}

TEST_F(Recovery, CountsATailThatIsLostWhileItIsOpened) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    ASSERT_TRUE(log.append("two"));
    std::vector<uint64_t> at = offsets(log.read());
    kill();
    start();
    disk_.fail_next(sim::Operation::sync, EIO);
    observer_.on_step = [&](const std::string& step) {
        if (step != steps::tail_synced_at_opening) return;
        overwrite(first_segment, at[1], std::string(at[2] - at[1], '\0'));
    };
    PlayedLog& after = open_slot();
    after.settle();
    EXPECT_THAT(after.read_bodies(), ElementsAre("one"));
    EXPECT_THAT(damaged(), ElementsAre(2u));
}

TEST_F(Recovery, ReadsOneSegmentHoweverManyThereAre) {
    auto reads_at_opening = [&](int records) {
        settings_.path = "/spool-" + std::to_string(records);
        settings_.size = 4u << 20;
        disk_.make_directory(settings_.path);
        PlayedLog& log = start();
        for (int i = 0; i < records; ++i) EXPECT_TRUE(log.append(padded("x", 900)));
        kill();
        uint64_t before = disk_.count(sim::Operation::read);
        restart();
        return disk_.count(sim::Operation::read) - before;
    };
    const int in_a_segment = 11;
    uint64_t few = reads_at_opening(in_a_segment);
    uint64_t many = reads_at_opening(in_a_segment * 40);
    EXPECT_LE(many, few + 40);  // a header each
}

TEST_F(Recovery, CountsWhatWasRedriven) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    Record redriven = event("redriven");
    redriven.origin = Origin::redrive;
    ASSERT_TRUE(log.append({redriven}));
    EXPECT_EQ(log.totals().redriven, 1u);
    PlayedLog& after = restart();
    EXPECT_EQ(after.totals().redriven, 1u);
    after.writer->finish();
    EXPECT_EQ(restart().totals().redriven, 1u);
}

}  // namespace
}  // namespace momento::spool_test
