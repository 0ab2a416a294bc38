#include "aws/credentials.h"

#include <gtest/gtest.h>

#include "aws/credentials_chain.h"
#include "aws_environment.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;
using Variables = std::map<std::string, std::string>;

CredentialsAnswer ask_environment(const Variables& variables) {
    return make_environment_provider(environment(variables))->get();
}

TEST(EnvironmentSnapshot, KeepsWhatWasSet) {
    Variables variables = {{"AWS_REGION", "eu-west-1"}, {"AWS_PROFILE", ""}, {"PATH", "/bin"}};
    EnvironmentSnapshot snapshot = environment(variables);
    variables.clear();
    EnvironmentSnapshot copy = snapshot;
    EXPECT_EQ(copy.get("AWS_REGION"), "eu-west-1");
    EXPECT_EQ(copy.get("AWS_PROFILE"), "");
    EXPECT_EQ(copy.get("PATH"), "");
    EXPECT_EQ(EnvironmentSnapshot().get("AWS_REGION"), "");
}

TEST(Credentials, CanBeAssigned) {
    Credentials a;
    a.access_key_id = "id";
    a.secret_access_key = std::string(40, 's');
    a.expires_ms = 1;
    Credentials b;
    b = a;
    b = *&b;
    EXPECT_EQ(b.access_key_id, "id");
    EXPECT_EQ(b.secret_access_key, a.secret_access_key);
    EXPECT_EQ(b.expires_ms, 1);
    b = Credentials();
    EXPECT_EQ(b.secret_access_key, "");
    EXPECT_FALSE(b.expires_ms);
}

TEST(EnvironmentProvider, GivesKeyAndSecret) {
    CredentialsAnswer answer =
        ask_environment({{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "secret"}});
    ASSERT_EQ(answer.state, State::ready);
    EXPECT_EQ(answer.credentials->access_key_id, "id");
    EXPECT_EQ(answer.credentials->secret_access_key, "secret");
    EXPECT_EQ(answer.credentials->session_token, "");
    EXPECT_FALSE(answer.credentials->expires_ms);
}

TEST(EnvironmentProvider, GivesTokenAndExpiry) {
    Variables variables = {{"AWS_ACCESS_KEY_ID", "id"},
                           {"AWS_SECRET_ACCESS_KEY", "secret"},
                           {"AWS_SECURITY_TOKEN", "older"},
                           {"AWS_CREDENTIAL_EXPIRATION", "2015-08-30T12:36:00Z"}};
    CredentialsAnswer answer = ask_environment(variables);
    ASSERT_EQ(answer.state, State::ready);
    EXPECT_EQ(answer.credentials->session_token, "older");
    EXPECT_EQ(answer.credentials->expires_ms, 1'440'938'160'000);

    variables["AWS_SESSION_TOKEN"] = "newer";
    EXPECT_EQ(ask_environment(variables).credentials->session_token, "newer");
}

TEST(EnvironmentProvider, IsAbsentWithoutAKey) {
    EXPECT_EQ(ask_environment({}).state, State::absent);
    EXPECT_EQ(ask_environment({{"AWS_SECRET_ACCESS_KEY", "secret"}}).state, State::absent);
}

TEST(EnvironmentProvider, FailsOnHalfASet) {
    CredentialsAnswer answer = ask_environment({{"AWS_ACCESS_KEY_ID", "id"}});
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_EQ(answer.error,
              "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: set both or none");
}

