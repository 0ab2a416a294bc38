#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "aws/providers.h"
#include "aws_environment.h"
#include "fakes.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr char handed_out[] =
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
    "<AccessKeyId>id</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
    "<SessionToken>t</SessionToken><Expiration>2023-11-14T23:13:20Z</Expiration>"
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

class WebIdentityProviderTest : public testing::Test {
  protected:
    WebIdentityProviderTest() : token_file_(testing::TempDir() + "momento_web_token") {
        std::ofstream(token_file_) << "first.token\n";
        variables_ = {{"AWS_WEB_IDENTITY_TOKEN_FILE", token_file_},
                      {"AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/demo"}};
    }
    ~WebIdentityProviderTest() override { std::remove(token_file_.c_str()); }

    CredentialsAnswer ask() {
        if (!provider_) {
            Endpoint sts;
            sts.url = *parse_url("https://sts.eu-west-1.amazonaws.com");
            ProviderTools tools{&clock_, &random_, &http_, &lines_, "someone"};
            tools.errands = errands_;
            tools.server_clock = std::make_shared<ServerClock>(clock_, lines_, tools.user);
            provider_ = make_web_identity_provider(environment(variables_), sts, tools);
        }
        return provider_->get();
    }
    bool sent(const std::string& part) {
        return http_.requests.at(0).request.body.find(part) != std::string::npos;
    }

    const std::string token_file_;
    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_;
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    std::map<std::string, std::string> variables_;
    Errands* errands_ = nullptr;  // in place
    ProviderPtr provider_;
};

TEST_F(WebIdentityProviderTest, ExchangesTheTokenForASet) {
    EXPECT_EQ(ask().state, State::pending);
    EXPECT_TRUE(sent("Action=AssumeRoleWithWebIdentity&"));
    EXPECT_TRUE(sent("&WebIdentityToken=first.token"));
    EXPECT_TRUE(sent("&RoleSessionName=momento-webhook"));
    http_.answer(200, handed_out);
    http_.run(0);
    CredentialsAnswer answer = ask();
    ASSERT_EQ(answer.state, State::ready);
    EXPECT_EQ(answer.credentials->access_key_id, "id");
}

TEST_F(WebIdentityProviderTest, ReadsTheTokenForEverySet) {
    variables_["AWS_ROLE_SESSION_NAME"] = "edge";
    ask();
    EXPECT_TRUE(sent("&RoleSessionName=edge&"));
    http_.answer(200, handed_out);
    http_.run(0);
    ask();
    std::ofstream(token_file_) << "second.token";
    clock_.advance_ms(50 * 60'000);
    EXPECT_EQ(ask().state, State::ready);
    EXPECT_TRUE(sent("second.token"));
}

TEST_F(WebIdentityProviderTest, IsAbsentWithoutATokenFile) {
    variables_.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
    EXPECT_EQ(ask().state, State::absent);
}

TEST_F(WebIdentityProviderTest, FailsOnWhatCannotWork) {
    std::remove(token_file_.c_str());
    EXPECT_NE(ask().error.find(token_file_), std::string::npos);
    EXPECT_EQ(ask().state, State::failed);

    std::ofstream(token_file_) << "\n";
    provider_.reset();
    EXPECT_NE(ask().error.find("is empty or too long"), std::string::npos);

    variables_["AWS_ROLE_ARN"] = "demo";
    provider_.reset();
    EXPECT_NE(ask().error.find("\"demo\" is not a role"), std::string::npos);

    variables_.erase("AWS_ROLE_ARN");
    provider_.reset();
    EXPECT_EQ(ask().error,
              "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN: set both or none");
    EXPECT_TRUE(http_.requests.empty());
}

TEST_F(WebIdentityProviderTest, ASlowClockShowsInAnswersOfStsToo) {
    ask();
    http_.answer(
        400, "",
        {0, {{"date", "Tue, 14 Nov 2023 22:23:20 GMT"}, {"x-amzn-requestid", "a"}}, {}});
    http_.run(0);
    EXPECT_EQ(ask().state, State::failed);
    EXPECT_EQ(lines_.count("someone: this machine's clock is 600 s behind AWS's"), 1u);
}

TEST_F(WebIdentityProviderTest, ATokenFileThatHangsIsNotWaitedFor) {
    fakes::PlayedCrew crew;
    Errands errands(clock_, lines_, crew, [] {});
    errands_ = &errands;
    EXPECT_EQ(ask().state, State::pending);
    EXPECT_EQ(ask().state, State::pending);
    ASSERT_EQ(crew.works.size(), 1u);
    EXPECT_TRUE(http_.requests.empty());
    crew.works[0]();
    errands.step();
    EXPECT_TRUE(sent("&WebIdentityToken=first.token"));
}

}  // namespace
}  // namespace momento::aws
