#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "aws/credentials.h"
#include "aws_environment.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

class ManualClock final : public Clock {
  public:
    int64_t wall_ms() const override { return 0; }
    int64_t steady_us() const override { return now_us; }

    int64_t now_us = 0;
};

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
        return make_profile_provider(environment(variables_), profile, clock_);
    }

    CredentialsAnswer ask(const std::string& profile = "") { return provider(profile)->get(); }

    ManualClock clock_;
    std::map<std::string, std::string> variables_;
    std::string directory_;
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

TEST_F(ProfileProviderTest, IsAbsentWithoutFilesOrKeys) {
    EXPECT_EQ(ask().state, State::absent);
    write("config", "[default]\nregion = eu-west-1\n");
    EXPECT_EQ(ask().state, State::absent);
    variables_.clear();
    EXPECT_EQ(ask().state, State::absent);
}

TEST_F(ProfileProviderTest, FailsWhenANamedProfileIsMissing) {
    write("credentials", "[default]\n" + std::string(keys));
    CredentialsAnswer answer = ask("prod");
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_NE(
        answer.error.find("profile \"prod\" is not in \"" + directory_ + "/credentials\""),
        std::string::npos);
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
    for (const char* setting : {"role_arn", "credential_process", "sso_session"}) {
        write("config", "[default]\n" + std::string(setting) + " = x\n");
        CredentialsAnswer answer = ask();
        EXPECT_EQ(answer.state, State::failed);
        EXPECT_NE(answer.error.find("\"" + std::string(setting) + "\""), std::string::npos);
        EXPECT_NE(answer.error.find("not supported"), std::string::npos);
    }
}

TEST_F(ProfileProviderTest, ARoleGoesBeforeKeys) {
    write("config", "[default]\nrole_arn = x\nsource_profile = default\n" + std::string(keys));
    EXPECT_EQ(ask().state, State::failed);
}

TEST_F(ProfileProviderTest, ABrokenFileFailsWithoutItsContent) {
    write("credentials", "[default]\naws_secret_access_key hunter2\n");
    CredentialsAnswer answer = ask();
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_EQ(answer.error,
              "\"" + directory_ + "/credentials\", line 2: a setting has no \"=\"");
}

TEST_F(ProfileProviderTest, LooksForChangesOnceASecond) {
    write("credentials", "[default]\n" + std::string(keys));
    auto provider = this->provider();
    ASSERT_EQ(provider->get().state, State::ready);

    write("credentials",
          "[default]\naws_access_key_id = new\naws_secret_access_key = longer\n");
    clock_.now_us = 999'999;
    EXPECT_EQ(provider->get().credentials->access_key_id, "id");
    clock_.now_us = 1'000'000;
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
    clock_.now_us = 1'000'000;
    EXPECT_EQ(provider->get().credentials->access_key_id, "di");
}

TEST_F(ProfileProviderTest, SeesFilesComeAndGo) {
    auto provider = this->provider();
    EXPECT_EQ(provider->get().state, State::absent);
    write("config", "[default]\n" + std::string(keys));
    clock_.now_us += 1'000'000;
    EXPECT_EQ(provider->get().state, State::ready);
    std::remove((directory_ + "/config").c_str());
    clock_.now_us += 1'000'000;
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

}  // namespace
}  // namespace momento::aws
