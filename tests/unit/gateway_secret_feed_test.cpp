#include "gateway/secret_feed.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "fakes.h"

namespace momento {
namespace {

aws::EnvironmentSnapshot environment() {
    return aws::EnvironmentSnapshot::take([](const std::string& name) -> const char* {
        if (name == "AWS_ACCESS_KEY_ID") return "AKIDEXAMPLE";
        if (name == "AWS_SECRET_ACCESS_KEY") return "secret";
        if (name == "AWS_REGION") return "eu-west-1";
        return nullptr;
    });
}

SecretSettings named(const std::string& source) {
    SecretSettings settings;
    settings.source = *SecretSource::parse(source);
    Warnings warnings;
    EXPECT_TRUE(resolve(settings, environment(), warnings));
    return settings;
}

class SecretFeedTest : public testing::Test {
  protected:
    void make(const std::vector<std::string>& sources,
              SecretFeed::MadeElsewhere made_elsewhere = {}) {
        auto settings = std::make_shared<GatewaySettings>();
        for (const std::string& source : sources) settings->secrets.push_back(named(source));
        feed_ = std::make_unique<SecretFeed>(
            settings, SecretStore::Tools{&clock_, &random_, &lines_, &http_},
            std::move(made_elsewhere), [this] { ++wakes_; });
    }

    void answer(const std::string& value, int64_t created_s = 1) {
        http_.answer(200, Json::object()
                              .set("VersionId", Json::string("v"))
                              .set("CreatedDate", Json::integer(created_s))
                              .set("SecretString", Json::string(value))
                              .dump());
        http_.run(0);
    }
    void answer_missing() {
        http_.answer(400, R"({"__type":"ResourceNotFoundException"})");
        http_.run(0);
    }

    std::vector<SecretOutcome> collect() {
        std::vector<SecretOutcome> outcomes;
        feed_->collect([&](const SecretOutcome& outcome) { outcomes.push_back(outcome); });
        return outcomes;
    }

    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_;
    fakes::KeptLines lines_;
    fakes::PlayedHttp http_;
    int wakes_ = 0;
    std::unique_ptr<SecretFeed> feed_;
};

TEST_F(SecretFeedTest, AsksWhereEachSecretIs) {
    make({"secretsmanager:hooks", "file:/no/such/file",
          "secretsmanager:arn:aws:secretsmanager:us-east-2:123456789012:secret:other-AbCdEf"});
    feed_->step();
    ASSERT_EQ(http_.requests.size(), 4u) << "two versions each";
    EXPECT_EQ(http_.requests[0].request.url, "https://secretsmanager.eu-west-1.amazonaws.com/");
    EXPECT_EQ(http_.requests[2].request.url, "https://secretsmanager.us-east-2.amazonaws.com/");
    EXPECT_EQ(collect().at(0).source, 1u) << "a file that is gone is looked at, too";
}

TEST_F(SecretFeedTest, HandsAWholeSetToTheEventLoop) {
    make({"file:/no/such/file", "secretsmanager:hooks#chat"});
    feed_->step();
    collect();
    wakes_ = 0;
    answer(R"({"chat":"new"})");
    EXPECT_EQ(wakes_, 0);
    answer(R"({"chat":"old"})");
    EXPECT_EQ(wakes_, 1);
    const std::vector<SecretOutcome> outcomes = collect();
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(outcomes[0].source, 1u);
    EXPECT_EQ(outcomes[0].set->current.value.bytes(), "new");
    EXPECT_EQ(outcomes[0].set->previous->value.bytes(), "old");
}

TEST_F(SecretFeedTest, AWishWakesTheDeliveryThreadAndIsGranted) {
    make({"file:/no/such/file", "secretsmanager:hooks"});
    feed_->step();
    answer("a");
    answer_missing();
    collect();
    EXPECT_EQ(feed_->wait_ms(500), 500);
    clock_.advance_ms(1'000);
    EXPECT_EQ(feed_->wait_ms(500), 0) << "the file is to be looked at";

    http_.wakes = 0;
    clock_.advance_ms(50);
    feed_->want(1);
    feed_->want(0);
    EXPECT_GE(http_.wakes, 1);
    feed_->step();
    EXPECT_EQ(http_.requests.size(), 2u);
    EXPECT_EQ(collect().at(0).source, 0u);
}

TEST_F(SecretFeedTest, AsksWhenAnotherProcessHoldsAnotherVersion) {
    Counter made{0};
    make({"file:/no/such/file", "secretsmanager:hooks"}, {nullptr, &made});
    feed_->step();
    answer("old", 100);
    answer_missing();
    for (const uint64_t elsewhere_ms : {0u, 100'000u}) {
        made = elsewhere_ms;
        clock_.advance_ms(1'000);
        feed_->step();
        EXPECT_TRUE(http_.requests.empty()) << elsewhere_ms;
    }
    made = 200'000;
    clock_.advance_ms(1'000);
    feed_->step();
    EXPECT_EQ(http_.requests.size(), 2u);
    answer("new", 200);
    answer_missing();
    clock_.advance_ms(10'000);
    feed_->step();
    EXPECT_TRUE(http_.requests.empty());
    EXPECT_EQ(collect().back().set->current.value.bytes(), "new");
}

TEST_F(SecretFeedTest, NothingIsAskedOrComplainedAboutAfterTheEnd) {
    make({"secretsmanager:hooks"});
    feed_->step();
    feed_->stop();
    for (int version = 0; version < 2; ++version) http_.fail(HttpFailure::Stage::cancelled);
    http_.run(0);
    clock_.advance_ms(600'000);
    feed_->want(0);
    feed_->step();
    EXPECT_TRUE(http_.requests.empty());
    EXPECT_TRUE(lines_.lines.empty());
    EXPECT_TRUE(collect().empty());
}

TEST(ResolveSecret, TakesTheRegionFromTheArnOrTheEnvironment) {
    SecretSettings by_name = named("secretsmanager:hooks");
    EXPECT_EQ(by_name.service.signing_region, "eu-west-1");
    SecretSettings settings;
    settings.source = *SecretSource::parse("secretsmanager:hooks");
    Warnings warnings;
    const Status unknown = resolve(settings, {}, warnings);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().text,
              "secret \"secretsmanager:hooks\": no region known, name the secret by its ARN or "
              "set AWS_REGION");
    settings.source.location = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a/b-x";
    ASSERT_TRUE(resolve(settings, {}, warnings));
    EXPECT_EQ(settings.service.url.text(),
              "https://secretsmanager.cn-north-1.amazonaws.com.cn/");
}

TEST(ResolveSecret, RefusesWhatIsNeitherANameNorAnArn) {
    for (const char* id : {"two words", "arn:aws:sqs:us-west-2:123456789012:hooks",
                           "arn:aws:secretsmanager:us-west-2:12:secret:hooks",
                           "arn:aws:secretsmanager::123456789012:secret:hooks",
                           "arn:aws:secretsmanager:us-west-2:123456789012:secret:"}) {
        SecretSettings settings;
        settings.source = *SecretSource::parse(std::string("secretsmanager:") + id);
        Warnings warnings;
        const Status status = resolve(settings, environment(), warnings);
        ASSERT_FALSE(status) << id;
        EXPECT_NE(status.error().text.find(id), std::string::npos) << status.error().text;
    }
}

}  // namespace
}  // namespace momento
