#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

#include "aws/configuration.h"
#include "aws/providers.h"
#include "aws_environment.h"
#include "fakes.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

class ProfileProviderTest : public testing::Test {
  protected:
    ProfileProviderTest() {
        std::string pattern = testing::TempDir() + "momento_provider_XXXXXX";
        directory_ = mkdtemp(pattern.data());
        variables_["AWS_SHARED_CREDENTIALS_FILE"] = directory_ + "/credentials";
        variables_["AWS_CONFIG_FILE"] = directory_ + "/config";
    }
    ~ProfileProviderTest() override {
        for (const char* name : {"/credentials", "/config", ""}) {
            std::remove((directory_ + name).c_str());
        }
    }

    void write(const std::string& name, const std::string& text) {
        std::ofstream(directory_ + "/" + name) << text;
    }

    std::unique_ptr<CredentialsProvider> provider(const std::string& profile = "") {
        Endpoint sts;
        sts.url = *parse_url("https://sts.eu-west-1.amazonaws.com");
        sts.signing_region = "eu-west-1";
        sts.signing_name = "sts";
        ProviderTools tools{&clock_, &random_, &http_, &lines_, "destination \"bus\""};
        tools.errands = errands_;
        tools.server_clock = std::make_shared<ServerClock>(clock_, lines_, tools.user);
        return make_profile_provider(env_ ? *env_ : environment(variables_), profile, sts,
                                     tools);
    }

    CredentialsAnswer ask(const std::string& profile = "") { return provider(profile)->get(); }

    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_;
    fakes::PlayedHttp http_;
    fakes::KeptLines lines_;
    std::map<std::string, std::string> variables_;
    std::optional<EnvironmentSnapshot> env_;  // instead of `variables_`
    std::string directory_;
    Errands* errands_ = nullptr;  // in place
};

constexpr char keys[] = "aws_access_key_id = id\naws_secret_access_key = hunter2\n";

TEST_F(ProfileProviderTest, GivesAProfilesKeys) {
    write("credentials", "[default]\n" + std::string(keys) + "aws_session_token = token\n");
    CredentialsAnswer answer = ask();
    ASSERT_EQ(answer.state, State::ready);
    EXPECT_EQ(answer.credentials->access_key_id, "id");
    EXPECT_EQ(answer.credentials->secret_access_key, "hunter2");
    EXPECT_EQ(answer.credentials->session_token, "token");
}

TEST_F(ProfileProviderTest, GivesKeysOfAConfigFileToo) {
    write("config", "[profile a]\n" + std::string(keys));
    EXPECT_EQ(ask("a").state, State::ready);
}

TEST_F(ProfileProviderTest, MixesNoSetsOfTwoFiles) {
    write("credentials", "[default]\n" + std::string(keys));
    write("config",
          "[default]\naws_access_key_id = other\naws_secret_access_key = other\n"
          "aws_session_token = other\n");
    CredentialsAnswer answer = ask();
    ASSERT_EQ(answer.state, State::ready);
    EXPECT_EQ(answer.credentials->access_key_id, "id");
    EXPECT_EQ(answer.credentials->session_token, "");
}

TEST_F(ProfileProviderTest, IsAbsentWithoutFilesOrKeysAndSaysWhereItLooked) {
    const std::string credentials = '"' + directory_ + "/credentials\"";
    const std::string config = '"' + directory_ + "/config\"";
    auto absent = [&](const std::string& why) {
        const CredentialsAnswer answer = ask();
        EXPECT_EQ(answer.state, State::absent);
        EXPECT_EQ(answer.error, why);
    };
    absent(credentials + " is not there, " + config + " is not there");
    write("config", "[profile other]\n");
    absent(credentials + " is not there, " + config + " has no profile \"default\"");
    write("config", "[default]\nregion = eu-west-1\n");
    absent("profile \"default\" has no \"aws_access_key_id\"");
    variables_ = {{"HOME", directory_ + "/home"}};
    absent('"' + directory_ + "/home/.aws/credentials\" is not there, \"" + directory_ +
           "/home/.aws/config\" is not there");
    variables_.clear();
    absent("HOME is not set");
}

TEST_F(ProfileProviderTest, FailsWhenANamedProfileIsMissing) {
    write("credentials", "[default]\n" + std::string(keys));
    CredentialsAnswer answer = ask("prod");
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_EQ(answer.error, "profile \"prod\" is not found (\"" + directory_ +
                                "/credentials\" has no profile \"prod\", \"" + directory_ +
                                "/config\" is not there): add it, and let the worker's user "
                                "read the file");
    variables_["AWS_PROFILE"] = "prod";
    EXPECT_EQ(ask().state, State::failed);
}

