#include <gtest/gtest.h>

#include <ctime>

#include "cli_run.h"
#include "http_server.h"

namespace momento::cli {
namespace {

std::string date(time_t seconds) {
    char text[64];
    tm utc{};
    gmtime_r(&seconds, &utc);
    size_t size = strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    return std::string(text, size) + "x-amzn-RequestId: a\r\n";
}

class CliCheckTest : public testing::Test {
  protected:
    Ran check(const std::string& status, const std::string& body,
              const std::string& headers = "x-amzn-RequestId: a\r\n",
              const Arguments& more = {}) {
        HttpServer server(HttpServer::always(
            [&](ServerConnection& connection, const ReceivedRequest& request) {
                received_ = request;
                const bool is_put = request.has_line("X-Amz-Target: AWSEvents.PutEvents");
                if (is_put) put_ = request.body;
                connection.answer(is_put ? put_answer_ : body, is_put ? put_status_ : status,
                                  headers);
            }));
        Arguments arguments = {"check",      "hooks",    "--endpoint",
                               server.url(), "--region", "eu-west-1"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(arguments, "", [this](const std::string& name) -> const char* {
            auto found = variables_.find(name);
            return found == variables_.end() ? nullptr : found->second.c_str();
        });
    }

    std::map<std::string, std::string> variables_ = {{"AWS_ACCESS_KEY_ID", "AKID"},
                                                     {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                                                     {"AWS_EC2_METADATA_DISABLED", "true"}};
    ReceivedRequest received_;
    std::string put_;  // the request of --put
    std::string put_status_ = "200 OK";
    std::string put_answer_ =
        R"({"FailedEntryCount":0,"Entries":[{"EventId":"11710aed-b79e"}]})";
};

const std::string described =
    R"({"Arn":"arn:aws:events:eu-west-1:123456789012:event-bus/hooks","Name":"hooks"})";

// Of the line that begins with "fail  <what>".
std::string failure(const Ran& ran, const std::string& what) {
    const size_t at = ran.out.find("fail  " + what);
    return at == std::string::npos ? "none: " + ran.out
                                   : ran.out.substr(at, ran.out.find('\n', at) - at);
}

TEST_F(CliCheckTest, SaysThatAllIsWell) {
    Ran ran = check("200 OK", described, date(time(nullptr)));
    EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
    EXPECT_NE(ran.out.find("ok    region       eu-west-1\n"), std::string::npos);
    EXPECT_NE(ran.out.find("ok    credentials  environment\n"), std::string::npos);
    EXPECT_NE(ran.out.find("ok    bus          \"hooks\" exists\n"), std::string::npos);
    EXPECT_NE(ran.out.find("ok    clock        agrees with AWS's\n"), std::string::npos);
    EXPECT_TRUE(received_.has_line("X-Amz-Target: AWSEvents.DescribeEventBus"));
    EXPECT_TRUE(received_.has_header("Authorization"));
    EXPECT_EQ(received_.body, R"({"Name":"hooks"})");
}

TEST_F(CliCheckTest, FindsAMissingBus) {
    Ran ran = check("400 Bad Request", R"({"__type":"ResourceNotFoundException"})");
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.out.find("fail  bus          \"hooks\" does not exist"), std::string::npos);
}

TEST_F(CliCheckTest, FindsAMissingPermission) {
    Ran ran = check("400 Bad Request", R"({"__type":"AccessDeniedException","message":"x"})");
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.out.find("may not be looked up: status 400, AccessDeniedException: x\n"),
              std::string::npos);
}

TEST_F(CliCheckTest, FindsAClockThatIsWrong) {
    Ran ran = check("200 OK", described, date(time(nullptr) + 90));
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.out.find("behind AWS's: set it"), std::string::npos);
}

TEST_F(CliCheckTest, FindsMissingCredentialsAndAsksNobody) {
    variables_.erase("AWS_ACCESS_KEY_ID");
    Ran ran = check("200 OK", "{}");
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.out.find("fail  credentials  no credentials found; asked: environment, "
                           "web_identity, profile (HOME is not set), container, instance"),
              std::string::npos);
    EXPECT_EQ(received_.head, "");
    EXPECT_EQ(ran.out.find("hunter2"), std::string::npos);
}

// A portal, a proxy, another server: 200 alone proves nothing.
TEST_F(CliCheckTest, BelievesNobodyButAws) {
    const std::pair<const char*, const char*> answers[] = {
        {"200 OK", "<html>welcome</html>"},
        {"200 OK", ""},
        {"200 OK", "{}"},
        {"200 OK", R"({"status":"ok"})"},
        {"502 Bad Gateway", "<html>"},
        {"404 Not Found", "<html>nothing here</html>"},
    };
    for (const auto& [status, body] : answers) {
        Ran ran = check(status, body, "Content-Type: text/html\r\n");
        EXPECT_EQ(ran.status, 1) << body;
        EXPECT_EQ(failure(ran, "endpoint"), "fail  endpoint     the answer " +
                                                std::string(status, 3) +
                                                " (text/html) is not AWS's: look at endpoint "
                                                "and proxy");
        EXPECT_EQ(ran.out.find("exists"), std::string::npos) << ran.out;
    }
}

