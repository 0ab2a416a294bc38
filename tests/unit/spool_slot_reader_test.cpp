#include "spool/slot_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "spool/marks.h"
#include "spool/segment_scan.h"
#include "test_spool.h"

namespace momento {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SlotReader : public testing::Test {
  protected:
    // One record at a time, so that each was durable before the next was written.
    void append_one_by_one(const std::vector<Record>& records) {
        SpoolTools tools = spool_.tools();
        Tails tails(spool_.path(), tools);
        for (const Record& record : records) {
            std::vector<RecordBuffer> one;
            one.push_back(RecordBuffer::from(record));
            Status status = tails.append("bus", std::move(one));
            ASSERT_TRUE(status) << status.error().text;
        }
        tails.finish();
    }

    SlotReport read() {
        bodies_.clear();
        auto report = read_slot(spool_.places("bus")[0], [&](const Record& record, Position) {
            bodies_.emplace_back(record.body);
        });
        EXPECT_TRUE(report) << report.error().text;
        return *report;
    }

    // The place of the n-th record's body in the slot's only segment.
    void damage_body(size_t n) {
        SlotPlace place = spool_.places("bus")[0];
        std::vector<std::pair<Position, size_t>> bodies;
        ASSERT_TRUE(read_slot(place, [&](const Record& record, Position end) {
            bodies.push_back({end, record.encoded_size()});
        }));
        auto [end, size] = bodies.at(n);
        auto file =
            place.directory->open(segment_file_name(end.segment), Directory::Mode::write);
        ASSERT_TRUE(file);
        ASSERT_TRUE((*file)->write_at(end.offset - size + record_header_size, "X"));
    }

    TestSpool spool_;
    std::vector<std::string> bodies_;
};

TEST_F(SlotReader, VisitsWhatIsPendingInOrder) {
    append_one_by_one({TestSpool::event("one"), TestSpool::event("two")});
    SlotReport report = read();
    EXPECT_THAT(bodies_, ElementsAre("one", "two"));
    EXPECT_EQ(report.pending, 2u);
    EXPECT_EQ(report.lost, 0u);
    EXPECT_THAT(report.findings, IsEmpty());
}

TEST_F(SlotReader, GivesUpDamagedRecordsOnly) {
    append_one_by_one({TestSpool::event("one"), TestSpool::event("two"),
                       TestSpool::event("three"), TestSpool::event("four")});
    damage_body(1);
    SlotReport report = read();
    EXPECT_THAT(bodies_, ElementsAre("one", "three", "four"));
    EXPECT_EQ(report.lost, 1u);
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_THAT(report.findings[0], testing::HasSubstr("from sequence 2 on"));
}

TEST_F(SlotReader, KnowsAnUnknownFormatAndLooksNoFurther) {
    append_one_by_one({TestSpool::event("one")});
    SlotPlace place = spool_.places("bus")[0];
    auto file = place.directory->open(segment_file_name(1), Directory::Mode::write);
    ASSERT_TRUE(file);
    std::string header(512, '\0');
    ASSERT_TRUE((*file)->read_at(0, header.data(), header.size()));
    header[8] = 2;  // the format's version, and a CRC that agrees
    uint32_t crc = crc32c(0, header.data(), 508);
    for (int i = 0; i < 4; i++) header[508 + i] = static_cast<char>(crc >> (8 * i));
    ASSERT_TRUE((*file)->write_at(0, header));
    EXPECT_TRUE(read().foreign);
    EXPECT_THAT(bodies_, IsEmpty());
}

TEST_F(SlotReader, LeavesOutLettersThatAreMarked) {
    spool_.append(dead_letter_directory, {TestSpool::letter("one"), TestSpool::letter("two")});
    SlotPlace place = spool_.places(dead_letter_directory)[0];
    auto marks = MarkWriter::open(place.directory);
    ASSERT_TRUE(marks && *marks);
    ASSERT_TRUE((*marks)->append({{1}}));
    EXPECT_THAT(spool_.pending(dead_letter_directory), ElementsAre("two"));
}

TEST_F(SlotReader, FindsSlotsOfDestinationsButNotWhatIsNoSlot) {
    spool_.append("a", {TestSpool::event("one")});
    spool_.append("b", {TestSpool::event("two")});
    spool_.append(dead_letter_directory, {TestSpool::letter("three")});
    std::filesystem::create_directories(spool_.path() + "/a/not-a-slot");
    std::filesystem::create_directories(spool_.path() + "/c");
    std::vector<std::string> destinations;
    for (const SlotPlace& place : spool_.places("")) destinations.push_back(place.destination);
    EXPECT_THAT(destinations, ElementsAre("a", "b"));
    EXPECT_FALSE(find_slots(system_files(), spool_.path(), "none"));
}

TEST_F(SlotReader, LetsNothingThatCannotBeOpenedHideASlot) {
    spool_.append("a", {TestSpool::event("one")});
    for (const char* name : {"0000000000000000", "ffffffffffffffff"}) {
        std::ofstream(spool_.path() + "/a/" + name) << "no directory";
    }
    std::filesystem::create_directories(spool_.path() + "/lost+found");
    const std::vector<SlotPlace> places = spool_.places("");
    ASSERT_THAT(places, SizeIs(3));
    EXPECT_FALSE(read_slot(places[0], [](const Record&, Position) {}));
    auto between = read_slot(places[1], [](const Record&, Position) {});
    ASSERT_TRUE(between);
    EXPECT_EQ(between->pending, 1u);
    auto unopened = read_slot(places[2], [](const Record&, Position) {});
    ASSERT_FALSE(unopened);
    EXPECT_THAT(unopened.error().text, HasSubstr("ffffffffffffffff"));
}

TEST_F(SlotReader, SeesARecordThatIsWrittenAfterItsPlaceWasLookedAt) {
    append_one_by_one({TestSpool::event("one"), TestSpool::event("two")});
    SlotPlace place = spool_.places("bus")[0];
    std::string name = segment_file_name(1);
    std::string bytes(8192, '\0');
    std::shared_ptr<File> file =
        std::move(*place.directory->open(name, Directory::Mode::write));
    ASSERT_TRUE(file->read_at(0, bytes.data(), bytes.size()));
    Salt salt = decode_segment_header(bytes).header.salt;

    SegmentScan scan(file, salt, segment_header_size);
    Record record;
    ASSERT_EQ(*scan.look(bytes.size(), record), SegmentScan::Found::record);
    scan.move_to(segment_header_size + record.encoded_size());
    std::string second = bytes.substr(scan.offset(), 1024);
    ASSERT_TRUE(file->write_at(scan.offset(), std::string(second.size(), '\0')));

    SegmentScan early(file, salt, segment_header_size);
    ASSERT_EQ(*early.look(bytes.size(), record), SegmentScan::Found::record);
    early.move_to(scan.offset());
    ASSERT_EQ(*early.look(bytes.size(), record), SegmentScan::Found::bad);
    ASSERT_TRUE(file->write_at(scan.offset(), second));
    EXPECT_EQ(*early.look(bytes.size(), record), SegmentScan::Found::record);
    EXPECT_EQ(record.body, "two");
}

}  // namespace
}  // namespace momento
