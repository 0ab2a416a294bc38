#include "destination/dead_letter_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "base/json.h"
#include "destination/exhausted.h"
#include "fakes.h"

namespace momento {
namespace {

using fakes::PlayedCredentials;
using Kind = EntryVerdict::Kind;

constexpr char url[] = "https://sqs.eu-west-1.amazonaws.com/111122223333/letters";

class DeadLetterQueueTest : public testing::Test {
  protected:
    DeadLetterQueueTest() {
        credentials_.answer = PlayedCredentials::ready("AKID");
        settings_.form.destination = "bus";
        settings_.form.target = "hooks";
        settings_.form.source = "Momento";
        settings_.form.region = "eu-west-1";
        settings_.queue = *aws::parse_queue_url(url);
        settings_.service.endpoint.url = *parse_url("https://sqs.eu-west-1.amazonaws.com");
        queue_ = std::make_unique<DeadLetterQueue>(
            settings_, std::make_shared<PlayedCredentials::Provider>(credentials_),
            aws::ServiceTools{&clock_, &lines_, &http_});
        letter_.kind = RecordKind::dead_letter;
        letter_.destination = "bus";
        letter_.cache = "chat";
        letter_.topic = "room";
        letter_.reason_code = "MalformedDetail";
        letter_.reason_message = "Detail is malformed.";
        letter_.attempts = 3;
        letter_.body = R"({"cache":"chat"})";
    }

    std::map<std::string, std::string> attributes() {
        std::map<std::string, std::string> all;
        for (auto& [name, value] : make_letter_message(letter_, settings_.form).attributes) {
            all[name] = value;
        }
        return all;
    }

    std::vector<EntryVerdict> send(int status, const std::string& answer, size_t count = 1) {
        std::optional<BatchResult> result;
        queue_->send(std::vector<const Record*>(count, &letter_),
                     [&](BatchResult got) { result = std::move(got); });
        http_.answer(status, answer);
        http_.run(0);
        whole_request_ = result->whole_request;
        trouble_ = result->trouble;
        return result->entries;
    }

    fakes::PlayedClock clock_;
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    PlayedCredentials credentials_;
    DeadLetterQueueSettings settings_;
    std::unique_ptr<DeadLetterQueue> queue_;
    Record letter_;
    bool whole_request_ = false;
    std::string trouble_;
};

TEST_F(DeadLetterQueueTest, TellsALetterAsEventBridgeDoes) {
    const auto told = attributes();
    EXPECT_EQ(told.at("ERROR_CODE"), "MalformedDetail");
    EXPECT_EQ(told.at("ERROR_MESSAGE"), "Detail is malformed.");
    EXPECT_EQ(told.at("RETRY_ATTEMPTS"), "3");
    EXPECT_EQ(told.at("TARGET_ARN"), "hooks");
    EXPECT_EQ(told.at("MOMENTO_DESTINATION"), "bus");
    EXPECT_EQ(told.count("EXHAUSTED_RETRY_CONDITION"), 0u);
    auto event = Json::parse(make_letter_message(letter_, settings_.form).body);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->get("detail-type").as_string(), "chat#room");
    EXPECT_EQ(event->get("region").as_string(), "eu-west-1");
    EXPECT_EQ(event->get("detail").get("cache").as_string(), "chat");
}

TEST_F(DeadLetterQueueTest, SaysThatTimeRanOut) {
    const std::string message = exhausted_message("12 attempts in 86400 s; ...");
    letter_.reason_message = message;
    EXPECT_EQ(attributes().at("EXHAUSTED_RETRY_CONDITION"), "MaximumEventAgeInSeconds");
}

TEST_F(DeadLetterQueueTest, TellsWhatIsNoEventByItsBytes) {
    letter_.cache = letter_.topic = {};
    EXPECT_EQ(make_letter_message(letter_, settings_.form).body, letter_.body);
}

TEST_F(DeadLetterQueueTest, AcceptsItsOwnLettersThatSqsCanHold) {
    EXPECT_TRUE(queue_->accepts(letter_));
    letter_.destination = "other";
    EXPECT_FALSE(queue_->accepts(letter_));
    letter_.destination = "bus";
    letter_.kind = RecordKind::event;
    EXPECT_FALSE(queue_->accepts(letter_));
    letter_.kind = RecordKind::dead_letter;
    const std::string large = "{\"a\":\"" + std::string(aws::sqs_max_bytes, 'x') + "\"}";
    letter_.body = large;
    EXPECT_FALSE(queue_->accepts(letter_));
    letter_.cache = letter_.topic = {};
    letter_.body = "\xff\xfe";
    EXPECT_FALSE(queue_->accepts(letter_));
}

TEST_F(DeadLetterQueueTest, HoldsWhatMayPassAndKeepsWhatWillNot) {
    const auto verdicts =
        send(200,
             R"({"Successful":[{"Id":"2"}],"Failed":[)"
             R"({"Id":"0","SenderFault":false,"Code":"InternalError"},)"
             R"({"Id":"1","SenderFault":true,"Code":"InvalidMessageContents"}]})",
             3);
    ASSERT_EQ(verdicts.size(), 3u);
    EXPECT_EQ(verdicts[0].kind, Kind::hold);
    EXPECT_TRUE(verdicts[0].may_be_its_own);
    EXPECT_EQ(verdicts[1].kind, Kind::keep);
    EXPECT_EQ(verdicts[1].code, "InvalidMessageContents");
    EXPECT_EQ(verdicts[2].kind, Kind::delivered);
}

TEST_F(DeadLetterQueueTest, ARefusedRequestIsSentInParts) {
    const auto verdicts = send(400, R"({"__type":"com.amazonaws.sqs#BatchRequestTooLong"})", 2);
    EXPECT_TRUE(whole_request_);
    EXPECT_EQ(verdicts.at(0).kind, Kind::keep);
}

TEST_F(DeadLetterQueueTest, AMissingQueueHoldsItsLetters) {
    const auto verdicts = send(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist"})");
    EXPECT_EQ(verdicts.at(0).kind, Kind::hold);
    EXPECT_EQ(verdicts.at(0).code, "QueueDoesNotExist");
    EXPECT_FALSE(whole_request_);
}

TEST_F(DeadLetterQueueTest, QuotesWhatAwsSaysOfThePermissionAndNothingElse) {
    const std::string sentence =
        "User: arn:aws:iam::111122223333:user/x is not authorized to perform: sqs:SendMessage "
        "on resource: arn:aws:sqs:eu-west-1:111122223333:letters";
    send(403, R"({"__type":"AccessDenied","message":")" + sentence + "\"}");
    EXPECT_EQ(trouble_, sentence);
    send(400, R"({"__type":"InvalidMessageContents","message":"because of {\"text\":1}"})");
    EXPECT_EQ(trouble_, "");
}

TEST_F(DeadLetterQueueTest, OnlyPermissionAndTheUnknownMayBeOneLettersOwn) {
    EXPECT_TRUE(send(403, R"({"__type":"AccessDenied"})").at(0).may_be_its_own);
    EXPECT_TRUE(send(403, "<html>not with this text</html>").at(0).may_be_its_own);
    EXPECT_TRUE(send(400, R"({"__type":"NeverHeardOf"})").at(0).may_be_its_own);
    EXPECT_FALSE(send(503, "").at(0).may_be_its_own);
    EXPECT_FALSE(send(400, R"({"__type":"QueueDoesNotExist"})").at(0).may_be_its_own);
    EXPECT_FALSE(send(400, R"({"__type":"ThrottlingException"})").at(0).may_be_its_own);
}

}  // namespace
}  // namespace momento