TEST_F(CliCheckTest, SaysTheKeyWhenItIsTheKeyWithTheSentenceOfAws) {
    const std::string wrong_key =
        R"({"__type":"UnrecognizedClientException","message":"The security token is invalid."})";
    EXPECT_EQ(failure(check("400 Bad Request", wrong_key), "key"),
              "fail  key          AWS does not know this access key, or not with this session "
              "token: status 400, UnrecognizedClientException: The security token is invalid.");
    const std::string wrong_secret =
        R"({"__type":"InvalidSignatureException","message":"It does not match."})";
    EXPECT_EQ(failure(check("403 Forbidden", wrong_secret), "key"),
              "fail  key          the secret key is not that of this access key: status 403, "
              "InvalidSignatureException: It does not match.");
    const std::string old = R"({"__type":"ExpiredTokenException","message":"Expired."})";
    EXPECT_NE(failure(check("400 Bad Request", old), "key").find("has expired"),
              std::string::npos);
}

TEST_F(CliCheckTest, SendsOneMarkedEventOnlyWhereAsked) {
    EXPECT_EQ(check("200 OK", described).status, 0);
    EXPECT_EQ(put_, "");
    Ran ran = check("200 OK", described, "x-amzn-RequestId: a\r\n", {"--put"});
    EXPECT_EQ(ran.status, 0) << ran.out;
    EXPECT_NE(ran.out.find("ok    put          the bus took an event, source \"Momento\", "
                           "detail-type \"momentoctl#check\", id 11710aed-b79e\n"),
              std::string::npos)
        << ran.out;
    EXPECT_NE(put_.find(R"("DetailType":"momentoctl#check")"), std::string::npos) << put_;
    EXPECT_NE(put_.find(R"("EventBusName":"hooks")"), std::string::npos) << put_;

    put_answer_ = R"({"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"bad"}]})";
    ran = check("200 OK", described, "x-amzn-RequestId: a\r\n", {"--put", "--source=x"});
    EXPECT_EQ(failure(ran, "put"), "fail  put          refused: MalformedDetail: bad");
    EXPECT_NE(put_.find(R"("Source":"x")"), std::string::npos) << put_;

    // It may be allowed to put what it may not look up.
    put_status_ = "400 Bad Request";
    put_answer_ = R"({"__type":"AccessDeniedException","message":"no PutEvents"})";
    ran = check("400 Bad Request", R"({"__type":"AccessDeniedException","message":"x"})",
                "x-amzn-RequestId: a\r\n", {"--put"});
    EXPECT_EQ(failure(ran, "put"),
              "fail  put          an event may not be put: status 400, AccessDeniedException: "
              "no PutEvents");
}

// EventBridge would take it and drop it.
TEST_F(CliCheckTest, SendsNoEventToABusThatIsNotThere) {
    Ran ran = check("400 Bad Request", R"({"__type":"ResourceNotFoundException"})",
                    "x-amzn-RequestId: a\r\n", {"--put"});
    EXPECT_EQ(ran.status, 1);
    EXPECT_EQ(put_, "");
}

TEST_F(CliCheckTest, SaysHowToRunAsAWorker) {
    Ran ran = check("200 OK", described, "x-amzn-RequestId: a\r\n", {"--profile", "a b"});
    EXPECT_NE(ran.out.find("sudo env -i $(systemctl show nginx -p Environment --value) setpriv "
                           "--reuid="),
              std::string::npos)
        << ran.out;
    EXPECT_NE(ran.out.find(" check hooks --endpoint http://127.0.0.1:"), std::string::npos);
    EXPECT_NE(ran.out.find(" --profile 'a b'\n"), std::string::npos);
    ran = check("200 OK", described, "x-amzn-RequestId: a\r\n", {"--quiet"});
    EXPECT_EQ(ran.out.find("sudo"), std::string::npos);
}

TEST_F(CliCheckTest, PrintsJsonWhereAsked) {
    Ran ran = check("200 OK", described, "x-amzn-RequestId: a\r\n", {"--json", "--quiet"});
    EXPECT_NE(
        ran.out.find("{\"check\":\"bus\",\"ok\":true,\"text\":\"\\\"hooks\\\" exists\"}\n"),
        std::string::npos)
        << ran.out;
}

TEST_F(CliCheckTest, RefusesSettingsThatCannotWork) {
    const std::pair<Arguments, const char*> cases[] = {
        {{"check"}, "BUS"},
        {{"check", "hooks"}, "no region known"},
        {{"check", "a b", "--region", "eu-west-1"}, "is not an event bus"},
        {{"check", "hooks", "--region", "eu-west-1", "--credentials", "static"}, "\"static\""},
        {{"check", "hooks", "--credentials", "auto", "--profile", "x"}, "--profile"},
    };
    for (const auto& [arguments, expected] : cases) {
        Ran ran = run(arguments, "", [](const std::string& name) {
            return name == "AWS_EC2_METADATA_DISABLED" ? "true" : nullptr;
        });
        EXPECT_EQ(ran.status, 2);
        EXPECT_NE(ran.err.find(expected), std::string::npos) << ran.err;
    }
}

TEST_F(CliCheckTest, AsksTheInstanceForARegionThatNothingElseNames) {
    HttpServer metadata(HttpServer::always([](ServerConnection& connection,
                                              const ReceivedRequest& request) {
        connection.answer(request.head.find("PUT ") == 0 ? "token" : "eu-south-2", "200 OK");
    }));
    HttpServer events(
        HttpServer::always([](ServerConnection& connection, const ReceivedRequest&) {
            connection.answer("{}", "200 OK");
        }));
    variables_.erase("AWS_EC2_METADATA_DISABLED");
    variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.url();
    Ran ran = run({"check", "hooks", "--endpoint", events.url()}, "",
                  [this](const std::string& name) -> const char* {
                      auto found = variables_.find(name);
                      return found == variables_.end() ? nullptr : found->second.c_str();
                  });
    EXPECT_NE(ran.out.find("ok    region       eu-south-2\n"), std::string::npos)
        << ran.out << ran.err;
}

}  // namespace
}  // namespace momento::cli
