#include "destination/eventbridge.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/version.h"
#include "fakes.h"

namespace momento {
namespace {

using fakes::PlayedCredentials;
using Kind = EntryVerdict::Kind;
using CredentialsState = aws::CredentialsAnswer::State;

constexpr char success[] = R"({"FailedEntryCount":0,"Entries":[{"EventId":"a"}]})";
constexpr char played_now[] = "Tue, 14 Nov 2023 22:13:20 GMT";  // PlayedClock's start
constexpr char an_hour_on[] = "Tue, 14 Nov 2023 23:13:20 GMT";

// AWS's words. Its clock shows 22:23:20.
constexpr char too_early[] =
    R"x({"__type":"InvalidSignatureException","message":"Signature expired: )x"
    R"x(20231114T221320Z is now earlier than 20231114T221820Z (20231114T222320Z - 5 min.)"})x";
constexpr char too_late[] =
    R"x({"__type":"InvalidSignatureException","message":"Signature not yet current: )x"
    R"x(20231114T223320Z is still later than 20231114T222820Z (20231114T222320Z + 5 min.)"})x";

std::string refusal(const std::string& code) {
    return "{\"__type\":\"" + code + "\"}";
}

class EventBridgeTest : public testing::Test {
  protected:
    EventBridgeTest() {
        settings_.name = "bus";
        settings_.bus = "default";
        settings_.endpoint.url = *parse_url("https://events.us-west-2.amazonaws.com");
        settings_.endpoint.signing_region = "us-west-2";
        settings_.endpoint.signing_name = "events";
        credentials_.answer = PlayedCredentials::ready("AKIDFIRST");
        record_.body = "{}";
        record_.cache = "c";
        record_.topic = "t";
    }

    void make() {
        bus_ = std::make_unique<EventBridge>(
            settings_, std::make_unique<PlayedCredentials::Provider>(credentials_),
            aws::ServiceTools{&clock_, &lines_, &http_}, watch_);
    }

    void send() {
        if (!bus_) make();
        bus_->send({&record_}, [this](BatchResult result) {
            ASSERT_FALSE(result_) << "done twice";
            result_ = std::move(result);
        });
        ASSERT_FALSE(result_) << "done inside send()";
    }

    void turn() {
        bus_->step();
        http_.run(0);
    }

    std::string sent_header(const std::string& name) {
        for (const auto& [key, value] : http_.requests.front().request.headers) {
            if (key == name) return value;
        }
        return {};
    }

    Kind verdict() { return result_ ? result_->entries.at(0).kind : Kind::delivered; }

    fakes::PlayedClock clock_;
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    PlayedCredentials credentials_;
    EventBridgeSettings settings_;
    BusWatch watch_;
    fakes::PlayedRandom random_;  // no jitter
    BusCell cell_{};
    Record record_;
    std::unique_ptr<EventBridge> bus_;
    std::optional<BatchResult> result_;
};

TEST_F(EventBridgeTest, SendsASignedPutEvents) {
    settings_.endpoint.proxy = "http://proxy:3128";
    settings_.endpoint.trusted_certificate = "/etc/ca.pem";
    settings_.connections = 7;
    send();
    ASSERT_EQ(http_.requests.size(), 1u);
    const HttpRequest& request = http_.requests.front().request;
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, "https://events.us-west-2.amazonaws.com/");
    EXPECT_EQ(request.proxy, "http://proxy:3128");
    EXPECT_EQ(request.trusted_certificate, "/etc/ca.pem");
    EXPECT_EQ(request.max_connections, 7);
    EXPECT_EQ(sent_header("Content-Type"), "application/x-amz-json-1.1");
    EXPECT_EQ(sent_header("X-Amz-Target"), "AWSEvents.PutEvents");
    EXPECT_EQ(sent_header("User-Agent"), std::string("momento-webhook/") + version);
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T221320Z");
    EXPECT_NE(sent_header("Authorization").find("AKIDFIRST/20231114/us-west-2/events/"),
              std::string::npos);

    http_.answer(200, success);
    turn();
    EXPECT_EQ(verdict(), Kind::delivered);
    EXPECT_EQ(bus_->max_in_flight(), 7u);
}

