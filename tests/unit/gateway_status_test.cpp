#include "gateway/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "base/json.h"
#include "base/version.h"
#include "destination/bus_guard.h"
#include "destination/dead_reasons.h"

namespace momento {
namespace {

using testing::HasSubstr;
using testing::Not;

class StatusTest : public testing::Test {
  protected:
    StatusTest() {
        metrics_->started_ms = 10'000;
        metrics_->enter(place);
        context_.now_ms = 12'500;
        context_.nginx = "1.22.1";
        destination_ = metrics_->destinations.find_or_add("bus");
    }

    void publish(const SlotTotals& totals, uint64_t bytes = 0, bool failing = false) {
        LogNumbers numbers;
        numbers.totals = totals;
        numbers.bytes = bytes;
        numbers.limit = 1000;
        numbers.fullness = static_cast<double>(bytes) / 1000;
        numbers.failing = failing;
        metrics_->slots.publish("bus", "0123456789abcdef", place, {}, numbers);
    }

    static constexpr size_t place = 3;  // this process's

    std::unique_ptr<SharedMetrics> metrics_ = std::make_unique<SharedMetrics>();
    DestinationMetrics* destination_ = nullptr;
    StatusContext context_;
};

TEST_F(StatusTest, TellsTheSameInBothForms) {
    auto* webhook = metrics_->webhooks.find_or_add("/momento");
    webhook->requests[Verdict::accepted] = 7;
    webhook->requests[Verdict::forged] = 2;
    SlotTotals totals;
    totals.last_sequence = 7;
    totals.delivered = 6;
    publish(totals, 250);

    const std::string text = status_prometheus(*metrics_, context_);
    EXPECT_THAT(text, HasSubstr("momento_webhook_requests_total{location=\"/momento\","
                                "verdict=\"accepted\"} 7\n"));
    EXPECT_THAT(text, HasSubstr("verdict=\"forged\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("momento_events_pending{destination=\"bus\"} 1\n"));
    EXPECT_THAT(text, HasSubstr(std::string("momento_build_info{version=\"") + version +
                                "\",nginx=\"1.22.1\"} 1\n"));

    auto json = Json::parse(status_json(*metrics_, context_));
    ASSERT_TRUE(json);
    EXPECT_EQ(json->get("uptime_seconds").as_real(), 2.5);
    const Json bus = json->get("destinations").at(0);
    EXPECT_EQ(bus.get("name").as_string(), "bus");
    EXPECT_EQ(bus.get("delivered").as_integer(), 6);
    EXPECT_EQ(bus.get("pending").as_integer(), 1);
    const Json requests = json->get("webhooks").at(0).get("requests");
    EXPECT_EQ(requests.get("accepted").as_integer(), 7);
}

TEST_F(StatusTest, TellsHowFullReplayZonesAre) {
    context_.replay_zones.push_back({"signatures", 3, 1'024, 2});
    const std::string text = status_prometheus(*metrics_, context_);
    EXPECT_THAT(text, HasSubstr("momento_replay_entries{zone=\"signatures\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("momento_replay_capacity{zone=\"signatures\"} 1024\n"));
    EXPECT_THAT(text, HasSubstr("momento_replay_full_total{zone=\"signatures\"} 2\n"));
    auto json = Json::parse(status_json(*metrics_, context_));
    ASSERT_TRUE(json);
    const Json zone = json->get("replay_zones").at(0);
    EXPECT_EQ(zone.get("name").as_string(), "signatures");
    EXPECT_EQ(zone.get("entries").as_integer(), 3);
}

TEST_F(StatusTest, TellsOfABusThatIsMissing) {
    EXPECT_THAT(status_json(*metrics_, context_), Not(HasSubstr("\"bus\":")));
    destination_->bus.state = static_cast<uint64_t>(BusGuard::State::present);
    EXPECT_THAT(status_json(*metrics_, context_), HasSubstr("\"bus\":\"present\""));
    destination_->bus.state = static_cast<uint64_t>(BusGuard::State::missing);
    EXPECT_THAT(status_json(*metrics_, context_), HasSubstr("\"bus\":\"missing\""));
    EXPECT_THAT(status_prometheus(*metrics_, context_),
                HasSubstr("momento_bus_missing{destination=\"bus\"} 1\n"));
}

TEST_F(StatusTest, TellsOfABusThatNobodyMayLookUp) {
    const auto watched = [this](BusGuard::State state) {
        destination_->bus.state = static_cast<uint64_t>(state);
        return status_prometheus(*metrics_, context_);
    };
    EXPECT_THAT(watched(BusGuard::State::unasked), Not(HasSubstr("momento_bus_watched{")))
        << "a file, perhaps";
    EXPECT_THAT(watched(BusGuard::State::present),
                HasSubstr("momento_bus_watched{destination=\"bus\"} 1\n"));
    EXPECT_THAT(watched(BusGuard::State::missing),
                HasSubstr("momento_bus_watched{destination=\"bus\"} 1\n"));
    EXPECT_THAT(watched(BusGuard::State::unwatched),
                HasSubstr("momento_bus_watched{destination=\"bus\"} 0\n"));
    EXPECT_THAT(status_json(*metrics_, context_), HasSubstr("\"bus\":\"unwatched\""));
}

TEST_F(StatusTest, TellsOfEachVersionOfASecretThatCounts) {
    SecretMetrics& secret = *metrics_->secrets.find_or_add("secretsmanager:hooks");
    metrics_->secrets.find_or_add("secretsmanager:none");  // not there yet
    secret.versions[SecretStage::current].matches = 3;
    secret.versions[SecretStage::current].made_ms =
        static_cast<uint64_t>(context_.now_ms - 1'500);
    const char* const no_previous = "version=\"previous\"";
    EXPECT_THAT(status_prometheus(*metrics_, context_), Not(HasSubstr(no_previous)));

    secret.versions[SecretStage::previous].matches = 5;
    const std::string text = status_prometheus(*metrics_, context_);
    EXPECT_THAT(text, HasSubstr("momento_secret_matches_total{secret=\"secretsmanager:hooks\","
                                "version=\"current\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("momento_secret_matches_total{secret=\"secretsmanager:hooks\","
                                "version=\"previous\"} 5\n"));
    EXPECT_THAT(text, HasSubstr("momento_secret_age_seconds{secret=\"secretsmanager:hooks\","
                                "version=\"current\"} 1.5\n"));
    EXPECT_THAT(text,
                Not(HasSubstr("momento_secret_age_seconds{secret=\"secretsmanager:none")));

    auto json = Json::parse(status_json(*metrics_, context_));
    ASSERT_TRUE(json);
    EXPECT_EQ(json->get("secrets").size(), 3u);
    EXPECT_EQ(json->get("secrets").at(0).get("version").as_string(), "current");
    EXPECT_EQ(json->get("secrets").at(0).get("age_seconds").as_real(), 1.5);
    EXPECT_EQ(json->get("secrets").at(1).get("matches").as_integer(), 5);
}

// They were in no log that would count them.
TEST_F(StatusTest, CountsWhatDiesOfAnyReasonOfOurOwnAsAppendedAndDead) {
    for (const OwnReason reason : each<OwnReason>()) destination_->count_dead(reason);
    publish({});

    auto json = Json::parse(status_json(*metrics_, context_));
    ASSERT_TRUE(json);
    const Json bus = json->get("destinations").at(0);
    EXPECT_EQ(bus.get("appended").as_integer(), int64_t{enum_count<OwnReason>});
    EXPECT_EQ(bus.get("dead").as_integer(), int64_t{enum_count<OwnReason>});
    const std::string text = status_prometheus(*metrics_, context_);
    for (const std::string_view reason : own_reasons.values) {
        EXPECT_EQ(bus.get("dead_reasons").get(std::string(reason).c_str()).as_integer(), 1);
        EXPECT_THAT(text, HasSubstr("momento_events_dead_total{destination=\"bus\",reason=\"" +
                                    std::string(reason) + "\"} 1\n"));
    }
}

TEST_F(StatusTest, CountsAMalformedEventAsAppendedAndDead) {
    destination_->count_dead(OwnReason::malformed);
    ++destination_->dead[dead_reason("MalformedDetail")];
    SlotTotals totals;
    totals.last_sequence = 4;
    totals.delivered = 2;
    totals.dead = 2;  // one of them uncounted: the worker died in between
    publish(totals);

    auto json = Json::parse(status_json(*metrics_, context_));
    ASSERT_TRUE(json);
    const Json bus = json->get("destinations").at(0);
    EXPECT_EQ(bus.get("appended").as_integer(), 5);
    EXPECT_EQ(bus.get("dead").as_integer(), 3);
    EXPECT_EQ(bus.get("dead_reasons").get("malformed").as_integer(), 1);
    EXPECT_EQ(bus.get("dead_reasons").get("MalformedDetail").as_integer(), 1);
    EXPECT_EQ(bus.get("dead_reasons").get("other").as_integer(), 1);
}

TEST_F(StatusTest, GaugesAreOfProcessesThatLive) {
    const auto tell = [this](const char* name) {
        auto json = Json::parse(status_json(*metrics_, context_));
        return json ? json->get("destinations").at(0).get(name).as_integer() : -1;
    };
    metrics_->parked.parts[place] = 2;
    destination_->held.parts[place] = 5;
    destination_->breaker_open.parts[place] = 1;
    destination_->held.parts[place + 1] = 100;  // nobody is there
    EXPECT_EQ(tell("held"), 5);
    EXPECT_EQ(tell("breaker_open"), 1);
    EXPECT_THAT(status_prometheus(*metrics_, context_),
                HasSubstr("momento_webhook_parked 2\n"));

    metrics_->enter(place);  // its successor
    EXPECT_EQ(tell("held"), 0);
    EXPECT_EQ(tell("breaker_open"), 0);
    EXPECT_THAT(status_prometheus(*metrics_, context_),
                HasSubstr("momento_webhook_parked 0\n"));
}

TEST_F(StatusTest, GaugesForgetAProcessThatWasKilled) {
    // Shared, as with nginx.
    void* memory = mmap(nullptr, sizeof(SharedMetrics), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto& shared = *static_cast<SharedMetrics*>(memory);
    const pid_t child = fork();
    if (child == 0) {
        shared.enter(9);
        shared.parked.parts[9] = 4;
        kill(getpid(), SIGKILL);
    }
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_EQ(shared.parked.parts[9], 4u);
    EXPECT_TRUE(shared.processes.living().empty());
    EXPECT_THAT(status_prometheus(shared, context_), HasSubstr("momento_webhook_parked 0\n"));
    munmap(memory, sizeof(SharedMetrics));
}

TEST_F(StatusTest, TellsTheWorstClockAndTheNewestCredentials) {
    auto json = Json::parse(status_json(*metrics_, context_));
    ASSERT_TRUE(json);
    EXPECT_FALSE(json->get("destinations").at(0).get("credentials_expiry_seconds"));
    EXPECT_THAT(status_prometheus(*metrics_, context_),
                Not(HasSubstr("momento_credentials_expiry_seconds{")));

    metrics_->processes.enter(place + 1);
    destination_->clock_offset_ms.parts[place] = 300'000;
    destination_->clock_offset_ms.parts[place + 1] = static_cast<uint64_t>(-400'500);
    destination_->credentials_expires_ms.parts[place] = 1;  // of a worker that is idle
    destination_->credentials_expires_ms.parts[place + 1] =
        static_cast<uint64_t>(context_.now_ms + 60'000);
    const std::string text = status_prometheus(*metrics_, context_);
    EXPECT_THAT(text, HasSubstr("momento_clock_offset_seconds{destination=\"bus\"} -400.5\n"));
    EXPECT_THAT(text,
                HasSubstr("momento_credentials_expiry_seconds{destination=\"bus\"} 60\n"));
    json = Json::parse(status_json(*metrics_, context_));
    const Json bus = json->get("destinations").at(0);
    EXPECT_EQ(bus.get("clock_offset_seconds").as_real(), -400.5);
    EXPECT_EQ(bus.get("credentials_expiry_seconds").as_real(), 60);
}

TEST_F(StatusTest, NamesOrphans) {
    metrics_->orphans.begin_configuration("/old");
    metrics_->orphans.publish(1, {{"/old", "bus", "0123456789abcdef", 7, 4096}});
    auto json = Json::parse(status_json(*metrics_, context_));
    ASSERT_TRUE(json);
    EXPECT_EQ(json->get("orphaned_events").as_integer(), 7);
    const Json orphan = json->get("orphans").at(0);
    EXPECT_EQ(orphan.get("spool").as_string(), "/old");
    EXPECT_EQ(orphan.get("destination").as_string(), "bus");
    EXPECT_EQ(orphan.get("slot").as_string(), "0123456789abcdef");
    EXPECT_EQ(orphan.get("events").as_integer(), 7);
    EXPECT_EQ(orphan.get("bytes").as_integer(), 4096);
}

TEST_F(StatusTest, HistogramsAreCumulativeAndEndWithInfinity) {
    destination_->sync.observe(40);
    destination_->sync.observe(60);
    destination_->sync.observe(20'000'000);

    const std::string text = status_prometheus(*metrics_, context_);
    EXPECT_THAT(text, HasSubstr("momento_sync_seconds_bucket{destination=\"bus\","
                                "le=\"5e-05\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("le=\"0.0001\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("momento_sync_seconds_bucket{destination=\"bus\","
                                "le=\"+Inf\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("momento_sync_seconds_count{destination=\"bus\"} 3\n"));
}

TEST_F(StatusTest, EscapesLabels) {
    metrics_->webhooks.find_or_add("/a\"b\\c");
    EXPECT_THAT(status_prometheus(*metrics_, context_), HasSubstr("location=\"/a\\\"b\\\\c\""));
}

TEST_F(StatusTest, PrintsLargeCountersExactly) {
    SlotTotals totals;
    totals.last_sequence = 123'456'789'012;
    totals.delivered = 123'456'789'012;
    publish(totals);
    EXPECT_THAT(
        status_prometheus(*metrics_, context_),
        HasSubstr("momento_events_delivered_total{destination=\"bus\"} 123456789012\n"));
}

TEST_F(StatusTest, SaysHowTheNodeIsInAllForms) {
    EXPECT_EQ(status_health(*metrics_, context_).json, R"({"status":"ok"})");
    EXPECT_FALSE(status_health(*metrics_, context_).is_failing);
    EXPECT_THAT(status_prometheus(*metrics_, context_),
                HasSubstr("momento_health{reason=\"on_hold\"} 0\n"));

    destination_->held.parts[place] = 3;
    const HealthAnswer degraded = status_health(*metrics_, context_);
    EXPECT_FALSE(degraded.is_failing);
    EXPECT_THAT(degraded.json, HasSubstr(R"({"status":"degraded","reasons":[{"reason":)"
                                         R"("on_hold","destination":"bus","text":")"));
    EXPECT_THAT(status_json(*metrics_, context_), HasSubstr("\"health\":" + degraded.json));
    EXPECT_THAT(status_prometheus(*metrics_, context_),
                HasSubstr("momento_health{reason=\"on_hold\"} 1\n"));

    publish({}, 801);
    const HealthAnswer failing = status_health(*metrics_, context_);
    EXPECT_TRUE(failing.is_failing);
    EXPECT_THAT(failing.json, HasSubstr("\"status\":\"failing\""));
    EXPECT_THAT(failing.json, HasSubstr("\"log_full\""));
    EXPECT_THAT(failing.json, HasSubstr("\"on_hold\""));
}

}  // namespace
}  // namespace momento
