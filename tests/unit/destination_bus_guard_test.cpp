#include "destination/bus_guard.h"

#include <gtest/gtest.h>

#include "fakes.h"

namespace momento {
namespace {

using fakes::PlayedCredentials;
using State = BusGuard::State;

class BusGuardTest : public testing::Test {
  protected:
    BusGuardTest() {
        credentials_.answer = PlayedCredentials::ready("AKID");
        aws::ServiceSettings settings;
        settings.endpoint.url = *parse_url("https://events.eu-west-1.amazonaws.com");
        client_ = std::make_unique<aws::ServiceClient>(
            settings, std::make_shared<PlayedCredentials::Provider>(credentials_),
            aws::ServiceTools{&clock_, &lines_, &http_});
        guard_ = std::make_unique<BusGuard>("destination \"x\"", "hooks", *client_,
                                            BusGuard::Tools{&clock_, &random_, &lines_},
                                            [this] { return may_ask_; });
    }

    void answer(int status, const std::string& body = "") {
        http_.answer(status, body);
        http_.run(0);
    }
    void refuse(const std::string& code) { answer(400, "{\"__type\":\"" + code + "\"}"); }
    void pass_a_minute() {
        clock_.advance_ms(60'000);
        guard_->step();
    }

    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_;  // no jitter
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    PlayedCredentials credentials_;
    bool may_ask_ = true;
    std::unique_ptr<aws::ServiceClient> client_;
    std::unique_ptr<BusGuard> guard_;
};

TEST_F(BusGuardTest, LooksTheBusUpAtOnceAndEveryMinute) {
    guard_->step();
    guard_->step();
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_EQ(guard_->state(), State::unknown);
    answer(200, "{}");
    EXPECT_EQ(guard_->state(), State::present);
    clock_.advance_ms(59'999);
    guard_->step();
    EXPECT_TRUE(http_.requests.empty());
    clock_.advance_ms(1);
    guard_->step();
    EXPECT_EQ(http_.requests.size(), 1u);
    EXPECT_TRUE(lines_.lines.empty());
}

TEST_F(BusGuardTest, WorkersAskAtDifferentTimes) {
    random_.set(0);
    guard_->step();
    answer(200, "{}");
    clock_.advance_ms(54'000);
    guard_->step();
    EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(BusGuardTest, AMissingBusIsAnAlertOnceAndMayComeBack) {
    for (int i = 0; i < 2; ++i) {
        pass_a_minute();
        refuse("ResourceNotFoundException");
        EXPECT_EQ(guard_->state(), State::missing);
        EXPECT_EQ(lines_.lines.size(), 1u);
    }
    EXPECT_EQ(lines_.severities[0], Severity::alert);
    pass_a_minute();
    answer(200, "{}");
    EXPECT_EQ(guard_->state(), State::present);
    EXPECT_EQ(lines_.count("exists again"), 1u);
}

TEST_F(BusGuardTest, WhoMayNotLookIsToldOnceAndGoesOn) {
    for (int i = 0; i < 2; ++i) {
        pass_a_minute();
        refuse("AccessDeniedException");
        EXPECT_EQ(guard_->state(), State::unwatched);
    }
    ASSERT_EQ(lines_.lines.size(), 1u);
    EXPECT_EQ(lines_.severities[0], Severity::warn);
    EXPECT_EQ(lines_.count("allow events:DescribeEventBus"), 1u);
}

TEST_F(BusGuardTest, NoAnswerChangesNothing) {
    pass_a_minute();
    refuse("ResourceNotFoundException");
    pass_a_minute();
    http_.fail(HttpFailure::Stage::before_send);
    http_.run(0);
    pass_a_minute();
    answer(503);
    pass_a_minute();
    refuse("ThrottlingException");
    EXPECT_EQ(guard_->state(), State::missing);
    EXPECT_EQ(lines_.lines.size(), 1u);
}

TEST_F(BusGuardTest, OneWorkerAsksForAll) {
    may_ask_ = false;
    guard_->step();
    EXPECT_TRUE(http_.requests.empty());
    may_ask_ = true;
    guard_->step();
    EXPECT_EQ(http_.requests.size(), 1u);
}

}  // namespace
}  // namespace momento