TEST_F(ProfileProviderTest, ANamedProfileWithoutKeysFailsOnlyWhereNobodyElseIsAsked) {
    write("config", "[profile prod]\nregion = eu-west-1\n");
    EXPECT_EQ(ask("prod").state, State::failed);
    variables_["AWS_PROFILE"] = "prod";
    EXPECT_EQ(ask().state, State::absent);
}

TEST_F(ProfileProviderTest, FailsOnHalfASet) {
    write("credentials", "[default]\naws_access_key_id = id\n");
    CredentialsAnswer answer = ask();
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_NE(answer.error.find("without \"aws_secret_access_key\""), std::string::npos);
}

TEST_F(ProfileProviderTest, FailsOnWhatIsNotSupportedAndSaysSo) {
    for (const char* setting : {"credential_process", "sso_session"}) {
        write("config", "[default]\n" + std::string(setting) + " = x\n");
        CredentialsAnswer answer = ask();
        EXPECT_EQ(answer.state, State::failed);
        EXPECT_NE(answer.error.find("\"" + std::string(setting) + "\""), std::string::npos);
        EXPECT_NE(answer.error.find("not supported"), std::string::npos);
    }
}

// The role of `profile`, assumed with the answer to the request that is on its way.
constexpr char assumed[] =
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>assumed</AccessKeyId>"
    "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    "<Expiration>2023-11-14T23:13:20Z</Expiration></Credentials></AssumeRoleResult>"
    "</AssumeRoleResponse>";
constexpr char role[] = "role_arn = arn:aws:iam::123456789012:role/demo\n";

TEST_F(ProfileProviderTest, AssumesARoleWithItsSourcesKeys) {
    write("credentials", "[base]\n" + std::string(keys));
    write("config",
          "[default]\nsource_profile = base\nexternal_id = x1\nduration_seconds = "
          "900\nrole_session_name = edge\n" +
              std::string(role) + keys);
    auto provider = this->provider();
    EXPECT_EQ(provider->get().state, State::pending);
    ASSERT_EQ(http_.requests.size(), 1u);
    const HttpRequest& request = http_.requests.front().request;
    EXPECT_NE(request.body.find("Action=AssumeRole&"), std::string::npos);
    EXPECT_NE(request.body.find("RoleSessionName=edge&DurationSeconds=900&ExternalId=x1"),
              std::string::npos);
    http_.answer(200, assumed);
    http_.run(0);
    CredentialsAnswer answer = provider->get();
    ASSERT_EQ(answer.state, State::ready);
    EXPECT_EQ(answer.credentials->access_key_id, "assumed");
    EXPECT_EQ(answer.credentials->session_token, "t");
}

TEST_F(ProfileProviderTest, AProfileMayBeItsOwnSourceIfItHasKeys) {
    write("config", "[default]\nsource_profile = default\n" + std::string(role) + keys);
    EXPECT_EQ(ask().state, State::pending);
    ASSERT_EQ(http_.requests.size(), 1u);
}

TEST_F(ProfileProviderTest, RolesAreAssumedInAChain) {
    write("config", "[profile a]\nsource_profile = b\n" + std::string(role) +
                        "[profile b]\nsource_profile = c\n" + role + "[profile c]\n" + keys);
    auto provider = this->provider("a");
    for (int hop = 0; hop < 2; ++hop) {
        EXPECT_EQ(provider->get().state, State::pending);
        ASSERT_EQ(http_.requests.size(), 1u) << hop;
        http_.answer(200, assumed);
        http_.run(0);
    }
    EXPECT_EQ(provider->get().state, State::ready);
}

TEST_F(ProfileProviderTest, ALoopOfRolesIsRefused) {
    write("config", "[profile a]\nsource_profile = b\n" + std::string(role) +
                        "[profile b]\nsource_profile = a\n" + role);
    CredentialsAnswer answer = ask("a");
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_NE(answer.error.find("in a loop: \"a\", \"b\", \"a\""), std::string::npos);
}

TEST_F(ProfileProviderTest, TheSourceMayBeTheEnvironment) {
    variables_["AWS_ACCESS_KEY_ID"] = "AKIDENV";
    variables_["AWS_SECRET_ACCESS_KEY"] = "s";
    write("config", "[default]\ncredential_source = Environment\n" + std::string(role));
    ask();
    ASSERT_EQ(http_.requests.size(), 1u);
    bool used = false;
    for (const auto& header : http_.requests.front().request.headers) {
        used = used || header.second.find("AKIDENV/") != std::string::npos;
    }
    EXPECT_TRUE(used);
}

