#include "gateway/orphans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "fakes.h"
#include "spool/record.h"
#include "spool/slot_reader.h"
#include "spool/writer.h"
#include "temporary_directory.h"

namespace momento {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class OrphansTest : public testing::Test {
  protected:
    OrphansTest() {
        settings_->spool.path = directory_.path();
        settings_->spool.segment_size = 1 << 20;
        settings_->spool.size = 8 << 20;
        DestinationSettings known;
        known.name = "known";
        settings_->destinations.push_back(known);
        table_->begin_configuration(settings_->spool.path);
    }

    void spool(const std::string& destination, int events) {
        auto log = std::make_shared<Log>([] {}, [] {});
        auto slots = std::make_shared<Slots>(settings_->spool.path, destination, system_files(),
                                             system_random(), lines_);
        WriterTools tools;
        tools.clock = &system_clock();
        tools.random = &system_random();
        tools.logger = &lines_;
        Writer writer(log, {settings_, &settings_->spool}, slots, nullptr, tools);
        AppendBatch batch;
        for (int i = 0; i < events; ++i) {
            Record record;
            record.body = "{}";
            batch.records.push_back(RecordBuffer::from(record));
        }
        log->append(std::move(batch));
        writer.finish();
    }

    // A new worker's first look, of the configuration in effect.
    void survey() {
        OrphanSurvey(settings_, system_files(), clock_, lines_, *table_, nullptr).step();
    }

    std::vector<std::string> alerts() const { return lines_.of(Severity::alert); }

