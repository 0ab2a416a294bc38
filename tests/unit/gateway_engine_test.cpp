// The engine by hand: its writers, its delivery and its event loop step when the test says so.
#include "gateway/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "destination/eventbridge.h"
#include "fakes.h"
#include "spool/redrive.h"
#include "spool/slots.h"
#include "test_spool.h"

namespace momento {
namespace {

// A writer that the test steps, and whether its seat is still there.
struct Desk {
    std::unique_ptr<Writer> writer;
    bool has_seat = true;
    bool is_retired = false;

    void step() {
        if (!writer) return;
        while (writer->step()) {
        }
        if (!is_retired) return;
        writer->finish();
        writer.reset();
    }
};

class HandSeat final : public WriterSeat {
  public:
    explicit HandSeat(std::shared_ptr<Desk> desk) : desk_(std::move(desk)) {}
    ~HandSeat() override { desk_->has_seat = false; }
    void wake() override {}
    void run(std::unique_ptr<Writer> writer) override { desk_->writer = std::move(writer); }
    bool is_served() const override { return true; }
    void retire() override { desk_->is_retired = true; }

  private:
    const std::shared_ptr<Desk> desk_;
};

class EngineTest : public testing::Test {
  protected:
    ~EngineTest() override {
        engine_.reset();
        for (const auto& desk : desks_) desk->writer.reset();
    }

    static DestinationSettings destination(const std::string& name) {
        DestinationSettings settings;
        settings.name = name;
        settings.kind = &eventbridge_kind;
        settings.target = name;
        settings.aws.region = "eu-west-1";
        settings.aws.credentials.kind = aws::CredentialsSettings::Kind::environment;
        settings.letter_queue.url =
            "https://sqs.eu-west-1.amazonaws.com/111122223333/letters-" + name;
        return settings;
    }

    void start(const std::vector<DestinationSettings>& destinations) {
        auto settings = std::make_shared<GatewaySettings>();
        settings->spool.path = spool_.path();
        const auto environment =
            aws::EnvironmentSnapshot::take([](const std::string& name) -> const char* {
                if (name == "AWS_ACCESS_KEY_ID") return "AKIDPLAYED";
                if (name == "AWS_SECRET_ACCESS_KEY") return "played";
                return nullptr;
            });
        std::vector<DestinationMetrics*> metrics;
        for (DestinationSettings each : destinations) {
            Warnings warnings;
            const Status resolved = resolve(each, environment, warnings);
            ASSERT_TRUE(resolved) << resolved.error().text;
            settings->destinations.push_back(std::move(each));
            metrics.push_back(
                metrics_.emplace_back(std::make_unique<DestinationMetrics>()).get());
        }
        EngineTools tools;
        tools.clock = &clock_;
        tools.random = &system_random();
        tools.files = &system_files();
        tools.logger = &lines_;
        tools.http = &http_;
        tools.make_seat = [this] {
            desks_.push_back(std::make_shared<Desk>());
            return std::make_unique<HandSeat>(desks_.back());
        };
        engine_ = std::make_unique<Engine>(settings, std::move(tools), std::move(metrics));
    }

    // Everybody, a second later.
    void step() {
        clock_.advance_ms(1'100);
        for (size_t i = 0; i < desks_.size(); ++i) desks_[i]->step();
        engine_->step_delivery(0);
        for (size_t i = 0; i < desks_.size(); ++i) desks_[i]->step();
        engine_->step_delivery(0);
    }

    // Drops all requests but those to SQS.
    size_t requests_to_queues() {
        auto& requests = http_.requests;
        const auto is_other = [](const fakes::PlayedHttp::Sent& sent) {
            return sent.request.url.find("sqs") == std::string::npos;
        };
        requests.erase(std::remove_if(requests.begin(), requests.end(), is_other),
                       requests.end());
        return requests.size();
    }

    TestSpool spool_;
    fakes::PlayedClock clock_;
    fakes::KeptLines lines_;
    fakes::PlayedHttp http_;
    std::vector<std::unique_ptr<DestinationMetrics>> metrics_;
    std::vector<std::shared_ptr<Desk>> desks_;
    std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, KeepsLettersOfTwoQueuesUntilNoneOfThemIsUnderWay) {
    spool_.append(dead_letter_directory, {TestSpool::letter("{}")});  // of "bus"
    start({destination("other"), destination("bus")});
    const size_t own = desks_.size();
    step();
    ASSERT_EQ(desks_.size(), own + 1);
    const std::shared_ptr<Desk> adopted = desks_.back();
    step();
    ASSERT_EQ(requests_to_queues(), 1u);

    // A person removes the letter meanwhile: the other queue finds the log empty.
    const auto places = spool_.places(dead_letter_directory);
    ASSERT_EQ(places.size(), 1u);
    const auto removed = remove_letters(places[0], {}, spool_.tools());
    ASSERT_TRUE(removed && *removed == 1);
    step();
    step();
    EXPECT_TRUE(adopted->has_seat && !adopted->is_retired);

    ASSERT_EQ(requests_to_queues(), 1u);
    http_.answer(500, "");
    step();  // wakes the writer, if it is there
    http_.requests.clear();
    step();
    EXPECT_TRUE(adopted->has_seat);
}

class Deaf final : public Waiter {
  public:
    bool settled(bool, uint64_t) override { return false; }
    void resolved(bool) override {}
};

TEST_F(EngineTest, SendsWhatIsReadyWhenItEnds) {
    start({destination("bus")});
    engine_->append(0, RecordBuffer::from(TestSpool::event("{}")), std::make_unique<Deaf>());
    engine_->flush();
    for (const auto& desk : desks_) desk->step();
    engine_->collect();  // answered 200, and told to end before delivery has looked

    size_t sent = 0;
    bool goes_on = true;
    for (int i = 0; goes_on && i < 100; ++i) {
        goes_on = engine_->step_end(Engine::ample_sending_us);
        while (!http_.requests.empty()) {
            const auto& target = http_.requests.front().request.headers;
            const bool is_event =
                std::any_of(target.begin(), target.end(), [](const auto& each) {
                    return each.second.find("PutEvents") != std::string::npos;
                });
            if (is_event) ++sent;
            http_.answer(200, R"({"FailedEntryCount":0,"Entries":[{"EventId":"1"}]})");
        }
        clock_.advance_ms(10);
    }
    EXPECT_FALSE(goes_on);
    EXPECT_EQ(sent, 1u);
    for (const auto& desk : desks_) desk->step();
    EXPECT_TRUE(spool_.pending("bus").empty());
    EXPECT_EQ(engine_->numbers(0).totals.delivered, 1u);
}

TEST_F(EngineTest, EndsInTimeWhoeverDoesNotAnswer) {
    start({destination("bus")});
    engine_->append(0, RecordBuffer::from(TestSpool::event("{}")), std::make_unique<Deaf>());
    engine_->flush();
    for (const auto& desk : desks_) desk->step();
    int64_t passed_ms = 0;
    while (engine_->step_end(Engine::ample_sending_us)) {
        ASSERT_LT(passed_ms, 10'000);
        clock_.advance_ms(10);
        passed_ms += 10;
    }
    EXPECT_GE(passed_ms, 1'000);
    EXPECT_LE(passed_ms, 1'600);
}

}  // namespace
}  // namespace momento
