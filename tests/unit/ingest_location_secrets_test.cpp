#include "ingest/location_secrets.h"

#include <gtest/gtest.h>

#include "fakes.h"

namespace momento {
namespace {

constexpr int64_t hour_ms = 3'600'000;
constexpr int64_t second_us = 1'000'000;

std::shared_ptr<SecretSet> make_set(const std::string& current, int64_t created_ms = 0,
                                    const std::string& previous = "") {
    auto set = std::make_shared<SecretSet>();
    set->current = {SecretValue(current), "", created_ms};
    if (!previous.empty()) set->previous = KeptSecret{SecretValue(previous), "", 1};
    return set;
}

class LocationSecretsTest : public testing::Test {
  protected:
    // Source 0 is a stored one; 1 is a file that was read.
    LocationSecretsTest()
        : board_({{nullptr, store_wish_interval_us}, {make_set("of the file"), 0}}, clock_,
                 [this](size_t source) { asked_.push_back(source); }) {}

    static LocationSecret stored(std::string cache = "") {
        LocationSecret secret{
            "secretsmanager:hooks", std::move(cache), "", SecretValue(), 0, 0, hour_ms};
        return secret;
    }
    static LocationSecret plain(const std::string& value) {
        return {"plain", "", "", SecretValue(value), 77, {}, 0};
    }

    LocationSecrets& use(std::vector<LocationSecret> secrets) {
        secrets_.emplace(std::make_shared<std::vector<LocationSecret>>(std::move(secrets)),
                         board_);
        EXPECT_TRUE(secrets_->update(clock_.wall_ms()));
        return *secrets_;
    }

    // The key that matches; -1: none.
    int match(const std::string& secret) {
        auto signer = Signer::create(secret);
        Claim claim{&secrets_->keyring(), "body", signer->sign("body")};
        Keyring::match(&claim, 1);
        return claim.secret;
    }

    void learn(std::shared_ptr<const SecretSet> set, int64_t asked_us) {
        board_.take({0, std::move(set), false, asked_us, 0});
        EXPECT_TRUE(secrets_->update(clock_.wall_ms()));
    }

    LocationSecrets::Doubt doubt(std::optional<EventNames> names = {}) {
        Claim claim;
        claim.names = std::move(names);
        return secrets_->doubt(claim, clock_.steady_us(), clock_.steady_us() + 4 * second_us);
    }

