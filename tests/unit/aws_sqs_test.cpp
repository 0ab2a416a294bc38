#include "aws/sqs.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace momento::aws {
namespace {

using Kind = SendOutcome::Kind;

constexpr char url[] = "https://sqs.eu-west-1.amazonaws.com/123456789012/letters";

ServiceReply replied(int status, const std::string& body) {
    ServiceReply reply;
    reply.http.response.status = status;
    reply.http.response.body = body;
    return reply;
}

const std::vector<SqsMessage> two = {{"hello", {}}, {"world", {}}};

TEST(SqsQueue, IsNamedByItsUrl) {
    auto queue = parse_queue_url(url);
    ASSERT_TRUE(queue);
    EXPECT_EQ(queue->name, "letters");
    EXPECT_EQ(queue->region, "eu-west-1");
    const std::pair<const char*, const char*> regions[] = {
        {"https://sqs-fips.us-gov-west-1.amazonaws.com/1/q", "us-gov-west-1"},
        {"https://eu-west-1.queue.amazonaws.com/1/q", "eu-west-1"},
        {"https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/1/q", "eu-west-1"},
        {"https://queue.amazonaws.com/1/q", ""},
        {"http://127.0.0.1:9324/1/q", ""},
    };
    for (const auto& [text, region] : regions) {
        auto other = parse_queue_url(text);
        ASSERT_TRUE(other) << text;
        EXPECT_EQ(other->region, region);
    }
}

TEST(SqsQueue, FifoQueuesAndOtherThingsAreRefused) {
    EXPECT_NE(parse_queue_url(std::string(url) + ".fifo").error().text.find("FIFO"),
              std::string::npos);
    for (const char* text :
         {"letters", "arn:aws:sqs:eu-west-1:1:q", "https://sqs.eu-west-1.amazonaws.com/",
          "https://sqs.eu-west-1.amazonaws.com/q", "https://sqs.eu-west-1.amazonaws.com/1/",
          "https://sqs.eu-west-1.amazonaws.com/1/q?x", "https://x/1/a.b"}) {
        EXPECT_FALSE(parse_queue_url(text)) << text;
    }
}

TEST(SqsMessage, CountsItsAttributes) {
    SqsMessage message{"body", {{"ERROR_CODE", "x"}}};
    EXPECT_EQ(message_size(message), 4u + 10 + 6 + 1);
    EXPECT_TRUE(check_message(message));
    message.body.assign(sqs_max_bytes - 17, 'x');
    EXPECT_TRUE(check_message(message));
    message.body += 'x';
    EXPECT_FALSE(check_message(message));
}

TEST(SqsMessage, HoldsOnlyWhatSqsTakes) {
    for (const char* body : {"", "\x01", "\x1f", "\xff", "\xed\xa0\x80", "\xef\xbf\xbe"}) {
        EXPECT_FALSE(check_message({body, {}})) << body;
    }
    EXPECT_TRUE(check_message({"\t\r\n \x7f\xc3\xa4\xf0\x9f\x98\x80", {}}));
    EXPECT_FALSE(check_message({"x", {{"A", ""}}}));
    EXPECT_FALSE(check_message({"x", {{"", "a"}}}));
    EXPECT_FALSE(
        check_message({"x", std::vector<std::pair<std::string, std::string>>(11, {"A", "a"})}));
}

TEST(SqsSend, EncodesABatch) {
    auto json = Json::parse(encode_send(*parse_queue_url(url),
                                        {{"{\"a\":1}", {{"ERROR_CODE", "Bad"}}}, {"b", {}}}));
    ASSERT_TRUE(json);
    EXPECT_EQ(json->get("QueueUrl").as_string(), url);
    Json first = json->get("Entries").at(0);
    EXPECT_EQ(first.get("Id").as_string(), "0");
    EXPECT_EQ(first.get("MessageBody").as_string(), "{\"a\":1}");
    Json attribute = first.get("MessageAttributes").get("ERROR_CODE");
    EXPECT_EQ(attribute.get("DataType").as_string(), "String");
    EXPECT_EQ(attribute.get("StringValue").as_string(), "Bad");
    EXPECT_EQ(json->get("Entries").at(1).get("Id").as_string(), "1");
    EXPECT_FALSE(json->get("Entries").at(1).get("MessageAttributes"));
}

TEST(SqsSend, OutcomesGoByIdAndChecksum) {
    // md5 of "hello" and of something that is not "world"
    auto outcomes = read_send_reply(
        two, replied(200, R"({"Successful":[)"
                          R"({"Id":"1","MD5OfMessageBody":"5d41402abc4b2a76b9719d911017c592"},)"
                          R"({"Id":"0","MD5OfMessageBody":"5d41402abc4b2a76b9719d911017c592"},)"
                          R"({"Id":"7"},{"Id":"x"},{}]})"));
    EXPECT_EQ(outcomes.messages[0].kind, Kind::sent);
    EXPECT_EQ(outcomes.messages[1].kind, Kind::retry);
    EXPECT_EQ(outcomes.messages[1].code, "ChecksumMismatch");
}

TEST(SqsSend, AFailureIsTheSendersOrTheQueues) {
    auto outcomes = read_send_reply(
        two,
        replied(200,
                R"({"Failed":[{"Id":"0","SenderFault":true,"Code":"InvalidMessageContents",)"
                R"("Message":"no"},{"Id":"1","SenderFault":false,"Code":"InternalError"}]})"));
    EXPECT_EQ(outcomes.messages[0].kind, Kind::refused);
    EXPECT_EQ(outcomes.messages[0].code, "InvalidMessageContents");
    EXPECT_EQ(outcomes.messages[1].kind, Kind::retry);

    outcomes = read_send_reply(
        two,
        replied(200,
                R"({"Failed":[{"Id":"0","SenderFault":true,"Code":"RequestThrottled"}]})"));
    EXPECT_EQ(outcomes.messages[0].kind, Kind::retry);
    EXPECT_EQ(outcomes.messages[1].kind, Kind::retry) << "nothing was said of it";
}

TEST(SqsSend, ARefusedRequestIsTooMuchAtOnceOrComesTooEarly) {
    auto outcomes = read_send_reply(
        two, replied(400, R"({"__type":"com.amazonaws.sqs#BatchRequestTooLong"})"));
    EXPECT_TRUE(outcomes.whole_request);
    EXPECT_EQ(outcomes.messages[1].kind, Kind::refused);
    for (const char* code : {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
                             "AccessDeniedException", "KmsDisabled", "OverLimit",
                             "RequestThrottled", "ExpiredToken"}) {
        outcomes = read_send_reply(
            two, replied(400, "{\"__type\":\"" + std::string(code) + "\",\"message\":\"m\"}"));
        EXPECT_EQ(outcomes.messages[0].kind, Kind::retry) << code;
        EXPECT_EQ(outcomes.messages[0].code, code);
    }
    ServiceReply unsent;
    unsent.unsent = true;
    EXPECT_EQ(read_send_reply(two, unsent).messages[1].code, "CredentialsUnavailable");
    EXPECT_EQ(read_send_reply(two, replied(503, "")).messages[0].code, "Http503");
    EXPECT_EQ(read_send_reply(two, replied(200, "")).messages[0].kind, Kind::retry);
}

TEST(SqsReceive, GivesWholeMessagesAndTheirAttributes) {
    auto queue = *parse_queue_url(url);
    auto request = Json::parse(encode_receive(queue, 99, 20, 60));
    EXPECT_EQ(request->get("MaxNumberOfMessages").as_integer(), 10);
    EXPECT_EQ(request->get("MessageAttributeNames").at(0).as_string(), "All");

    auto received = read_received(replied(
        200,
        R"({"Messages":[{"MessageId":"m1","ReceiptHandle":"r1","Body":"hello",)"
        R"("MD5OfBody":"5d41402abc4b2a76b9719d911017c592","MessageAttributes":)"
        R"({"ERROR_CODE":{"DataType":"String","StringValue":"Bad"},"OTHER":{}}},)"
        R"({"ReceiptHandle":"r2","Body":"torn","MD5OfBody":"5d41402abc4b2a76b9719d911017c592"},)"
        R"({"Body":"no receipt"}]})"));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->size(), 1u);
    EXPECT_EQ(received->at(0).id, "m1");
    EXPECT_EQ(received->at(0).receipt, "r1");
    EXPECT_EQ(received->at(0).message.body, "hello");
    ASSERT_EQ(received->at(0).message.attributes.size(), 1u);
    EXPECT_EQ(received->at(0).message.attributes[0].second, "Bad");

    EXPECT_TRUE(read_received(replied(200, "{}"))->empty());
    EXPECT_FALSE(read_received(replied(200, "")));
    EXPECT_EQ(read_received(replied(400, R"({"__type":"QueueDoesNotExist","message":"gone"})"))
                  .error()
                  .text,
              "SQS: QueueDoesNotExist: gone");
}

TEST(SqsDelete, NamesTheReceipt) {
    EXPECT_EQ(encode_delete(*parse_queue_url(url), "r1"),
              "{\"QueueUrl\":\"" + std::string(url) + "\",\"ReceiptHandle\":\"r1\"}");
    EXPECT_TRUE(read_done(replied(200, "")));
    EXPECT_FALSE(read_done(replied(500, "")));
}

}  // namespace
}  // namespace momento::aws
