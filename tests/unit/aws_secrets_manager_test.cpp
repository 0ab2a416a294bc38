#include "aws/secrets_manager.h"

#include <gtest/gtest.h>

#include <optional>

#include "fakes.h"

namespace momento::aws {
namespace {

using fakes::PlayedCredentials;
using SecretState = SecretVersion::State;

class SecretsManagerTest : public testing::Test {
  protected:
    SecretsManagerTest() {
        credentials_.answer = PlayedCredentials::ready("AKID");
        ServiceSettings settings;
        settings.user = "secrets";
        settings.endpoint.url = *parse_url("https://secretsmanager.eu-west-1.amazonaws.com");
        settings.endpoint.signing_region = "eu-west-1";
        settings.endpoint.signing_name = "secretsmanager";
        settings.content_type = secrets_manager_content_type;
        client_ = std::make_unique<ServiceClient>(
            settings, std::make_shared<PlayedCredentials::Provider>(credentials_),
            ServiceTools{&clock_, &lines_, &http_});
    }

    void ask(SecretStage stage = SecretStage::current) {
        version_.reset();
        get_secret_value(*client_, "hooks", stage, [this](SecretVersion version) {
            version_.emplace(std::move(version));
        });
    }
    void answer(int status, const std::string& body) {
        http_.answer(status, body);
        http_.run(0);
        ASSERT_TRUE(version_);
    }

    fakes::PlayedClock clock_;
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    PlayedCredentials credentials_;
    std::unique_ptr<ServiceClient> client_;
    std::optional<SecretVersion> version_;
};

TEST_F(SecretsManagerTest, AsksForAStage) {
    ask();
    const HttpRequest& request = http_.requests.front().request;
    EXPECT_EQ(request.body, R"({"SecretId":"hooks","VersionStage":"AWSCURRENT"})");
    EXPECT_EQ(request.headers.at(0).second, "application/x-amz-json-1.1");
    EXPECT_EQ(request.headers.at(1).second, "secretsmanager.GetSecretValue");
    answer(200, R"({"ARN":"a","Name":"hooks","VersionId":"v1","SecretString":"s",)"
                R"("VersionStages":["AWSCURRENT"],"CreatedDate":1700000000.123})");
    EXPECT_EQ(version_->state, SecretState::found);
    EXPECT_EQ(version_->content, "s");
    EXPECT_EQ(version_->id, "v1");
    EXPECT_EQ(version_->created_ms, 1'700'000'000'123);

    ask(SecretStage::previous);
    EXPECT_NE(http_.requests.front().request.body.find("AWSPREVIOUS"), std::string::npos);
}

TEST_F(SecretsManagerTest, DecodesBinarySecrets) {
    const std::pair<const char*, std::string> cases[] = {
        {"AAE=", std::string("\0\1", 2)}, {"c2VjcmV0", "secret"}, {"cw==", "s"}};
    for (const auto& [encoded, expected] : cases) {
        ask();
        answer(200, R"({"VersionId":"v","SecretBinary":")" + std::string(encoded) + "\"}");
        EXPECT_EQ(version_->content, expected);
    }
    ask();
    answer(200, R"({"VersionId":"v","SecretBinary":"c2V*"})");
    EXPECT_EQ(version_->state, SecretState::failed);
}

TEST_F(SecretsManagerTest, AStageWithoutAVersionIsMissing) {
    ask(SecretStage::previous);
    answer(400, R"({"__type":"ResourceNotFoundException","Message":"can't find"})");
    EXPECT_EQ(version_->state, SecretState::missing);
    EXPECT_NE(version_->error.find("AWSPREVIOUS"), std::string::npos);
}

TEST_F(SecretsManagerTest, SaysWhyItFailedWithoutTheSecret) {
    ask();
    answer(400, R"({"__type":"AccessDeniedException","Message":"not authorized"})");
    EXPECT_EQ(version_->state, SecretState::failed);
    EXPECT_EQ(version_->error,
              "secret \"hooks\" cannot be fetched: Secrets Manager answers 400, "
              "AccessDeniedException: not authorized");
    for (const char* body :
         {"", "[]", R"({"SecretString":"hunter2"})", R"({"VersionId":"v"})"}) {
        ask();
        answer(200, body);
        EXPECT_EQ(version_->state, SecretState::failed) << body;
        EXPECT_EQ(version_->error.find("hunter2"), std::string::npos);
    }
}

TEST_F(SecretsManagerTest, WithoutCredentialsNothingIsAsked) {
    credentials_.answer = {CredentialsAnswer::State::failed, nullptr, "no profile"};
    ask();
    client_->step();
    ASSERT_TRUE(version_);
    EXPECT_EQ(version_->error,
              "secret \"hooks\" cannot be fetched: no credentials: no profile");
}

}  // namespace
}  // namespace momento::aws