TEST(EnvironmentProvider, FailsOnAnExpiryItCannotRead) {
    CredentialsAnswer answer = ask_environment({{"AWS_ACCESS_KEY_ID", "id"},
                                                {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                                                {"AWS_CREDENTIAL_EXPIRATION", "tomorrow"}});
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_NE(answer.error.find("\"tomorrow\""), std::string::npos);
    EXPECT_EQ(answer.error.find("hunter2"), std::string::npos);
}

TEST(EnvironmentProvider, DropsBlanksAndLineEndsAroundTheValues) {
    CredentialsAnswer answer = ask_environment({{"AWS_ACCESS_KEY_ID", " id\n"},
                                                {"AWS_SECRET_ACCESS_KEY", "\tse cret\r\n"},
                                                {"AWS_SESSION_TOKEN", "token\n"}});
    ASSERT_EQ(answer.state, State::ready);
    EXPECT_TRUE(answer.had_blanks);
    EXPECT_EQ(answer.credentials->access_key_id, "id");
    EXPECT_EQ(answer.credentials->secret_access_key, "se cret");
    EXPECT_EQ(answer.credentials->session_token, "token");
    answer = ask_environment({{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "s"}});
    EXPECT_FALSE(answer.had_blanks);
    EXPECT_EQ(ask_environment({{"AWS_ACCESS_KEY_ID", "\n"}}).state, State::absent);
}

TEST(EnvironmentProvider, FailsOnAControlCharacterWithin) {
    for (const char* name :
         {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
        Variables variables = {{"AWS_ACCESS_KEY_ID", "hunter1"},
                               {"AWS_SECRET_ACCESS_KEY", "hunter2"},
                               {"AWS_SESSION_TOKEN", "hunter3"}};
        variables[name] = "hun\nter";
        const CredentialsAnswer answer = ask_environment(variables);
        EXPECT_EQ(answer.state, State::failed) << name;
        EXPECT_NE(answer.error.find("holds a control character"), std::string::npos);
        EXPECT_EQ(answer.error.find("hun"), std::string::npos);
    }
}

class ScriptedProvider final : public CredentialsProvider {
  public:
    ScriptedProvider(const char* name, State& state) : name_(name), state_(state) {}

    const char* name() const override { return name_; }
    CredentialsAnswer get() override {
        ++asked;
        return {state_, state_ == State::ready ? std::make_shared<Credentials>() : nullptr,
                state_ == State::failed ? name_ : reason};
    }
    void invalidate() override { ++invalidated; }

    int asked = 0;
    int invalidated = 0;
    std::string reason;  // to be absent

  private:
    const char* name_;
    State& state_;
};

class ChainTest : public testing::Test {
  protected:
    ChainTest() {
        std::vector<std::unique_ptr<CredentialsProvider>> providers;
        auto first = std::make_unique<ScriptedProvider>("first", first_state_);
        auto second = std::make_unique<ScriptedProvider>("second", second_state_);
        first_ = first.get();
        second_ = second.get();
        providers.push_back(std::move(first));
        providers.push_back(std::move(second));
        chain_ = make_credentials_chain(std::move(providers));
    }

    State first_state_ = State::absent;
    State second_state_ = State::absent;
    ScriptedProvider* first_;
    ScriptedProvider* second_;
    std::unique_ptr<CredentialsProvider> chain_;
};

TEST_F(ChainTest, SaysWhomItAskedInVain) {
    CredentialsAnswer answer = chain_->get();
    EXPECT_EQ(answer.state, State::absent);
    EXPECT_EQ(answer.error, "no credentials found; asked: first, second");
    second_->reason = "nobody there";
    EXPECT_EQ(chain_->get().error, "no credentials found; asked: first, second (nobody there)");
}

TEST_F(ChainTest, TheOneThatAnsweredFirstStays) {
    second_state_ = State::ready;
    EXPECT_EQ(chain_->get().state, State::ready);
    EXPECT_STREQ(chain_->name(), "second");

    first_state_ = State::ready;
    second_state_ = State::failed;
    EXPECT_EQ(chain_->get().error, "second");
    EXPECT_EQ(first_->asked, 1);

    chain_->invalidate();
    EXPECT_EQ(first_->invalidated, 0);
    EXPECT_EQ(second_->invalidated, 1);
}

TEST_F(ChainTest, AFailureIsNotPaperedOver) {
    first_state_ = State::failed;
    second_state_ = State::ready;
    CredentialsAnswer answer = chain_->get();
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_EQ(answer.error, "first");
    EXPECT_EQ(second_->asked, 0);

    first_state_ = State::absent;  // somebody mended it
    EXPECT_EQ(chain_->get().state, State::ready);
}

TEST_F(ChainTest, WaitsForWhoIsStillFetching) {
    first_state_ = State::pending;
    second_state_ = State::ready;
    EXPECT_EQ(chain_->get().state, State::pending);
    first_state_ = State::ready;
    EXPECT_EQ(chain_->get().state, State::ready);
    EXPECT_STREQ(chain_->name(), "first");
}

}  // namespace
}  // namespace momento::aws
