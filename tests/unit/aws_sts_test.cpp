#include "aws/sts.h"

#include <gtest/gtest.h>

#include "fakes.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr auto with_key = StsOperation::assume_role;
constexpr auto with_token = StsOperation::assume_role_with_web_identity;

// The example of "AssumeRole", AWS STS API Reference.
constexpr char example_answer[] =
    R"(<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/demo/TestAR</Arn>
      <AssumedRoleId>ARO123EXAMPLE123:TestAR</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
      <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>
      <SessionToken>
       AQoDYXdzEPT//////////wEXAMPLE&amp;tc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW==
      </SessionToken>
      <Expiration>2019-11-09T13:34:41Z</Expiration>
    </Credentials>
    <PackedPolicySize>6</PackedPolicySize>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>)";

class StsTest : public testing::Test {
  protected:
    StsTest() {
        settings_.url = *parse_url("https://sts.eu-west-1.amazonaws.com");
        settings_.signing_region = "eu-west-1";
        settings_.signing_name = "sts";
        settings_.proxy = "http://proxy:3128";
        settings_.trusted_certificate = "/etc/ca.pem";
        role_.arn = "arn:aws:iam::123456789012:role/demo";
    }

    StsAnswer read(int status, const std::string& body, StsOperation operation = with_key) {
        HttpResult http;
        http.response.status = status;
        http.response.body = body;
        return read_sts_answer(operation, role_, http);
    }

    static std::string header(const HttpRequest& request, const std::string& name) {
        for (const auto& [key, value] : request.headers) {
            if (key == name) return value;
        }
        return {};
    }

    Endpoint settings_;
    Role role_;
};

TEST_F(StsTest, AsksForARoleWithASignature) {
    role_.external_id = "a/b c";
    role_.duration_seconds = 900;
    HttpRequest request = assume_role_request(
        settings_, role_, *fakes::PlayedCredentials::ready("AKID").credentials,
        1'700'000'000'000);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, "https://sts.eu-west-1.amazonaws.com/");
    EXPECT_EQ(request.proxy, "http://proxy:3128");
    EXPECT_EQ(request.trusted_certificate, "/etc/ca.pem");
    EXPECT_EQ(request.body,
              "Action=AssumeRole&Version=2011-06-15"
              "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdemo"
              "&RoleSessionName=momento-webhook&DurationSeconds=900&ExternalId=a%2Fb%20c");
    EXPECT_EQ(header(request, "Content-Type"), "application/x-www-form-urlencoded");
    EXPECT_NE(header(request, "Authorization").find("AKID/20231114/eu-west-1/sts/"),
              std::string::npos);
}

TEST_F(StsTest, AsksWithATokenWithoutASignature) {
    role_.session_name = "edge-1";
    HttpRequest request = web_identity_request(settings_, role_, "ey.J+/=");
    EXPECT_EQ(request.body,
              "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
              "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdemo"
              "&RoleSessionName=edge-1&WebIdentityToken=ey.J%2B%2F%3D");
    EXPECT_EQ(header(request, "Authorization"), "");
}

TEST_F(StsTest, ReadsAWholeSet) {
    StsAnswer answer = read(200, example_answer);
    ASSERT_EQ(answer.answer.state, State::ready);
    const Credentials& credentials = *answer.answer.credentials;
    EXPECT_EQ(credentials.access_key_id, "ASIAIOSFODNN7EXAMPLE");
    EXPECT_EQ(credentials.secret_access_key, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY");
    EXPECT_EQ(credentials.session_token,
              "AQoDYXdzEPT//////////wEXAMPLE&tc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW==");
    EXPECT_EQ(credentials.expires_ms, 1'573'306'481'000);
}

TEST_F(StsTest, ReadsWebIdentitysOwnElements) {
    std::string body = example_answer;
    for (size_t at = 0; (at = body.find("AssumeRole", at)) != body.npos; at += 10) {
        body.insert(at + 10, "WithWebIdentity");
    }
    EXPECT_EQ(read(200, body, with_token).answer.state, State::ready);
    EXPECT_EQ(read(200, body, with_key).answer.state, State::failed);
}

TEST_F(StsTest, RefusesASetThatIsNotWhole) {
    for (const char* leaf : {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}) {
        std::string body = example_answer;
        size_t begin = body.find(std::string("<") + leaf + ">");
        size_t end = body.find(std::string("</") + leaf + ">");
        body.erase(begin, end + std::string(leaf).size() + 3 - begin);
        StsAnswer answer = read(200, body);
        EXPECT_EQ(answer.answer.state, State::failed);
        EXPECT_NE(answer.answer.error.find("no whole set"), std::string::npos);
        EXPECT_EQ(answer.answer.error.find("wJalr"), std::string::npos);
    }
    EXPECT_EQ(read(200, "").answer.state, State::failed);
    EXPECT_EQ(read(200, "{}").answer.state, State::failed);
}

TEST_F(StsTest, SaysWhyStsRefuses) {
    StsAnswer answer = read(403,
                            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
                            "<Message>not authorized to perform sts:AssumeRole</Message>"
                            "</Error></ErrorResponse>");
    EXPECT_EQ(answer.answer.error,
              "role \"arn:aws:iam::123456789012:role/demo\" cannot be assumed: STS answers "
              "403, AccessDenied: not authorized to perform sts:AssumeRole");
    EXPECT_FALSE(answer.refused_identity);
}

TEST_F(StsTest, ARefusedSignatureIsTheAskersAndIsNotQuoted) {
    for (const char* code : {"ExpiredToken", "SignatureDoesNotMatch", "InvalidClientTokenId"}) {
        StsAnswer answer = read(403, "<ErrorResponse><Error><Code>" + std::string(code) +
                                         "</Code><Message>x-amz-security-token:secret"
                                         "</Message></Error></ErrorResponse>");
        EXPECT_TRUE(answer.refused_identity);
        EXPECT_NE(answer.answer.error.find(code), std::string::npos);
        EXPECT_EQ(answer.answer.error.find("x-amz"), std::string::npos);
    }
}

TEST_F(StsTest, ANetworkFailureNamesTheReason) {
    HttpResult http;
    http.failed = true;
    http.failure.text = "connection refused";
    StsAnswer answer = read_sts_answer(with_key, role_, http);
    EXPECT_EQ(answer.answer.state, State::failed);
    EXPECT_NE(answer.answer.error.find("connection refused"), std::string::npos);
    EXPECT_FALSE(answer.refused_identity);
}

TEST_F(StsTest, ChecksARole) {
    EXPECT_TRUE(check_role(role_));
    role_.arn = "arn:aws-us-gov:iam::123456789012:role/team/demo";
    EXPECT_TRUE(check_role(role_));

    for (const char* arn : {"", "demo", "arn:aws:iam::123456789012:user/demo",
                            "arn:aws:iam::123456789012:role/de mo"}) {
        Role role = role_;
        role.arn = arn;
        EXPECT_FALSE(check_role(role)) << arn;
    }
    for (const char* name : {"", "x", "with blank"}) {
        Role role = role_;
        role.session_name = name;
        EXPECT_FALSE(check_role(role)) << name;
    }
    for (int64_t seconds : {1, 899, 43'201}) {
        Role role = role_;
        role.duration_seconds = seconds;
        EXPECT_FALSE(check_role(role)) << seconds;
    }
    role_.external_id = "with blank";
    EXPECT_FALSE(check_role(role_));
}

}  // namespace
}  // namespace momento::aws
