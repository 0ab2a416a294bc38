#include "destination/bus_guard.h"

#include <gtest/gtest.h>

#include "fakes.h"

namespace momento {
namespace {

using fakes::PlayedCredentials;
using State = BusGuard::State;

constexpr char here[] = "https://events.eu-west-1.amazonaws.com/";
constexpr char arn[] = "arn:aws:events:eu-west-1:111122223333:event-bus/hooks";

class BusGuardTest : public testing::Test {
  protected:
    BusGuardTest() {
        credentials_.answer = PlayedCredentials::ready("AKID");
        aws::ServiceSettings settings;
        settings.endpoint.url = *parse_url(here);
        client_ = std::make_unique<aws::ServiceClient>(
            settings, std::make_shared<PlayedCredentials::Provider>(credentials_),
            aws::ServiceTools{&clock_, &lines_, &http_});
        guard_ = make("hooks");
    }

    std::unique_ptr<BusGuard> make(const std::string& bus, const std::string& place = here) {
        return std::make_unique<BusGuard>("destination \"x\"", bus, place, *client_,
                                          BusGuard::Tools{&clock_, &random_, &lines_, &cell_});
    }

    void answer(int status, const std::string& body = "") {
        http_.answer(status, body);
        http_.run(0);
    }
    void refuse(const std::string& code) { answer(400, "{\"__type\":\"" + code + "\"}"); }
    void pass(int64_t ms) {
        clock_.advance_ms(ms);
        guard_->step();
    }
    void pass_a_minute() { pass(60'000); }
    std::string asked() { return http_.requests.front().request.body; }

    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_;  // no jitter
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    PlayedCredentials credentials_;
    BusCell cell_{};
    std::unique_ptr<aws::ServiceClient> client_;
    std::unique_ptr<BusGuard> guard_;
};

TEST_F(BusGuardTest, LooksTheBusUpAtOnceAndEveryMinute) {
    guard_->step();
    guard_->step();
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_EQ(guard_->state(), State::unasked);
    answer(200, "{}");
    EXPECT_EQ(guard_->state(), State::present);
    pass(59'999);
    EXPECT_TRUE(http_.requests.empty());
    pass(1);
    EXPECT_EQ(http_.requests.size(), 1u);
    EXPECT_TRUE(lines_.lines.empty());
}

TEST_F(BusGuardTest, AsksAtDifferentTimes) {
    random_.set(0);
    guard_->step();
    answer(200, "{}");
    pass(54'000);
    EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(BusGuardTest, AMissingBusIsAnAlertOnceAndIsLookedForOften) {
    for (int i = 0; i < 2; ++i) {
        pass(10'000);
        refuse("ResourceNotFoundException");
        EXPECT_EQ(guard_->state(), State::missing);
        EXPECT_EQ(lines_.lines.size(), 1u);
    }
    EXPECT_EQ(lines_.severities[0], Severity::alert);
    pass(10'000);
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
    EXPECT_EQ(lines_.severities[0], Severity::error);
    EXPECT_EQ(lines_.count("allow events:DescribeEventBus"), 1u);
}

TEST_F(BusGuardTest, QuotesWhatAwsSaysOfThePermissionAndNothingElse) {
    const std::string sentence =
        "User: arn:aws:iam::111122223333:user/x is not authorized to perform: "
        "events:DescribeEventBus on resource: " +
        std::string(arn);
    guard_->step();
    answer(400, R"({"__type":"AccessDeniedException","message":")" + sentence + "\"}");
    EXPECT_EQ(lines_.count("destination \"x\": event bus \"hooks\" may not be looked up "
                           "(AccessDeniedException: " +
                           sentence + "): if it is ever deleted"),
              1u);

    guard_ = make("other");
    guard_->step();
    answer(400, R"({"__type":"AccessDeniedException","message":"because of {\"text\":1}"})");
    EXPECT_EQ(lines_.count("\"other\" may not be looked up (AccessDeniedException): "), 1u);
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

TEST_F(BusGuardTest, NoAnswerAtFirstIsNoReasonToWaitForEver) {
    guard_->step();
    http_.fail(HttpFailure::Stage::before_send);
    http_.run(0);
    EXPECT_EQ(guard_->state(), State::unknown);
    pass(10'000);
    EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(BusGuardTest, OneWorkerAsksForAll) {
    auto other = make("hooks");
    guard_->step();
    other->step();
    ASSERT_EQ(http_.requests.size(), 1u);
    refuse("ResourceNotFoundException");
    other->step();
    EXPECT_TRUE(http_.requests.empty());
    EXPECT_EQ(other->state(), State::missing);
    EXPECT_EQ(lines_.lines.size(), 1u);
}

TEST_F(BusGuardTest, AWorkerThatDiesWhileItAsksIsSucceeded) {
    guard_->step();
    auto other = make("hooks");
    clock_.advance_ms(14'999);
    other->step();
    EXPECT_EQ(http_.requests.size(), 1u);
    clock_.advance_ms(1);
    other->step();
    EXPECT_EQ(http_.requests.size(), 2u);
}

TEST_F(BusGuardTest, ANewConfigurationsBusIsLookedUpAtOnceAndTheOldOneApart) {
    guard_->step();
    refuse("ResourceNotFoundException");
    auto newer = make("other");
    EXPECT_EQ(newer->state(), State::unasked);
    newer->step();
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_EQ(asked(), R"({"Name":"other"})");
    answer(200, "{}");
    guard_->step();
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_EQ(asked(), R"({"Name":"hooks"})");
    refuse("ResourceNotFoundException");
    EXPECT_EQ(guard_->state(), State::missing);
    EXPECT_EQ(newer->state(), State::present);
}

TEST_F(BusGuardTest, ABusThatIsNotConfiguredAnyMoreIsAnOldWorkersConcernAlone) {
    guard_->step();
    refuse("ResourceNotFoundException");
    BusGuard::forget(cell_);
    guard_->step();
    ASSERT_EQ(http_.requests.size(), 1u);
    refuse("ResourceNotFoundException");
    EXPECT_EQ(guard_->state(), State::missing);
    EXPECT_EQ(static_cast<State>(cell_.state.load()), State::unasked);
    EXPECT_EQ(make("hooks")->state(), State::unasked);
}

TEST_F(BusGuardTest, AReloadThatChangesNothingKeepsWhatIsKnown) {
    guard_->step();
    answer(200, "{}");
    EXPECT_EQ(make("hooks")->state(), State::present);
    EXPECT_EQ(make("hooks", "http://127.0.0.1:4566/")->state(), State::unasked);
}

class BusByArnTest : public BusGuardTest {
  protected:
    // The bus itself is not found; our own default bus answers this.
    void look(int status, const std::string& body) {
        guard_ = make(arn);
        guard_->step();
        EXPECT_EQ(asked(), std::string("{\"Name\":\"") + arn + "\"}");
        refuse("ResourceNotFoundException");
        ASSERT_EQ(http_.requests.size(), 1u);
        EXPECT_EQ(asked(), R"({"Name":"default"})");
        answer(status, body);
    }
};

TEST_F(BusByArnTest, AnotherAccountsBusIsToldOfAndUnwatched) {
    look(200, R"({"Arn":"arn:aws:events:eu-west-1:999999999999:event-bus/default"})");
    EXPECT_EQ(guard_->state(), State::unwatched);
    EXPECT_EQ(lines_.count("it is of account 111122223333"), 1u);
}

TEST_F(BusByArnTest, AMissingOneOfOurAccountIsHeld) {
    look(200, R"({"Arn":"arn:aws:events:eu-west-1:111122223333:event-bus/default"})");
    EXPECT_EQ(guard_->state(), State::missing);
}

TEST_F(BusByArnTest, AMissingOneOfAnAccountNobodyKnowsIsHeld) {
    look(403, R"({"__type":"AccessDeniedException"})");
    EXPECT_EQ(guard_->state(), State::missing);
}

}  // namespace
}  // namespace momento
