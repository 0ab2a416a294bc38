#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spool_rig.h"

namespace momento::spool_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// On the machine's own files.
class LogOnDisk : public testing::Test {
  protected:
    LogOnDisk() {
        std::string pattern = testing::TempDir() + "momento-log-XXXXXX";
        settings_ = small_settings();
        settings_.path = mkdtemp(pattern.data());
    }
    ~LogOnDisk() override { std::filesystem::remove_all(settings_.path); }

    PlayedLog::Tools tools() {
        return {&system_files(), &clock_, &system_random(), &lines_, nullptr};
    }

    std::unique_ptr<PlayedLog> open() {
        return std::make_unique<PlayedLog>(settings_, "bus", tools());
    }

    SpoolSettings settings_;
    fakes::PlayedClock clock_;
    fakes::KeptLines lines_;
};

TEST_F(LogOnDisk, GivesBackWhatWasAppended) {
    auto log = open();
    EXPECT_TRUE(log->append("one"));
    EXPECT_TRUE(log->append({event("two")}));
    std::vector<ReadRecord> records = log->read();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].record.body, "one");
    EXPECT_EQ(records[1].record.body, "two");
    EXPECT_EQ(records[1].record.sequence, 2u);
    log->release(records);
    EXPECT_EQ(log->totals().pending(), 0u);
    EXPECT_TRUE(lines_.lines.empty()) << lines_.lines[0];
}

TEST_F(LogOnDisk, OutlivesItsProcess) {
    {
        auto log = open();
        for (int i = 0; i < 500; ++i) ASSERT_TRUE(log->append("event " + std::to_string(i)));
        log->release(log->read(300));
        log->writer->finish();
    }
    auto log = open();
    EXPECT_TRUE(log->append("another"));
    EXPECT_EQ(log->log->numbers().recovered, 200u);
    std::vector<std::string> bodies = log->read_bodies();
    ASSERT_EQ(bodies.size(), 201u);
    EXPECT_EQ(bodies.front(), "event 300");
    EXPECT_EQ(bodies.back(), "another");
    EXPECT_THAT(log->damaged, IsEmpty());
}

}  // namespace
}  // namespace momento::spool_test
