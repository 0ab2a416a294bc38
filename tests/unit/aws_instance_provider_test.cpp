#include <gtest/gtest.h>

#include "aws/providers.h"
#include "aws_environment.h"
#include "fakes.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr char list_url[] = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
constexpr char instance_document[] =
    R"({"Code":"Success","LastUpdated":"2023-11-14T22:00:00Z","Type":"AWS-HMAC",)"
    R"("AccessKeyId":"id","SecretAccessKey":"hunter2","Token":"t",)"
    R"("Expiration":"2023-11-14T23:13:20Z"})";

class InstanceProviderTest : public testing::Test {
  protected:
    CredentialsAnswer ask() {
        if (!provider_) {
            provider_ = make_instance_provider(environment(variables_),
                                               {&clock_, &random_, &http_, &lines_, "someone"});
        }
        return provider_->get();
    }
    const HttpRequest& sent() { return http_.requests.at(0).request; }
    std::string sent_token() {
        for (const auto& [key, value] : sent().headers) {
            if (key == "X-Aws-Ec2-Metadata-Token") return value;
        }
        return {};
    }
    void answer(int status, const std::string& body) {
        http_.answer(status, body);
        http_.run(0);
    }
    void fail() {
        http_.fail(HttpFailure::Stage::before_send);
        http_.run(0);
    }

    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_;
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    std::map<std::string, std::string> variables_;
    ProviderPtr provider_;
};

