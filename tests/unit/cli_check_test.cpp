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
              const std::string& headers = "") {
        HttpServer server(HttpServer::always(
            [&](ServerConnection& connection, const ReceivedRequest& request) {
                received_ = request;
                connection.answer(body, status, headers);
            }));
        return run({"check", "hooks", "--endpoint", server.url(), "--region", "eu-west-1"}, "",
                   [this](const std::string& name) -> const char* {
                       auto found = variables_.find(name);
                       return found == variables_.end() ? nullptr : found->second.c_str();
                   });
    }

    std::map<std::string, std::string> variables_ = {{"AWS_ACCESS_KEY_ID", "AKID"},
                                                     {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                                                     {"AWS_EC2_METADATA_DISABLED", "true"}};
    ReceivedRequest received_;
};

TEST_F(CliCheckTest, SaysThatAllIsWell) {
    Ran ran = check("200 OK", R"({"Name":"hooks"})", date(time(nullptr)));
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
    EXPECT_NE(ran.out.find("may not be looked up: status 400, AccessDeniedException"),
              std::string::npos);
}

TEST_F(CliCheckTest, FindsAClockThatIsWrong) {
    Ran ran = check("200 OK", "{}", date(time(nullptr) + 90));
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.out.find("behind AWS's: set it"), std::string::npos);
}

TEST_F(CliCheckTest, FindsMissingCredentialsAndAsksNobody) {
    variables_.erase("AWS_ACCESS_KEY_ID");
    Ran ran = check("200 OK", "{}");
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.out.find("fail  credentials  no credentials found; asked: environment, "
                           "web_identity, profile, container, instance"),
              std::string::npos);
    EXPECT_EQ(received_.head, "");
    EXPECT_EQ(ran.out.find("hunter2"), std::string::npos);
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
