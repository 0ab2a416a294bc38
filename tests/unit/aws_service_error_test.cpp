#include "aws/service_error.h"

#include <gtest/gtest.h>

namespace momento::aws {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

ServiceError parse(std::string body, Headers headers = {}) {
    HttpResponse response;
    response.status = 400;
    response.headers = std::move(headers);
    response.body = std::move(body);
    return parse_service_error(response);
}

TEST(ServiceError, ReadsTheJsonProtocols) {
    ServiceError error = parse(R"({"__type":"ThrottlingException","message":"Rate exceeded"})",
                               {{"x-amzn-requestid", "7a1c"}});
    EXPECT_EQ(error.code, "ThrottlingException");
    EXPECT_EQ(error.message, "Rate exceeded");
    EXPECT_EQ(error.request_id, "7a1c");
    EXPECT_TRUE(error.is("ThrottlingException"));
    EXPECT_FALSE(error.is("Throttling"));
}

TEST(ServiceError, StripsNamespaceAndUri) {
    EXPECT_EQ(parse(R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist"})").code,
              "QueueDoesNotExist");
    EXPECT_EQ(parse(R"({"__type":"AccessDeniedException:http://internal/x"})").code,
              "AccessDeniedException");
    EXPECT_EQ(parse(R"({"__type":"a.b#InternalException:http://x#y"})").code,
              "InternalException");
}

TEST(ServiceError, TakesEitherSpellingOfTheMessage) {
    EXPECT_EQ(parse(R"({"__type":"X","Message":"upper"})").message, "upper");
    EXPECT_EQ(parse(R"({"code":"Y","message":"lower"})").code, "Y");
}

TEST(ServiceError, TakesTheCodeOfTheHeaderWhereTheBodyHasNone) {
    EXPECT_EQ(parse("", {{"x-amzn-errortype", "ValidationException:http://x"}}).code,
              "ValidationException");
    EXPECT_EQ(parse(R"({"__type":"Body"})", {{"x-amzn-errortype", "Header"}}).code, "Body");
}

TEST(ServiceError, KnowsTheOlderNameOfAnError) {
    ServiceError error =
        parse(R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist"})",
              {{"x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender"}});
    EXPECT_TRUE(error.is("QueueDoesNotExist"));
    EXPECT_TRUE(error.is("AWS.SimpleQueueService.NonExistentQueue"));
}

TEST(ServiceError, ReadsXml) {
    ServiceError error = parse(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
        "  <Error>\n    <Type>Sender</Type>\n    <Code>InvalidIdentityToken</Code>\n"
        "    <Message>No &quot;provider&quot; &amp;amp; no &lt;token&gt;</Message>\n"
        "  </Error>\n  <RequestId>4af2</RequestId>\n</ErrorResponse>\n");
    EXPECT_EQ(error.code, "InvalidIdentityToken");
    EXPECT_EQ(error.message, "No \"provider\" &amp; no <token>");
    EXPECT_EQ(error.request_id, "4af2");
}

TEST(ServiceError, ReadsTheXmlThatMotoAnswersJsonRequestsWith) {
    ServiceError error = parse(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ErrorResponse><Errors><Error>"
        "<Code>InvalidClientTokenId</Code><Message>The security token included in the request "
        "is invalid.</Message><Type>Sender</Type></Error></Errors></ErrorResponse>",
        {{"x-amzn-requestid", "TViK"}});
    EXPECT_EQ(error.code, "InvalidClientTokenId");
    EXPECT_EQ(error.message, "The security token included in the request is invalid.");
    EXPECT_EQ(error.request_id, "TViK");

    error = parse(
        "<ErrorResponse><Error><Code>AccessDenied</Code>"
        "<Message><![CDATA[User <x> is not authorized]]></Message></Error>"
        "<RequestID>1</RequestID></ErrorResponse>");
    EXPECT_EQ(error.code, "AccessDenied");
    EXPECT_EQ(error.message, "User <x> is not authorized");
    EXPECT_EQ(error.request_id, "1");
}

TEST(ServiceError, NamesNothingWhereTheAnswerNamesNothing) {
    for (const char* body :
         {"", "Bad Gateway", "<html><body>502</body></html>", "{", "{}", "[]", "{\"__type\":7}",
          "<Error><Code>cut off", "<Code></Message>"}) {
        ServiceError error = parse(body);
        EXPECT_EQ(error.code, "") << body;
        EXPECT_EQ(error.message, "") << body;
    }
}

TEST(ServiceError, ACodeIsSafeAsALabel) {
    EXPECT_EQ(parse(R"({"__type":"a\"} 1\nx"})").code, "");
    EXPECT_EQ(parse("{\"__type\":\"" + std::string(10'000, 'a') + "\"}").code, "");
}

TEST(ServiceError, SaysWhatIsNotPermittedInAwssWordsOnly) {
    ServiceError error;
    error.message =
        "User: arn:aws:iam::1:user/x is not authorized to perform: "
        "events:PutEvents on resource: arn:aws:events:r:1:event-bus/b because no "
        "identity-based policy allows the events:PutEvents action";
    EXPECT_EQ(permission_sentence(error), error.message);
    for (const char* other :
         {"", "Detail is malformed: User: x", "User: x", "not authorized"}) {
        error.message = other;
        EXPECT_EQ(permission_sentence(error), "") << other;
    }
}

TEST(ServiceError, AMessageIsOneLineOfBoundedLength) {
    EXPECT_EQ(parse(R"({"message":"two\nlines\u0000"})").message, "two lines ");
    std::string euros;
    for (int i = 0; i < 1'000; ++i) euros += "\u20ac";
    EXPECT_EQ(parse("{\"message\":\"" + euros + "\"}").message, euros.substr(0, 1'023));
}

}  // namespace
}  // namespace momento::aws
