#include "gateway/orphans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "spool/writer.h"

namespace momento {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Lines final : public Logger {
  public:
    void write(Severity severity, std::string line) override {
        if (severity == Severity::alert) alerts.push_back(std::move(line));
    }
    std::vector<std::string> alerts;
};

class HandClock final : public Clock {
  public:
    int64_t wall_ms() const override { return 1'700'000'000'000; }
    int64_t steady_us() const override { return now_us; }
    int64_t now_us = 0;
};

class OrphansTest : public testing::Test {
  protected:
    OrphansTest() {
        char name[] = "/tmp/momento-orphans-XXXXXX";
        settings_->spool.path = mkdtemp(name);
        settings_->spool.segment_size = 1 << 20;
        settings_->spool.size = 8 << 20;
        DestinationSettings known;
        known.name = "known";
        settings_->destinations.push_back(known);
    }
    ~OrphansTest() override { std::filesystem::remove_all(settings_->spool.path); }

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

    void survey() { OrphanSurvey(settings_, system_files(), clock_, lines_, orphaned_).step(); }

    std::shared_ptr<GatewaySettings> settings_ = std::make_shared<GatewaySettings>();
    Lines lines_;
    HandClock clock_;
    Counter orphaned_{0};
};

TEST_F(OrphansTest, CountsEventsOfDestinationsThatNobodyNames) {
    spool("known", 2);
    spool("gone", 3);
    survey();
    EXPECT_EQ(orphaned_, 3u);
    EXPECT_THAT(lines_.alerts, ElementsAre(HasSubstr("orphans: 3 events")));
    EXPECT_THAT(lines_.alerts, ElementsAre(HasSubstr("(\"gone\")")));
}

TEST_F(OrphansTest, SaysSoOnceForAllWorkers) {
    spool("gone", 3);
    survey();
    survey();  // another worker
    EXPECT_EQ(lines_.alerts.size(), 1u);
}

TEST_F(OrphansTest, IsQuietWhereEverythingIsNamed) {
    spool("known", 2);
    survey();
    EXPECT_EQ(orphaned_, 0u);
    EXPECT_TRUE(lines_.alerts.empty());
}

}  // namespace
}  // namespace momento
