// How a node is: what takes it out, and what only needs a person.
#include "gateway/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "destination/bus_guard.h"
#include "spool/slots.h"

namespace momento {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class HealthTest : public testing::Test {
  protected:
    HealthTest() {
        metrics_->enter(place);
        context_.now_us = 1'000'000'000;
        destination_ = metrics_->destinations.find_or_add("bus");
    }

    Health judge() const { return judge_health(Snapshot(*metrics_), context_); }

    std::vector<std::string> reasons() const {
        std::vector<std::string> reasons;
        for (const HealthFinding& finding : judge().findings) {
            reasons.push_back(std::string(health_name(finding.level)) + ' ' +
                              std::string(finding.reason) + ' ' + finding.name);
        }
        return reasons;
    }

    // What a log of that destination says, by the process at `owner`.
    void publish(const char* destination, double fullness, bool full = false,
                 bool failing = false, size_t owner = place) {
        LogNumbers numbers;
        numbers.bytes = 1;
        numbers.fullness = fullness;
        numbers.full = full;
        numbers.failing = failing;
        metrics_->slots.publish(destination, "0123456789abcdef", owner, {}, numbers);
    }

    static constexpr size_t place = 3;  // this process's

    std::unique_ptr<SharedMetrics> metrics_ = std::make_unique<SharedMetrics>();
    DestinationMetrics* destination_ = nullptr;
    StatusContext context_;
};

TEST_F(HealthTest, TellsOfThreadsThatEnded) {
    metrics_->orphans.begin_configuration("/spool");
    metrics_->thread_ends.set_aside(1, "bus", "0123456789abcdef");
    EXPECT_THAT(reasons(), ElementsAre("degraded slot_set_aside "));
    metrics_->orphans.begin_configuration("/spool");  // a reload
    EXPECT_THAT(reasons(), IsEmpty());

    metrics_->thread_ends.say_closed(place, 1);
    EXPECT_THAT(reasons(), ElementsAre("failing thread_ended "));
    metrics_->enter(place);  // another process
    EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(HealthTest, IsWellUnlessThereIsAReason) {
    publish("bus", 0.8);
    publish(dead_letter_directory, 0.8);
    context_.replay_zones.push_back({"signatures", 950, 1'000, 7});
    EXPECT_THAT(reasons(), IsEmpty());
    EXPECT_EQ(judge().level(), HealthLevel::ok);
}

TEST_F(HealthTest, FailsWhereThisNodeRefusesOrSoonWill) {
    publish("bus", 0.81);
    EXPECT_THAT(reasons(), ElementsAre("failing log_full bus"));
    publish("bus", 0, true);
    EXPECT_THAT(reasons(), ElementsAre("failing log_full bus"));
    publish("bus", 0, false, true);
    EXPECT_THAT(reasons(), ElementsAre("failing disk_failing bus"));
    publish("bus", 0);

    destination_->unopened.parts[place] = 1;
    EXPECT_THAT(reasons(), ElementsAre("failing disk_failing bus"));
    destination_->unopened.parts[place] = 0;

    metrics_->without_secret.parts[place] = 1;
    EXPECT_THAT(reasons(), ElementsAre("failing no_secret "));
    metrics_->without_secret.parts[place] = 0;

    context_.replay_zones.push_back({"signatures", 951, 1'000, 7});
    EXPECT_THAT(reasons(), ElementsAre("failing replay_zone_full signatures"));
    EXPECT_EQ(judge().level(), HealthLevel::failing);
}

TEST_F(HealthTest, TellsADeliveryThatStandsStillByTheTime) {
    Counter& stepped_us = metrics_->delivery_stepped_us.parts[place];
    stepped_us = static_cast<uint64_t>(context_.now_us - 30'000'000);
    EXPECT_THAT(reasons(), IsEmpty());
    stepped_us -= 1;
    EXPECT_THAT(reasons(), ElementsAre("failing delivery_stalled "));
    stepped_us = static_cast<uint64_t>(context_.now_us + 5);  // it stepped meanwhile
    EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(HealthTest, IsDegradedByWhatNeedsAPersonAndLosesNothing) {
    destination_->held.parts[place] = 1;
    EXPECT_THAT(reasons(), ElementsAre("degraded on_hold bus"));
    destination_->held.parts[place] = 0;

    metrics_->slots.publish_blocked("bus", "fedcba9876543210", 1);
    EXPECT_THAT(reasons(), ElementsAre("degraded unreadable bus"));
    metrics_->slots.publish("bus", "fedcba9876543210", place, {}, {});

    destination_->breaker_open.parts[place] = 1;
    EXPECT_THAT(reasons(), ElementsAre("degraded unreachable bus"));
    destination_->breaker_open.parts[place] = 0;

    destination_->bus.state = static_cast<uint64_t>(BusGuard::State::missing);
    EXPECT_THAT(reasons(), ElementsAre("degraded bus_missing bus"));
    destination_->bus.state = static_cast<uint64_t>(BusGuard::State::present);

    destination_->clock_offset_ms.parts[place] = static_cast<uint64_t>(-300'000);
    EXPECT_THAT(reasons(), ElementsAre("degraded clock_wrong bus"));
    destination_->clock_offset_ms.parts[place] = 0;

    publish(dead_letter_directory, 0.81);
    EXPECT_THAT(reasons(), ElementsAre("degraded dead_letters_full "));
    publish(dead_letter_directory, 0);

    metrics_->orphans.begin_configuration("/spool");
    metrics_->orphans.publish(1, {{"/spool", "old", "0123456789abcdef", 7, 4096}});
    EXPECT_THAT(reasons(), ElementsAre("degraded orphans "));
    EXPECT_EQ(judge().level(), HealthLevel::degraded);
}

TEST_F(HealthTest, TellsTheWorstOfSeveral) {
    destination_->held.parts[place] = 1;
    publish("bus", 1.0, true);
    EXPECT_THAT(reasons(), ElementsAre("failing log_full bus", "degraded on_hold bus"));
    EXPECT_EQ(judge().level(), HealthLevel::failing);
    EXPECT_TRUE(judge().has("on_hold"));
    EXPECT_FALSE(judge().has("orphans"));
}

// What a process said of itself ends with it: nobody is refused by a log that nobody has.
TEST_F(HealthTest, ForgetsWhoEnded) {
    constexpr size_t ended = place + 1;
    publish("bus", 1.0, true, true, ended);
    metrics_->without_secret.parts[ended] = 1;
    metrics_->delivery_stepped_us.parts[ended] = 1;
    destination_->held.parts[ended] = 1;
    EXPECT_THAT(reasons(), IsEmpty());

    publish("bus", 1.0, true);
    metrics_->without_secret.parts[place] = 1;
    metrics_->delivery_stepped_us.parts[place] = 1;
    EXPECT_EQ(judge().findings.size(), 3u);
    metrics_->enter(place);  // its successor, which has opened nothing yet
    publish("bus", 0.1);
    EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(HealthTest, HasAWordForEachReasonOnce) {
    const std::vector<std::string_view> words = health_reasons();
    EXPECT_EQ(std::set<std::string_view>(words.begin(), words.end()).size(), words.size());
}

}  // namespace
}  // namespace momento
