#include "ingest/secret_refresher.h"

#include <gtest/gtest.h>

#include <deque>

#include "fakes.h"

namespace momento {
namespace {

using Fetched = SecretRefresher::Fetched;
using FetchState = Fetched::State;

constexpr int64_t minute_ms = 60'000;

class SecretRefresherTest : public testing::Test {
  protected:
    struct Asked {
        size_t source;
        SecretStage stage;
        SecretRefresher::FetchDone done;
    };

    void make(const std::vector<std::string>& sources = {"secretsmanager:hooks"}) {
        std::vector<SecretSource> parsed;
        for (const std::string& source : sources)
            parsed.push_back(*SecretSource::parse(source));
        refresher_ = std::make_unique<SecretRefresher>(
            std::move(parsed), SecretRefresher::Tools{&clock_, &random_, &lines_},
            [this](size_t source, SecretStage stage, SecretRefresher::FetchDone done) {
                asked_.push_back({source, stage, std::move(done)});
            },
            [this](SecretOutcome outcome) {
                ++deliveries_;
                outcome_ = std::move(outcome);
                set_ = outcome_.set;
            });
    }

    void answer(FetchState state, const std::string& content = "",
                const std::string& version = "") {
        ASSERT_FALSE(asked_.empty());
        SecretRefresher::FetchDone done = std::move(asked_.front().done);
        asked_.pop_front();
        done({state, content, version, 1'000, "store is out of order"});
    }
    void answer_failure(FetchState state = FetchState::failed) {
        answer(state);
        answer(FetchState::missing);
    }
    void answer_both(const std::string& current, const std::string& previous = "") {
        answer(FetchState::found, current, "version of " + current);
        answer(previous.empty() ? FetchState::missing : FetchState::found, previous);
    }

    void pass(int64_t ms) {
        clock_.advance_ms(ms);
        refresher_->step();
    }

    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_;  // no jitter
    fakes::KeptLines lines_;
    std::deque<Asked> asked_;
    std::unique_ptr<SecretRefresher> refresher_;
    int deliveries_ = 0;
    SecretOutcome outcome_;
    std::shared_ptr<const SecretSet> set_;
};

TEST_F(SecretRefresherTest, FetchesBothVersionsAtOnce) {
    make();
    refresher_->step();
    ASSERT_EQ(asked_.size(), 2u);
    EXPECT_EQ(asked_.front().stage, SecretStage::current);
    EXPECT_EQ(asked_.back().stage, SecretStage::previous);
    std::swap(asked_.front(), asked_.back());  // they may come back in any order
    answer(FetchState::found, R"({"momentoSecret":"old"})", "v1");
    EXPECT_EQ(deliveries_, 0) << "half a set is none";
    answer(FetchState::found, "new", "v2");
    ASSERT_EQ(deliveries_, 1);
    EXPECT_EQ(outcome_.source, 0u);
    EXPECT_EQ(set_->current.value.bytes(), "new");
    EXPECT_EQ(set_->current.version, "v2");
    EXPECT_EQ(set_->current.created_ms, 1'000);
    ASSERT_TRUE(set_->previous);
    EXPECT_EQ(set_->previous->value.bytes(), "old");
}

TEST_F(SecretRefresherTest, APreviousVersionNeedNotExistOrMakeSense) {
    make({"secretsmanager:hooks#chat"});
    refresher_->step();
    answer(FetchState::found, R"({"chat":"new"})");
    answer(FetchState::missing);
    ASSERT_TRUE(set_);
    EXPECT_FALSE(set_->previous);

    pass(5 * minute_ms);
    answer(FetchState::found, R"({"chat":"new"})");
    answer(FetchState::found, "no json");
    EXPECT_EQ(deliveries_, 2);
    EXPECT_FALSE(set_->previous);
}

TEST_F(SecretRefresherTest, RefreshesEveryFiveMinutesMoreOrLess) {
    make();
    refresher_->step();
    answer_both("a");
    pass(5 * minute_ms - 1);
    EXPECT_TRUE(asked_.empty());
    random_.set(0);
    pass(1);
    answer_both("b", "a");
    EXPECT_EQ(set_->current.value.bytes(), "b");
    EXPECT_EQ(
        lines_.count("secret \"secretsmanager:hooks\" was rotated, its current version is "
                     "version of b"),
        1u);
    pass(5 * minute_ms * 9 / 10);
    EXPECT_EQ(asked_.size(), 2u);
}

TEST_F(SecretRefresherTest, AMismatchRefreshesAtOnceButAtMostEveryFiveSeconds) {
    make();
    refresher_->step();
    answer_both("a");
    refresher_->want(0);
    EXPECT_LE(refresher_->next_us(), clock_.steady_us());
    refresher_->step();
    ASSERT_EQ(asked_.size(), 2u) << "that it was just refreshed by itself does not count";
    EXPECT_EQ(outcome_.asked_us, clock_.steady_us());
    answer_both("a");

    refresher_->want(0);
    refresher_->want(0);
    pass(4'999);
    EXPECT_TRUE(asked_.empty());
    EXPECT_EQ(refresher_->next_us(), clock_.steady_us() + 1'000);
    pass(1);
    ASSERT_EQ(asked_.size(), 2u);
    answer_both("b", "a");
    EXPECT_EQ(set_->current.value.bytes(), "b");
    pass(5'000);
    EXPECT_TRUE(asked_.empty()) << "nobody wants it any more";
}

TEST_F(SecretRefresherTest, AWishDuringARefreshIsGrantedByOneThatBeginsLater) {
    make();
    refresher_->step();
    clock_.advance_ms(100);
    refresher_->want(0);
    const int64_t wanted_us = clock_.steady_us();
    answer_both("a");
    EXPECT_LT(outcome_.asked_us, wanted_us);
    pass(10);
    ASSERT_EQ(asked_.size(), 2u);
    answer_both("b", "a");
    EXPECT_GE(outcome_.asked_us, wanted_us);
}

TEST_F(SecretRefresherTest, EachSourceIsItsOwn) {
    make({"secretsmanager:one", "secretsmanager:two"});
    refresher_->step();
    ASSERT_EQ(asked_.size(), 4u);
    answer_failure();
    EXPECT_EQ(outcome_.source, 0u);
    answer_both("b");
    EXPECT_EQ(outcome_.source, 1u);
    refresher_->want(1);
    refresher_->step();
    ASSERT_EQ(asked_.size(), 2u);
    EXPECT_EQ(asked_.back().source, 1u);
}

TEST_F(SecretRefresherTest, AnEndIsNoOutage) {
    make();
    refresher_->step();
    refresher_->stop();
    answer_failure();
    EXPECT_TRUE(lines_.lines.empty());
    EXPECT_EQ(deliveries_, 0);
    pass(5 * minute_ms);
    EXPECT_TRUE(asked_.empty());
}

TEST_F(SecretRefresherTest, TheLastGoodValueOutlivesAnOutage) {
    make();
    refresher_->step();
    answer_both("a");
    std::shared_ptr<const SecretSet> kept = set_;
    pass(5 * minute_ms);
    answer_failure();
    EXPECT_EQ(deliveries_, 2);
    EXPECT_FALSE(set_) << "nothing new, nothing made up";
    EXPECT_TRUE(outcome_.failed);
    EXPECT_EQ(outcome_.retry_us, clock_.steady_us() + 1'000'000);
    EXPECT_EQ(kept->current.value.bytes(), "a");
    EXPECT_EQ(lines_.count("out of order; the last value is used on"), 1u);
    pass(1'000);
    answer_failure();
    EXPECT_EQ(lines_.lines.size(), 1u) << "once for each reason";
    pass(1'000);
    EXPECT_TRUE(asked_.empty()) << "the second wait is longer";
    pass(1'000);
    answer_both("a");
    EXPECT_EQ(set_->current.value.bytes(), "a");
    EXPECT_EQ(lines_.count("is refreshed again"), 1u);
}

TEST_F(SecretRefresherTest, ASecretThatWasDeletedOrEmptiedStays) {
    make();
    refresher_->step();
    answer_both("a");
    for (FetchState state : {FetchState::missing, FetchState::found}) {
        deliveries_ = 0;
        pass(5 * minute_ms);
        answer_failure(state);
        EXPECT_EQ(deliveries_, 1);
        EXPECT_FALSE(set_);
    }
}

TEST_F(SecretRefresherTest, WithoutAnyValueItIsAnAlert) {
    make();
    refresher_->step();
    answer_failure();
    ASSERT_EQ(lines_.severities.size(), 1u);
    EXPECT_EQ(lines_.severities[0], Severity::alert);
}

TEST_F(SecretRefresherTest, AFailureOfThePreviousVersionIsAFailure) {
    make();
    refresher_->step();
    answer(FetchState::found, "a");
    answer(FetchState::failed);
    EXPECT_FALSE(set_);
    EXPECT_EQ(deliveries_, 1);
}

}  // namespace
}  // namespace momento