TEST_F(InstanceProviderTest, FetchesTokenRoleAndSet) {
    EXPECT_EQ(ask().state, State::pending);
    EXPECT_EQ(sent().method, "PUT");
    EXPECT_EQ(sent().url, "http://169.254.169.254/latest/api/token");
    EXPECT_EQ(sent().headers.at(0).first, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds");
    EXPECT_EQ(sent().headers.at(0).second, "21600");
    EXPECT_EQ(sent().total_timeout_ms, 1'000);
    answer(200, "TOKEN==");
    EXPECT_EQ(sent().method, "GET");
    EXPECT_EQ(sent().url, list_url);
    EXPECT_EQ(sent().proxy, "");
    EXPECT_EQ(sent_token(), "TOKEN==");
    answer(200, "my-role\n");
    EXPECT_EQ(sent().url, std::string(list_url) + "my-role");
    EXPECT_EQ(sent_token(), "TOKEN==");
    answer(200, instance_document);
    CredentialsAnswer set = ask();
    ASSERT_EQ(set.state, State::ready);
    EXPECT_EQ(set.credentials->access_key_id, "id");
    EXPECT_EQ(set.credentials->session_token, "t");
    EXPECT_EQ(set.credentials->expires_ms, 1'700'003'600'000);
}

TEST_F(InstanceProviderTest, KeepsItsTokenForLaterSets) {
    ask();
    answer(200, "TOKEN");
    answer(200, "r");
    answer(200, instance_document);
    clock_.advance_ms(50 * 60'000);
    ask();
    EXPECT_EQ(sent().url, list_url);
    EXPECT_EQ(sent_token(), "TOKEN");
}

TEST_F(InstanceProviderTest, AnExpiredTokenIsReplacedOnce) {
    ask();
    answer(200, "OLD");
    answer(401, "");
    EXPECT_EQ(sent().method, "PUT");
    answer(200, "NEW");
    EXPECT_EQ(sent_token(), "NEW");
    answer(401, "");
    EXPECT_TRUE(http_.requests.empty());
    CredentialsAnswer failed = ask();
    EXPECT_EQ(failed.state, State::failed);
    EXPECT_NE(failed.error.find("401"), std::string::npos);
}

TEST_F(InstanceProviderTest, WithoutTokensItIsNotBelieved) {
    for (int status : {400, 403, 404, 405, 500}) {
        provider_.reset();
        ask();
        answer(status, "");
        EXPECT_TRUE(http_.requests.empty()) << status;
        CredentialsAnswer absent = ask();
        EXPECT_EQ(absent.state, State::absent);
        EXPECT_NE(absent.error.find("gives no session token"), std::string::npos);
    }
}

TEST_F(InstanceProviderTest, Version1IsForThoseWhoAllowIt) {
    variables_["AWS_EC2_METADATA_V1_DISABLED"] = "false";
    for (int status : {403, 404, 405, 0}) {
        provider_.reset();
        ask();
        status == 0 ? fail() : answer(status, "");
        ASSERT_EQ(http_.requests.size(), 1u) << status;
        EXPECT_EQ(sent().url, list_url);
        EXPECT_EQ(sent_token(), "");
        answer(404, "");
    }
    provider_.reset();
    ask();
    answer(400, "");
    EXPECT_TRUE(http_.requests.empty()) << "a malformed request is not an old service";
}

TEST_F(InstanceProviderTest, IsAbsentWhereThereIsNoInstanceOrNoRole) {
    ask();
    fail();
    CredentialsAnswer nobody = ask();
    EXPECT_EQ(nobody.state, State::absent);
    EXPECT_EQ(nobody.error,
              "instance metadata \"http://169.254.169.254\": connection refused (a container "
              "needs a hop limit of 2 to reach instance metadata)");

    provider_.reset();
    ask();
    answer(200, "TOKEN");
    answer(404, "");
    EXPECT_EQ(ask().state, State::absent);
    EXPECT_NE(ask().error.find("has no role"), std::string::npos);
}

TEST_F(InstanceProviderTest, ASetThatSaysItIsNoneFails) {
    ask();
    answer(200, "TOKEN");
    answer(200, "r");
    answer(200, R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume"})");
    CredentialsAnswer failed = ask();
    EXPECT_EQ(failed.state, State::failed);
    EXPECT_NE(failed.error.find("AssumeRoleUnauthorizedAccess: EC2 cannot assume"),
              std::string::npos);
}

TEST_F(InstanceProviderTest, ARoleIsNoPath) {
    ask();
    answer(200, "TOKEN");
    answer(200, "../../user-data");
    EXPECT_TRUE(http_.requests.empty());
    EXPECT_EQ(ask().state, State::absent);
}

TEST_F(InstanceProviderTest, GoesWhereItIsTold) {
    variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = "IPv6";
    ask();
    EXPECT_EQ(sent().url, "http://[fd00:ec2::254]/latest/api/token");

    variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1338/";
    variables_["AWS_METADATA_SERVICE_TIMEOUT"] = "3";
    provider_.reset();
    http_.requests.clear();
    ask();
    EXPECT_EQ(sent().url, "http://127.0.0.1:1338/latest/api/token");
    EXPECT_EQ(sent().connect_timeout_ms, 3'000);
    EXPECT_EQ(sent().total_timeout_ms, 3'000);
}

TEST_F(InstanceProviderTest, TriesAsOftenAsItIsTold) {
    variables_["AWS_METADATA_SERVICE_NUM_ATTEMPTS"] = "2";
    ask();
    fail();
    EXPECT_EQ(http_.requests.size(), 1u);
    EXPECT_EQ(ask().state, State::pending);
    answer(503, "");
    EXPECT_TRUE(http_.requests.empty());
    EXPECT_EQ(ask().state, State::absent);
}

TEST_F(InstanceProviderTest, RefusesSettingsItCannotRead) {
    const std::pair<const char*, const char*> cases[] = {
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "somewhere"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1/latest"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5"},
        {"AWS_METADATA_SERVICE_TIMEOUT", "0"},
        {"AWS_METADATA_SERVICE_TIMEOUT", "1s"},
        {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "11"},
    };
    for (const auto& [variable, value] : cases) {
        variables_ = {{variable, value}};
        provider_.reset();
        CredentialsAnswer failed = ask();
        EXPECT_EQ(failed.state, State::failed) << value;
        EXPECT_EQ(failed.error.find(variable), 0u) << failed.error;
        EXPECT_TRUE(http_.requests.empty());
    }
}

TEST_F(InstanceProviderTest, CanBeSwitchedOff) {
    variables_["AWS_EC2_METADATA_DISABLED"] = "TRUE";
    EXPECT_EQ(ask().state, State::absent);
    EXPECT_TRUE(http_.requests.empty());
}

TEST_F(InstanceProviderTest, OutlivesAnOutageOfTheService) {
    ask();
    answer(200, "TOKEN");
    answer(200, "r");
    answer(200, instance_document);
    clock_.advance_ms(2 * 3'600'000);
    EXPECT_EQ(ask().state, State::pending);
    answer(500, "");
    EXPECT_EQ(ask().state, State::ready);
}

}  // namespace
}  // namespace momento::aws