TEST_F(ProfileProviderTest, TheSourceMayBeATokenFile) {
    write("credentials", "the.token");
    variables_["AWS_SHARED_CREDENTIALS_FILE"] = directory_ + "/none";
    write("config",
          "[default]\nweb_identity_token_file = " + directory_ + "/credentials\n" + role);
    ask();
    ASSERT_EQ(http_.requests.size(), 1u);
    EXPECT_NE(http_.requests.front().request.body.find("WebIdentityToken=the.token"),
              std::string::npos);
}

TEST_F(ProfileProviderTest, ARoleThatCannotWorkFailsAndSaysWhy) {
    const std::pair<std::string, std::string> cases[] = {
        {role, "exactly one of"},
        {std::string(role) + "source_profile = a\ncredential_source = Environment\n",
         "exactly one of"},
        {std::string(role) + "source_profile = a\n", "\"a\", the source of \"default\""},
        {std::string(role) + "credential_source = Elsewhere\n", "\"Elsewhere\""},
        {std::string(role) + "source_profile = a\nmfa_serial = x\n", "mfa_serial"},
        {std::string(role) + "source_profile = a\nduration_seconds = long\n", "not a number"},
        {"role_arn = demo\nsource_profile = a\n", "is not a role"},
        {std::string(role) + "credential_source = Environment\n",
         "its source \"environment\" has no credentials"},
    };
    for (const auto& [settings, expected] : cases) {
        write("config", "[default]\n" + settings);
        CredentialsAnswer answer = ask();
        EXPECT_EQ(answer.state, State::failed) << settings;
        EXPECT_NE(answer.error.find(expected), std::string::npos) << answer.error;
    }
}