TEST_F(EventBridgeTest, StaysBelowTheConfiguredSizeAndAwssOwn) {
    settings_.limits = {10, 262'144};
    make();
    EXPECT_EQ(bus_->limits().bytes, 262'143u);
    settings_.limits = {100, 50'000'000};
    make();
    EXPECT_EQ(bus_->limits().bytes, 999'999u);
    EXPECT_EQ(bus_->limits().entries, 10u);
}

TEST_F(EventBridgeTest, WaitsForCredentialsThatAreBeingFetched) {
    credentials_.answer.state = CredentialsState::pending;
    credentials_.answer.credentials = nullptr;
    send();
    turn();
    EXPECT_TRUE(http_.requests.empty());
    EXPECT_FALSE(result_);
    credentials_.answer = PlayedCredentials::ready("AKIDLATE");
    turn();
    ASSERT_EQ(http_.requests.size(), 1u);
    http_.answer(200, success);
    turn();
    EXPECT_EQ(verdict(), Kind::delivered);
    EXPECT_TRUE(lines_.lines.empty());
}

TEST_F(EventBridgeTest, HoldsWithoutCredentialsAndSendsNothing) {
    for (CredentialsState state :
         {CredentialsState::failed, CredentialsState::absent, CredentialsState::pending}) {
        result_.reset();
        credentials_.answer = {state, nullptr, "no profile \"x\""};
        send();
        turn();
        clock_.advance_ms(3'000);
        turn();
        EXPECT_TRUE(http_.requests.empty());
        ASSERT_TRUE(result_);
        EXPECT_EQ(verdict(), Kind::hold);
        EXPECT_EQ(result_->entries[0].code, "CredentialsUnavailable");
    }
    EXPECT_EQ(lines_.count("no credentials: no profile \"x\"; the environment, and HOME with "
                           "its .aws, are those of nginx's master (systemctl edit nginx)"),
              1u);
    EXPECT_EQ(lines_.count("no credentials: they are still being fetched"), 1u);
    EXPECT_EQ(lines_.count("no credentials"), 2u);
}

TEST_F(EventBridgeTest, FetchesNewCredentialsOnceWhenTheOldOnesExpired) {
    credentials_.after_invalidation = PlayedCredentials::ready("AKIDSECOND");
    send();
    http_.answer(400, refusal("ExpiredTokenException"));
    turn();
    EXPECT_EQ(credentials_.invalidations, 1);
    EXPECT_FALSE(result_);
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_NE(sent_header("Authorization").find("AKIDSECOND"), std::string::npos);

    http_.answer(400, refusal("ExpiredTokenException"));
    turn();
    EXPECT_EQ(verdict(), Kind::hold);
    EXPECT_EQ(credentials_.invalidations, 1);
    EXPECT_TRUE(http_.requests.empty());
}

TEST_F(EventBridgeTest, DoesNotSendTheSameAgainIfNothingIsNew) {
    send();
    http_.answer(403, refusal("UnrecognizedClientException"));
    turn();
    turn();
    EXPECT_TRUE(http_.requests.empty());
    EXPECT_EQ(verdict(), Kind::hold);
    EXPECT_EQ(result_->entries[0].code, "UnrecognizedClientException");
}

TEST_F(EventBridgeTest, ManyBatchesThatFailTogetherThrowAwayCredentialsOnce) {
    make();
    int done = 0;
    for (int i = 0; i < 3; ++i) bus_->send({&record_}, [&](const BatchResult&) { ++done; });
    credentials_.after_invalidation = PlayedCredentials::ready("AKIDSECOND");
    for (int i = 0; i < 3; ++i) http_.answer(400, refusal("ExpiredToken"));
    turn();
    EXPECT_EQ(credentials_.invalidations, 1);
    ASSERT_EQ(http_.requests.size(), 3u);
    for (int i = 0; i < 3; ++i) http_.answer(200, success);
    turn();
    EXPECT_EQ(done, 3);
}

TEST_F(EventBridgeTest, PermissionAndSetupAreHeldAtOnce) {
    send();
    http_.answer(400, refusal("AccessDeniedException"));
    turn();
    EXPECT_EQ(verdict(), Kind::hold);
    EXPECT_EQ(credentials_.invalidations, 0);
}

TEST_F(EventBridgeTest, TellsWhenTheCredentialsInUseExpire) {
    make();
    EXPECT_EQ(bus_->state().credentials_expires_ms, std::nullopt);
    auto credentials = std::make_shared<aws::Credentials>(*credentials_.answer.credentials);
    credentials->expires_ms = clock_.wall_ms() + 900'000;
    credentials_.answer.credentials = credentials;
    send();
    EXPECT_EQ(bus_->state().credentials_expires_ms, clock_.wall_ms() + 900'000);
}

TEST_F(EventBridgeTest, SignsByTheTimeThatAComplaintTells) {
    send();
    const std::string body = http_.requests.front().request.body;
    http_.answer(400, too_early);
    turn();
    EXPECT_EQ(credentials_.invalidations, 0);
    ASSERT_EQ(http_.requests.size(), 1u) << "tried again at once";
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T222320Z");
    EXPECT_EQ(http_.requests[0].request.body, body);
    EXPECT_EQ(lines_.count("signatures are corrected by 600 s"), 1u);
    http_.answer(200, success);
    turn();
    EXPECT_EQ(verdict(), Kind::delivered);

    // Somebody sets the clock: the next complaint takes the correction back.
    clock_.step_wall_ms(600'000);
    result_.reset();
    send();
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T223320Z");
    http_.answer(400, too_late);
    turn();
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T222320Z");
    EXPECT_EQ(lines_.count("signatures follow this machine's clock again"), 1u);
    http_.answer(200, success);
    turn();
    EXPECT_EQ(verdict(), Kind::delivered);
}

// A proxy that is an hour off refuses something: nobody complained about a time.
TEST_F(EventBridgeTest, NoOtherAnswersDateMovesTheClock) {
    for (int status : {503, 407, 403, 200}) {
        result_.reset();
        send();
        http_.answer(status, "<html>", {0, {{"date", an_hour_on}}, {}});
        turn();
        ASSERT_TRUE(result_) << "not tried again at once";
    }
    EXPECT_EQ(bus_->state().clock_offset_ms, 0);
    EXPECT_EQ(lines_.count("clock"), 0u);
    result_.reset();
    send();
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T221320Z");
}

// What a complaint about the key says of times is nothing, and its Date may be a proxy's.
TEST_F(EventBridgeTest, AComplaintAboutTheKeyIsNoneAboutTheClock) {
    send();
    http_.answer(403,
                 R"x({"__type":"InvalidSignatureException","message":"The request signature )x"
                 R"x(we calculated does not match (20231114T222320Z)"})x",
                 {0, {{"date", an_hour_on}, {"x-amzn-requestid", "a"}}, {}});
    turn();
    EXPECT_EQ(credentials_.invalidations, 1);
    result_.reset();
    send();
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T221320Z");
}

TEST_F(EventBridgeTest, AWrongDateOfAComplaintIsTakenBackByTheNext) {
    send();
    http_.answer(400, refusal("RequestExpired"), {0, {{"date", an_hour_on}}, {}});
    turn();
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T231320Z");
    http_.answer(400, refusal("RequestExpired"), {0, {{"date", an_hour_on}}, {}});
    turn();
    EXPECT_EQ(verdict(), Kind::hold);
    result_.reset();
    send();
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T221320Z");
    http_.answer(200, success);
    turn();
    EXPECT_EQ(verdict(), Kind::delivered);
}

// Of many that failed together the first one has corrected the clock.
TEST_F(EventBridgeTest, ComplaintsAboutWhatWasSignedBeforeDoNotTakeItBack) {
    make();
    int delivered = 0;
    for (int i = 0; i < 3; ++i) {
        bus_->send({&record_}, [&](const BatchResult& result) {
            delivered += result.entries.at(0).kind == Kind::delivered;
        });
    }
    for (int i = 0; i < 3; ++i) http_.answer(400, too_early);
    turn();
    ASSERT_EQ(http_.requests.size(), 3u);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T222320Z");
        http_.answer(200, success);
    }
    turn();
    EXPECT_EQ(delivered, 3);
    EXPECT_EQ(credentials_.invalidations, 0);
}

TEST_F(EventBridgeTest, ClocksThatDifferByLessThanFourMinutesAreLeftAlone) {
    const HttpResponse of_aws = {0, {{"date", played_now}, {"x-amzn-requestid", "a"}}, {}};
    clock_.step_wall_ms(-239'000);
    send();
    http_.answer(200, success, of_aws);
    turn();
    EXPECT_EQ(bus_->state().clock_offset_ms, 0);
    result_.reset();
    clock_.step_wall_ms(-1'000);
    send();
    http_.answer(200, success, of_aws);
    turn();
    EXPECT_EQ(bus_->state().clock_offset_ms, 240'000);
    EXPECT_EQ(lines_.count("240 s behind AWS's"), 1u);
    EXPECT_EQ(verdict(), Kind::delivered);
    // For people: signatures go by AWS's complaints alone.
    result_.reset();
    send();
    EXPECT_EQ(sent_header("X-Amz-Date"), "20231114T220920Z");
}

TEST_F(EventBridgeTest, AnAnswerFromACacheTellsNoTime) {
    send();
    http_.answer(200, success,
                 {0, {{"date", an_hour_on}, {"x-amzn-requestid", "a"}, {"age", "3600"}}, {}});
    turn();
    EXPECT_EQ(bus_->state().clock_offset_ms, 0);
}

TEST_F(EventBridgeTest, AfterStopSendingNothingLeaves) {
    credentials_.answer = {CredentialsState::pending, nullptr, ""};
    send();
    bus_->stop_sending();
    credentials_.answer = PlayedCredentials::ready("AKIDLATE");
    turn();
    EXPECT_TRUE(http_.requests.empty());
    EXPECT_EQ(verdict(), Kind::hold);
}

TEST_F(EventBridgeTest, NothingIsSentBeforeTheBusWasLookedUp) {
    watch_ = {&random_, &cell_};
    send();
    turn();
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_EQ(sent_header("X-Amz-Target"), "AWSEvents.DescribeEventBus");
    http_.fail(HttpFailure::Stage::before_send);
    turn();
    turn();
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_EQ(sent_header("X-Amz-Target"), "AWSEvents.PutEvents");
    http_.answer(200, success);
    turn();
    EXPECT_EQ(verdict(), Kind::delivered);
}

TEST_F(EventBridgeTest, WhatWaitsForTheFirstLookIsHeldWhenTheProcessEnds) {
    watch_ = {&random_, &cell_};
    send();
    turn();
    bus_->stop_sending();
    turn();
    EXPECT_EQ(verdict(), Kind::hold);
    EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(EventBridgeTest, HoldsWhatIsForABusThatDoesNotExist) {
    watch_ = {&random_, &cell_};
    make();
    turn();
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_EQ(sent_header("X-Amz-Target"), "AWSEvents.DescribeEventBus");
    EXPECT_EQ(http_.requests.front().request.body, R"({"Name":"default"})");
    http_.answer(400, refusal("ResourceNotFoundException"));
    turn();
    EXPECT_EQ(lines_.count("event bus \"default\" does not exist"), 1u);
    EXPECT_EQ(lines_.severities.at(0), Severity::alert);

    send();
    EXPECT_TRUE(http_.requests.empty()) << "EventBridge would swallow it";
    turn();
    EXPECT_EQ(verdict(), Kind::hold);
    EXPECT_EQ(result_->entries[0].code, "ResourceNotFoundException");

    clock_.advance_ms(60'000);
    turn();
    ASSERT_EQ(http_.requests.size(), 1u);
    http_.answer(200, R"({"Name":"default"})");
    turn();
    EXPECT_EQ(lines_.count("event bus \"default\" exists again"), 1u);
    result_.reset();
    send();
    EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(EventBridgeTest, LogsNoSecretAndNoEvent) {
    credentials_.after_invalidation = {CredentialsState::failed, nullptr,
                                       "the token file is gone"};
    record_.body = "{\"private\":1}";
    send();
    http_.answer(400, refusal("ExpiredToken"), {0, {{"date", an_hour_on}}, {}});
    turn();
    turn();
    for (const std::string& line : lines_.lines) {
        EXPECT_EQ(line.find("secret of"), std::string::npos) << line;
        EXPECT_EQ(line.find("private"), std::string::npos) << line;
    }
}

TEST_F(EventBridgeTest, SaysOnceThatItsCredentialsHaveBlanks) {
    credentials_.answer.had_blanks = true;
    for (int i = 0; i < 2; ++i) {
        result_.reset();
        send();
        http_.answer(200, success);
        turn();
    }
    EXPECT_EQ(lines_.count("destination \"bus\": credentials of kind \"played\" have blanks"),
              1u);
}

}  // namespace
}  // namespace momento