    const TemporaryDirectory directory_;
    std::shared_ptr<GatewaySettings> settings_ = std::make_shared<GatewaySettings>();
    std::unique_ptr<OrphanTable> table_ = std::make_unique<OrphanTable>();
    fakes::KeptLines lines_;
    fakes::PlayedClock clock_;
};

TEST_F(OrphansTest, CountsEventsOfDestinationsThatNobodyNames) {
    spool("known", 2);
    spool("gone", 3);
    survey();
    EXPECT_EQ(table_->events(), 3u);
    EXPECT_THAT(alerts(), ElementsAre(AllOf(HasSubstr("orphans: 3 events"),
                                            HasSubstr(settings_->spool.path + "/gone\" (3)"))));
    const auto orphans = table_->list();
    ASSERT_EQ(orphans.size(), 1u);
    EXPECT_EQ(orphans[0].spool, settings_->spool.path);
    EXPECT_EQ(orphans[0].destination, "gone");
    EXPECT_EQ(orphans[0].events, 3u);
    EXPECT_GT(orphans[0].bytes, 1u << 20);
}

TEST_F(OrphansTest, SaysSoOnceForAllWorkers) {
    spool("gone", 3);
    survey();
    survey();  // another worker
    EXPECT_EQ(alerts().size(), 1u);
    EXPECT_EQ(table_->list().size(), 1u);
}

TEST_F(OrphansTest, IsQuietWhereEverythingIsNamed) {
    spool("known", 2);
    survey();
    EXPECT_EQ(table_->events(), 0u);
    EXPECT_TRUE(alerts().empty());
}

// mke2fs makes it in a volume's root, and only root may enter it.
TEST_F(OrphansTest, LeavesAloneWhatNoDestinationIsNamedLike) {
    spool("gone", 2);
    const std::string& path = settings_->spool.path;
    std::filesystem::rename(path + "/gone", path + "/lost+found");
    survey();
    EXPECT_EQ(table_->events(), 0u);
    EXPECT_TRUE(alerts().empty());
}

TEST_F(OrphansTest, LooksIntoSpoolsThatAreNotConfiguredAnyMore) {
    spool("known", 2);
    const std::string old = settings_->spool.path;
    settings_->spool.path += "/new";
    std::filesystem::create_directory(settings_->spool.path);
    table_->begin_configuration(settings_->spool.path);
    survey();
    EXPECT_EQ(table_->events(), 2u);
    EXPECT_THAT(alerts(), ElementsAre(HasSubstr("move " + old + "/known")));

    settings_->spool.path = old;  // back again
    table_->begin_configuration(old);
    survey();
    EXPECT_EQ(table_->events(), 0u);
    EXPECT_TRUE(table_->list().empty());
}

TEST_F(OrphansTest, HearsNoWorkerOfAnEarlierConfiguration) {
    spool("gone", 3);
    OrphanSurvey early(settings_, system_files(), clock_, lines_, *table_, nullptr);
    table_->begin_configuration(settings_->spool.path);
    early.step();
    EXPECT_EQ(table_->events(), 0u);
    EXPECT_TRUE(alerts().empty());
}

TEST_F(OrphansTest, WaitsForWhoeverStillDelivers) {
    spool("gone", 3);
    OrphanSurvey survey(settings_, system_files(), clock_, lines_, *table_, nullptr);
    {
        Slots slots(settings_->spool.path, "gone", system_files(), system_random(), lines_);
        auto slot = slots.adopt();
        ASSERT_TRUE(slot && *slot);
        survey.step();
        EXPECT_EQ(table_->events(), 0u);
    }
    clock_.advance_ms(1'000);
    survey.step();
    EXPECT_EQ(table_->events(), 3u);
}

// Another worker's survey has the lock for a moment, and whoever rescues orphans for longer.
TEST_F(OrphansTest, AreNoneTheLessWhileTheirSlotIsInUse) {
    spool("gone", 3);
    spool("gone_too", 2);
    survey();
    {
        auto places = find_slots(system_files(), settings_->spool.path, "gone");
        auto lock = places->at(0).directory->try_lock(slot_lock_file);
        ASSERT_TRUE(lock && *lock);
        survey();
        EXPECT_EQ(table_->events(), 5u);
        EXPECT_EQ(table_->list().size(), 2u);
    }
    survey();
    EXPECT_EQ(table_->events(), 5u);
    EXPECT_EQ(alerts().size(), 1u) << "nothing became news";
}

TEST_F(OrphansTest, SaysWhatItCannotRead) {
    spool("gone", 3);
    const std::string slot =
        find_slots(system_files(), settings_->spool.path, "gone")->at(0).slot;
    const std::string path =
        settings_->spool.path + "/gone/" + slot + "/" + segment_file_name(1);
    std::fstream segment(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string header(segment_header_size, '\0');
    segment.read(header.data(), static_cast<std::streamsize>(header.size()));
    header[8] = 9;  // version
    const uint32_t crc = crc32c(0, header.data(), 508);
    for (size_t i = 0; i < 4; ++i) header[508 + i] = static_cast<char>(crc >> 8 * i);
    segment.seekp(0).write(header.data(), static_cast<std::streamsize>(header.size()));
    segment.close();

    survey();
    EXPECT_EQ(table_->events(), 0u);
    EXPECT_THAT(alerts(), ElementsAre(HasSubstr("another format version")));
}

TEST(OrphanTableTest, CountsWhatItHasNoRoomToName) {
    auto table = std::make_unique<OrphanTable>();
    table->begin_configuration("/spool");
    std::vector<Orphan> many;
    for (size_t i = 0; i < OrphanTable::max_orphans + 5; ++i) {
        many.push_back({"/spool", "gone", std::to_string(i), 1, 0, false});
    }
    EXPECT_TRUE(table->publish(1, many));
    EXPECT_FALSE(table->publish(1, many));
    EXPECT_EQ(table->events(), many.size());
    EXPECT_EQ(table->list().size(), OrphanTable::max_orphans);
}

TEST(OrphanTableTest, RemembersAsManySpoolsAsItHasRoomFor) {
    auto table = std::make_unique<OrphanTable>();
    EXPECT_TRUE(table->begin_configuration(""));
    for (size_t i = 0; i < OrphanTable::max_spools; ++i) {
        EXPECT_TRUE(table->begin_configuration("/spool" + std::to_string(i)));
    }
    EXPECT_TRUE(table->begin_configuration("/spool0"));
    EXPECT_FALSE(table->begin_configuration("/another"));
    EXPECT_FALSE(table->begin_configuration(std::string(OrphanTable::max_path + 1, 'x')));
    EXPECT_EQ(table->spools().size(), OrphanTable::max_spools);
}

TEST_F(OrphansTest, ASpoolThatHangsKeepsNoOtherOneBack) {
    spool("gone", 3);
    const std::string former = settings_->spool.path + "-former";
    table_->begin_configuration(former);
    table_->begin_configuration(settings_->spool.path);
    fakes::PlayedCrew crew;
    Errands errands(clock_, lines_, crew, [] {});
    OrphanSurvey survey(settings_, system_files(), clock_, lines_, *table_, &errands);
    const auto step = [&] {
        errands.step();
        survey.step();
    };
    step();
    ASSERT_EQ(crew.works.size(), 2u);
    const size_t hanging = table_->spools()[0] == former ? 0 : 1;
    crew.works[1 - hanging]();
    step();
    EXPECT_EQ(table_->events(), 0u) << "what the first looks find is told together";
    clock_.advance_ms(5'000);
    step();
    EXPECT_EQ(table_->events(), 3u);
    EXPECT_EQ(crew.works.size(), 2u) << "nor is it looked at twice";
}

}  // namespace
}  // namespace momento
