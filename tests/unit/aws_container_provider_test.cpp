#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "aws/providers.h"
#include "aws_environment.h"
#include "fakes.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr char relative_uri[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr char full_uri[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr char token_variable[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
constexpr char token_file_variable[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
constexpr char document[] =
    R"({"AccessKeyId":"id","SecretAccessKey":"hunter2","Token":"t",)"
    R"("Expiration":"2023-11-14T23:13:20Z","RoleArn":"arn:aws:iam::1:role/x"})";

class ContainerProviderTest : public testing::Test {
  protected:
    CredentialsAnswer ask() {
        if (!provider_) {
            provider_ = make_container_provider(
                environment(variables_), {&clock_, &random_, &http_, &lines_, "someone"});
        }
        return provider_->get();
    }
    CredentialsAnswer ask_anew() {
        provider_.reset();
        http_.requests.clear();
        return ask();
    }
    const HttpRequest& sent() { return http_.requests.at(0).request; }

    std::string sent_header(const std::string& name) {
        for (const auto& [key, value] : sent().headers) {
            if (key == name) return value;
        }
        return {};
    }

    void answer(int status, const std::string& body) {
        http_.answer(status, body);
        http_.run(0);
    }

    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_;
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    std::map<std::string, std::string> variables_;
    ProviderPtr provider_;
};

TEST_F(ContainerProviderTest, IsAbsentWithoutAUri) {
    EXPECT_EQ(ask().state, State::absent);
    EXPECT_TRUE(http_.requests.empty());
}

TEST_F(ContainerProviderTest, FetchesFromEcs) {
    variables_[relative_uri] = "/v2/credentials/x?y=z";
    variables_[full_uri] = "https://ignored/";
    EXPECT_EQ(ask().state, State::pending);
    EXPECT_EQ(sent().method, "GET");
    EXPECT_EQ(sent().url, "http://169.254.170.2/v2/credentials/x?y=z");
    EXPECT_EQ(sent().proxy, "");
    EXPECT_EQ(sent_header("Authorization"), "");
    answer(200, document);
    CredentialsAnswer answer = ask();
    ASSERT_EQ(answer.state, State::ready);
    EXPECT_EQ(answer.credentials->access_key_id, "id");
    EXPECT_EQ(answer.credentials->secret_access_key, "hunter2");
    EXPECT_EQ(answer.credentials->session_token, "t");
    EXPECT_EQ(answer.credentials->expires_ms, 1'700'003'600'000);
}

TEST_F(ContainerProviderTest, PlainHttpGoesToTrustedHostsOnly) {
    for (const char* url :
         {"http://127.0.0.1:8080/c", "http://127.9.9.9/", "http://[::1]/", "http://localhost/",
          "http://169.254.170.2/", "http://169.254.170.23/v1/credentials",
          "http://[fd00:ec2::23]/v1/credentials", "https://example.com/c"}) {
        variables_[full_uri] = url;
        EXPECT_EQ(ask_anew().state, State::pending) << url;
    }
    for (const char* url :
         {"http://example.com/c", "http://169.254.169.254/", "http://127.0.0.1.example.com/",
          "http://128.0.0.1/", "http://[::2]/", "ftp://127.0.0.1/", "127.0.0.1"}) {
        variables_[full_uri] = url;
        CredentialsAnswer answer = ask_anew();
        EXPECT_EQ(answer.state, State::failed) << url;
        EXPECT_EQ(answer.error.find(full_uri), 0u) << answer.error;
        EXPECT_TRUE(http_.requests.empty());
    }
}

TEST_F(ContainerProviderTest, ARelativeUriCannotNameAHost) {
    variables_[relative_uri] = "@evil.example/";
    EXPECT_EQ(ask().state, State::failed);
}

TEST_F(ContainerProviderTest, SendsTheToken) {
    variables_[full_uri] = "http://127.0.0.1/";
    variables_[token_variable] = "Basic abc";
    ask();
    EXPECT_EQ(sent_header("Authorization"), "Basic abc");

    variables_[token_variable] = "a\nHost: evil";
    CredentialsAnswer answer = ask_anew();
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_EQ(answer.error.find("evil"), std::string::npos);
}

TEST_F(ContainerProviderTest, TheTokensFileGoesFirstAndIsReadForEverySet) {
    const std::string path = testing::TempDir() + "momento_container_token";
    std::ofstream(path) << "first\n";
    variables_[full_uri] = "http://169.254.170.23/v1/credentials";
    variables_[token_variable] = "not this";
    variables_[token_file_variable] = path;
    ask();
    EXPECT_EQ(sent_header("Authorization"), "first");
    answer(200, document);
    ask();

    std::ofstream(path) << "second";
    clock_.advance_ms(50 * 60'000);
    ask();
    EXPECT_EQ(sent_header("Authorization"), "second");
    answer(200, document);

    std::remove(path.c_str());
    CredentialsAnswer gone = ask_anew();
    EXPECT_EQ(gone.state, State::failed);
    EXPECT_NE(gone.error.find(path), std::string::npos);
}

TEST_F(ContainerProviderTest, SaysWhatIsWrongWithoutQuotingSecrets) {
    const std::pair<int, std::string> answers[] = {
        {400, R"({"code":"NoIdInRequest","message":"no id"})"},
        {200, "no json"},
        {200, R"({"AccessKeyId":"id"})"},
        {200, R"({"AccessKeyId":"id","SecretAccessKey":"hunter2","Expiration":"soon"})"},
    };
    variables_[full_uri] = "http://127.0.0.1:99/secret-path";
    for (const auto& [status, body] : answers) {
        ask_anew();
        answer(status, body);
        CredentialsAnswer failed = ask();
        EXPECT_EQ(failed.state, State::failed) << body;
        EXPECT_EQ(failed.error.find("container credentials of \"http://127.0.0.1:99\": "), 0u)
            << failed.error;
        EXPECT_EQ(failed.error.find("hunter2"), std::string::npos);
    }
    ask_anew();
    answer(400, answers[0].second);
    EXPECT_NE(ask().error.find("it answers 400, NoIdInRequest: no id"), std::string::npos);
    ask_anew();
    http_.fail(HttpFailure::Stage::before_send);
    http_.run(0);
    EXPECT_NE(ask().error.find("connection refused"), std::string::npos);
}

TEST_F(ContainerProviderTest, DropsBlanksAroundTheValuesAndSaysSoOnce) {
    variables_[relative_uri] = "/x";
    variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "token\n";
    for (int i = 0; i < 2; ++i) {
        ask();
        EXPECT_EQ(sent_header("Authorization"), "token");
        answer(200, R"({"AccessKeyId":" id","SecretAccessKey":"s\n","Token":"t\r\n"})");
        const CredentialsAnswer answer = ask();
        ASSERT_EQ(answer.state, State::ready);
        EXPECT_EQ(answer.credentials->access_key_id, "id");
        EXPECT_EQ(answer.credentials->secret_access_key, "s");
        EXPECT_EQ(answer.credentials->session_token, "t");
        provider_->invalidate();
    }
    EXPECT_EQ(lines_.count("someone: credentials of kind \"container\" have blanks"), 1u);
}

TEST_F(ContainerProviderTest, FailsOnAControlCharacterWithin) {
    variables_[relative_uri] = "/x";
    ask();
    answer(200, R"({"AccessKeyId":"id","SecretAccessKey":"s\ns","Token":"t"})");
    EXPECT_EQ(ask().state, State::failed);
    EXPECT_NE(ask().error.find("the secret access key holds a control character"),
              std::string::npos);
}

}  // namespace
}  // namespace momento::aws
