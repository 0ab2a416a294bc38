#include "ingest/secret_refresher.h"

#include <gtest/gtest.h>

#include <deque>

#include "fakes.h"

namespace momento {
namespace {

using Fetched = SecretRefresher::Fetched;
using State = Fetched::State;

constexpr int64_t minute_ms = 60'000;

class SecretRefresherTest : public testing::Test {
  protected:
    struct Asked {
        std::string name;
        bool previous;
        SecretRefresher::FetchDone done;
    };

    void make(const std::vector<std::string>& sources = {"secretsmanager:hooks"}) {
        std::vector<SecretSource> parsed;
        for (const std::string& source : sources)
            parsed.push_back(*SecretSource::parse(source));
        refresher_ = std::make_unique<SecretRefresher>(
            std::move(parsed), SecretRefresher::Tools{&clock_, &random_, &lines_},
            [this](const SecretSource& source, bool previous, SecretRefresher::FetchDone done) {
                asked_.push_back({source.name(), previous, std::move(done)});
            },
            [this](size_t source, std::shared_ptr<const SecretSet> set) {
                ++deliveries_;
                source_ = source;
                set_ = std::move(set);
            });
    }

    void answer(State state, const std::string& content = "", const std::string& version = "") {
        ASSERT_FALSE(asked_.empty());
        SecretRefresher::FetchDone done = std::move(asked_.front().done);
        asked_.pop_front();
        done({state, content, version, 1'000, "store is out of order"});
    }
    void answer_both(const std::string& current, const std::string& previous = "") {
        answer(State::found, current, "version of " + current);
        answer(previous.empty() ? State::missing : State::found, previous);
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
    size_t source_ = 99;
    std::shared_ptr<const SecretSet> set_;
};

TEST_F(SecretRefresherTest, FetchesBothVersionsAtOnce) {
    make();
    refresher_->step();
    ASSERT_EQ(asked_.size(), 1u);
    EXPECT_FALSE(asked_.front().previous);
    answer(State::found, "new", "v2");
    ASSERT_EQ(asked_.size(), 1u);
    EXPECT_TRUE(asked_.front().previous);
    EXPECT_EQ(deliveries_, 0) << "half a set is none";
    answer(State::found, R"({"momentoSecret":"old"})", "v1");
    ASSERT_EQ(deliveries_, 1);
    EXPECT_EQ(source_, 0u);
    EXPECT_EQ(set_->current.value.bytes(), "new");
    EXPECT_EQ(set_->current.version, "v2");
    EXPECT_EQ(set_->current.created_ms, 1'000);
    ASSERT_TRUE(set_->previous);
    EXPECT_EQ(set_->previous->value.bytes(), "old");
    EXPECT_EQ(set_->fetched_ms, clock_.wall_ms());
}

TEST_F(SecretRefresherTest, APreviousVersionNeedNotExistOrMakeSense) {
    make({"secretsmanager:hooks#chat"});
    refresher_->step();
    answer(State::found, R"({"chat":"new"})");
    answer(State::missing);
    ASSERT_TRUE(set_);
    EXPECT_FALSE(set_->previous);

    pass(5 * minute_ms);
    answer(State::found, R"({"chat":"new"})");
    answer(State::found, "no json");
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
    EXPECT_EQ(lines_.count("secret \"secretsmanager:hooks\" was rotated"), 1u);
    pass(5 * minute_ms * 9 / 10);
    EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(SecretRefresherTest, AMismatchRefreshesAtMostEveryFiveSeconds) {
    make();
    refresher_->step();
    EXPECT_TRUE(refresher_->want(0)) << "the outcome of this one counts";
    answer_both("a");
    refresher_->step();
    EXPECT_TRUE(asked_.empty());

    clock_.advance_ms(4'999);
    EXPECT_FALSE(refresher_->want(0));
    clock_.advance_ms(1);
    EXPECT_TRUE(refresher_->want(0));
    EXPECT_TRUE(refresher_->want(0));
    refresher_->step();
    EXPECT_EQ(asked_.size(), 1u);
    answer_both("b", "a");
    EXPECT_EQ(set_->current.value.bytes(), "b");
    EXPECT_FALSE(refresher_->want(0));
}

TEST_F(SecretRefresherTest, EachSourceIsItsOwn) {
    make({"secretsmanager:one", "secretsmanager:two"});
    refresher_->step();
    ASSERT_EQ(asked_.size(), 2u);
    answer(State::failed);
    EXPECT_EQ(source_, 0u);
    answer_both("b");
    EXPECT_EQ(source_, 1u);
    clock_.advance_ms(5'000);
    EXPECT_TRUE(refresher_->want(1));
    refresher_->step();
    EXPECT_EQ(asked_.back().name, "secretsmanager:two");
}

TEST_F(SecretRefresherTest, TheLastGoodValueOutlivesAnOutage) {
    make();
    refresher_->step();
    answer_both("a");
    std::shared_ptr<const SecretSet> kept = set_;
    pass(5 * minute_ms);
    answer(State::failed);
    EXPECT_EQ(deliveries_, 2);
    EXPECT_FALSE(set_) << "nothing new, nothing made up";
    EXPECT_EQ(kept->current.value.bytes(), "a");
    EXPECT_EQ(lines_.count("out of order; the last value is used on"), 1u);
    pass(1'000);
    answer(State::failed);
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
    for (State state : {State::missing, State::found}) {
        deliveries_ = 0;
        pass(5 * minute_ms);
        answer(state, "");
        EXPECT_EQ(deliveries_, 1);
        EXPECT_FALSE(set_);
    }
}

TEST_F(SecretRefresherTest, WithoutAnyValueItIsAnAlert) {
    make();
    refresher_->step();
    answer(State::failed);
    ASSERT_EQ(lines_.severities.size(), 1u);
    EXPECT_EQ(lines_.severities[0], Severity::alert);
}

TEST_F(SecretRefresherTest, AFailureOfThePreviousVersionIsAFailure) {
    make();
    refresher_->step();
    answer(State::found, "a");
    answer(State::failed);
    EXPECT_FALSE(set_);
    EXPECT_EQ(deliveries_, 1);
}

}  // namespace
}  // namespace momento