TEST_F(ProfileProviderTest, KeysThatStsRefusesAreReadAgain) {
    write("credentials", "[base]\n" + std::string(keys));
    write("config", "[default]\nsource_profile = base\n" + std::string(role));
    auto provider = this->provider();
    provider->get();
    http_.answer(403,
                 "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error>"
                 "</ErrorResponse>");
    http_.run(0);
    EXPECT_EQ(provider->get().state, State::failed);
    write("credentials", "[base]\naws_access_key_id = new\naws_secret_access_key = longer\n");
    clock_.advance_ms(1'000);
    EXPECT_EQ(provider->get().state, State::pending);
    EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(ProfileProviderTest, ARefusedRoleIsAssumedAgain) {
    write("config", "[default]\nsource_profile = default\n" + std::string(role) + keys);
    auto provider = this->provider();
    provider->get();
    http_.answer(200, assumed);
    http_.run(0);
    provider->invalidate();
    EXPECT_EQ(provider->get().state, State::pending);
    EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(ProfileProviderTest, ABrokenFileFailsWithoutItsContent) {
    write("credentials", "[default]\naws_secret_access_key hunter2\n");
    CredentialsAnswer answer = ask();
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_EQ(
        answer.error,
        "\"" + directory_ +
            "/credentials\", line 2: a setting has no \"=\": correct profile \"default\"");
}

TEST_F(ProfileProviderTest, AnOddLineElsewhereHindersNobody) {
    write("credentials", "[default]\n" + std::string(keys) + "[other]\nodd\n[other]\n");
    EXPECT_EQ(ask().state, State::ready);
    EXPECT_EQ(ask("other").state, State::failed);
}

TEST_F(ProfileProviderTest, AFileThatIsClosedToThisUserIsToldOf) {
    if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
    variables_ = {{"HOME", directory_}};
    mkdir((directory_ + "/.aws").c_str(), 0700);
    write(".aws/credentials", "[default]\n" + std::string(keys));
    env_ = read_configuration(environment(variables_), {})->environment;
    chmod((directory_ + "/.aws").c_str(), 0);
    const CredentialsAnswer answer = ask();
    chmod((directory_ + "/.aws").c_str(), 0700);
    std::remove((directory_ + "/.aws/credentials").c_str());
    std::remove((directory_ + "/.aws").c_str());
    EXPECT_EQ(answer.state, State::absent);
    EXPECT_NE(
        answer.error.find("/.aws/credentials\" is there, but closed to the workers' user"),
        std::string::npos)
        << answer.error;
}

TEST_F(ProfileProviderTest, LooksForChangesOnceASecond) {
    write("credentials", "[default]\n" + std::string(keys));
    auto provider = this->provider();
    ASSERT_EQ(provider->get().state, State::ready);

    write("credentials",
          "[default]\naws_access_key_id = new\naws_secret_access_key = longer\n");
    clock_.advance_ms(999);
    EXPECT_EQ(provider->get().credentials->access_key_id, "id");
    clock_.advance_ms(1);
    EXPECT_EQ(provider->get().credentials->access_key_id, "new");
}

TEST_F(ProfileProviderTest, SeesAFileThatWasReplacedByOneOfTheSameSize) {
    write("credentials", "[default]\n" + std::string(keys));
    auto provider = this->provider();
    ASSERT_EQ(provider->get().state, State::ready);

    std::string same_size = "[default]\n" + std::string(keys);
    same_size.replace(same_size.find("= id"), 4, "= di");
    write("config", same_size);
    std::rename((directory_ + "/config").c_str(), (directory_ + "/credentials").c_str());
    clock_.advance_ms(1'000);
    EXPECT_EQ(provider->get().credentials->access_key_id, "di");
}

TEST_F(ProfileProviderTest, SeesFilesComeAndGo) {
    auto provider = this->provider();
    EXPECT_EQ(provider->get().state, State::absent);
    write("config", "[default]\n" + std::string(keys));
    clock_.advance_ms(1'000);
    EXPECT_EQ(provider->get().state, State::ready);
    std::remove((directory_ + "/config").c_str());
    clock_.advance_ms(1'000);
    EXPECT_EQ(provider->get().state, State::absent);
}

TEST_F(ProfileProviderTest, ReadsAtOnceWhenTheServiceCallsItsKeysWrong) {
    write("credentials", "[default]\n" + std::string(keys));
    auto provider = this->provider();
    ASSERT_EQ(provider->get().state, State::ready);
    write("credentials",
          "[default]\naws_access_key_id = new\naws_secret_access_key = longer\n");
    provider->invalidate();
    EXPECT_EQ(provider->get().credentials->access_key_id, "new");
}

TEST_F(ProfileProviderTest, AComplaintOfStsAboutTheTimeCorrectsTheNextSignature) {
    write("credentials", "[base]\n" + std::string(keys));
    write("config", "[default]\nsource_profile = base\n" + std::string(role));
    auto provider = this->provider();
    provider->get();
    http_.answer(
        403,
        "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: "
        "20231114T221320Z is now earlier than 20231114T230820Z (20231114T231320Z - 5 min.)"
        "</Message></Error></ErrorResponse>");
    http_.run(0);
    clock_.advance_ms(1'000);
    provider->get();
    ASSERT_EQ(http_.requests.size(), 1u);
    const auto& headers = http_.requests.front().request.headers;
    const auto date = std::find_if(headers.begin(), headers.end(), [](const auto& header) {
        return header.first == "X-Amz-Date";
    });
    ASSERT_NE(date, headers.end());
    EXPECT_EQ(date->second, "20231114T231321Z");
    EXPECT_EQ(lines_.count("destination \"bus\": AWS refuses a request for its time"), 1u);
}

TEST_F(ProfileProviderTest, FilesThatHangAreNotWaitedFor) {
    write("credentials", "[default]\n" + std::string(keys));
    fakes::PlayedCrew crew;
    Errands errands(clock_, lines_, crew, [] {});
    errands_ = &errands;
    auto asked = provider();
    EXPECT_EQ(asked->get().state, State::pending);
    crew.works.at(0)();
    errands.step();
    EXPECT_EQ(asked->get().state, State::ready);

    clock_.advance_ms(1'000);
    EXPECT_EQ(asked->get().state, State::ready) << "what they said last";
    EXPECT_EQ(crew.works.size(), 2u);
    clock_.advance_ms(1'000);
    EXPECT_EQ(asked->get().state, State::ready);
    EXPECT_EQ(crew.works.size(), 2u) << "one look at a time";
    asked.reset();
    crew.works[1]();
    errands.step();  // nobody is there any more
}

// Of a value that goes on in the next line the line end stands within it.
TEST_F(ProfileProviderTest, FailsOnAControlCharacterWithin) {
    write("credentials",
          "[default]\naws_access_key_id = id\naws_secret_access_key = hun\n  ter\n");
    const CredentialsAnswer answer = ask();
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_NE(answer.error.find("profile \"default\": the secret access key holds a control"),
              std::string::npos)
        << answer.error;
    EXPECT_EQ(answer.error.find("hun"), std::string::npos);
}

TEST_F(ProfileProviderTest, DropsBlanksThatStsAndItsSourceHave) {
    variables_["AWS_ACCESS_KEY_ID"] = "id\n";
    variables_["AWS_SECRET_ACCESS_KEY"] = "hunter2\n";
    write("config", "[default]\ncredential_source = Environment\n" + std::string(role));
    auto provider = this->provider();
    provider->get();
    EXPECT_EQ(lines_.count("credentials of kind \"environment\" have blanks"), 1u);
    std::string answer = assumed;
    answer.replace(answer.find(">s<"), 3, ">s\n<");
    http_.answer(200, answer);
    http_.run(0);
    ASSERT_EQ(provider->get().state, State::ready);
    EXPECT_EQ(provider->get().credentials->secret_access_key, "s");
}

}  // namespace
}  // namespace momento::aws