    fakes::PlayedClock clock_;
    std::vector<size_t> asked_;
    SecretBoard board_;
    std::optional<LocationSecrets> secrets_;
};

TEST_F(LocationSecretsTest, VerifiesWithWhatTheSourcesHoldNow) {
    LocationSecrets& secrets = use({stored(), plain("fixed")});
    EXPECT_TRUE(secrets.has_value());
    EXPECT_EQ(match("fixed"), 1);
    EXPECT_EQ(match("new"), -1);
    learn(make_set("new", clock_.wall_ms(), "old"), 1);
    for (const auto& [value, secret, stage] : {std::tuple("new", 0u, SecretStage::current),
                                               std::tuple("old", 0u, SecretStage::previous),
                                               std::tuple("fixed", 1u, SecretStage::current)}) {
        const int key = match(value);
        ASSERT_GE(key, 0) << value;
        EXPECT_EQ(secrets.version(key).secret, secret);
        EXPECT_EQ(secrets.version(key).stage, stage);
    }
    learn(make_set("newer", clock_.wall_ms(), "new"), 2);
    EXPECT_EQ(match("old"), -1);
    EXPECT_GE(match("new"), 0);
}

TEST_F(LocationSecretsTest, APreviousVersionCountsForSoLongAfterItsSuccessorWasMade) {
    LocationSecrets& secrets = use({stored()});
    const int64_t made_ms = clock_.wall_ms() - hour_ms + 1'000;
    learn(make_set("new", made_ms, "old"), 1);
    EXPECT_EQ(secrets.retires_ms(), made_ms + hour_ms);
    EXPECT_EQ(secrets.made_ms({0, SecretStage::current}), made_ms);
    EXPECT_EQ(secrets.made_ms({0, SecretStage::previous}), 1);
    clock_.advance_ms(999);
    ASSERT_TRUE(secrets.update(clock_.wall_ms()));
    EXPECT_GE(match("old"), 0);
    clock_.advance_ms(1);
    ASSERT_TRUE(secrets.update(clock_.wall_ms()));
    EXPECT_EQ(match("old"), -1);
    EXPECT_GE(match("new"), 0);
    EXPECT_EQ(secrets.made_ms({0, SecretStage::previous}), 0);
    EXPECT_GT(secrets.retires_ms(), clock_.wall_ms() + hour_ms);
}

TEST_F(LocationSecretsTest, WithoutAValueThereIsNothingButToWait) {
    LocationSecrets& secrets = use({stored()});
    EXPECT_FALSE(secrets.has_value());
    EXPECT_TRUE(doubt().expects_news);
    EXPECT_TRUE(doubt().is_blind);
    board_.take({0, nullptr, true, 0, clock_.steady_us() + 60 * second_us});
    EXPECT_TRUE(doubt().expects_news) << "it is asked again for whoever comes";
    EXPECT_EQ(asked_, std::vector<size_t>{0});
    board_.take({0, nullptr, true, clock_.steady_us(), clock_.steady_us() + 60 * second_us});
    EXPECT_TRUE(doubt().expects_news);
    EXPECT_EQ(asked_.size(), 1u) << "at most every five seconds";
}

TEST_F(LocationSecretsTest, AMismatchAsksOnceAndEndsWithTheOutcome) {
    use({stored()});
    learn(make_set("a"), 0);
    const int64_t since_us = clock_.steady_us();
    const Claim claim;
    const auto expects = [&] {
        return secrets_->doubt(claim, since_us, since_us + 4 * second_us).expects_news;
    };
    EXPECT_TRUE(expects());
    EXPECT_TRUE(expects());
    EXPECT_EQ(asked_.size(), 1u);
    learn(nullptr, since_us - 1);
    EXPECT_TRUE(expects()) << "that one had begun before: it does not know yet";
    learn(nullptr, since_us);
    EXPECT_FALSE(expects());
    EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(LocationSecretsTest, ForgedRequestsAskAtMostEveryFiveSeconds) {
    use({stored()});
    learn(make_set("a"), 0);
    EXPECT_TRUE(doubt().expects_news);
    learn(nullptr, clock_.steady_us());
    clock_.advance_ms(4'999);
    EXPECT_FALSE(doubt().expects_news);
    EXPECT_FALSE(doubt().is_blind);
    clock_.advance_ms(1);
    EXPECT_TRUE(doubt().expects_news);
    EXPECT_EQ(asked_.size(), 2u);
}

TEST_F(LocationSecretsTest, AfterAFailureItWaitsForTheNextTryIfThatComesInTime) {
    use({stored()});
    learn(make_set("a"), 0);
    EXPECT_TRUE(doubt().expects_news);
    const int64_t now_us = clock_.steady_us();
    board_.take({0, nullptr, true, now_us, now_us + 2 * second_us});
    EXPECT_TRUE(doubt().expects_news);
    board_.take({0, nullptr, true, now_us, now_us + 5 * second_us});
    EXPECT_FALSE(doubt().expects_news);
    EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(LocationSecretsTest, OnlySecretsThatMaySignTheEventAreAsked) {
    use({stored("chat"), {"file:x", "other", "", SecretValue(), 0, 1, 0}});
    board_.take({1, nullptr, false, 0, 0});
    EXPECT_FALSE(doubt().expects_news) << "names that cannot be read are nobody's";
    EXPECT_FALSE(doubt(EventNames{"third", "t"}).is_blind);
    EXPECT_TRUE(doubt(EventNames{"chat", "t"}).is_blind);
    EXPECT_TRUE(asked_.empty());
    const LocationSecrets::Doubt other = doubt(EventNames{"other", "t"});
    EXPECT_TRUE(other.expects_news);
    EXPECT_FALSE(other.is_blind);
    EXPECT_EQ(asked_, std::vector<size_t>{1});
}

TEST_F(LocationSecretsTest, WhatNeverChangesIsNeverWaitedFor) {
    LocationSecrets& secrets = use({plain("fixed")});
    EXPECT_FALSE(doubt().expects_news);
    EXPECT_FALSE(secrets.uses(0));
    EXPECT_EQ(secrets.made_ms({0, SecretStage::current}), 77);
}

}  // namespace
}  // namespace momento
