#include "aws/refreshing_provider.h"

#include <gtest/gtest.h>

#include "fakes.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr int64_t second_ms = 1'000;
constexpr int64_t minute_ms = 60 * second_ms;
constexpr int64_t hour_ms = 60 * minute_ms;

class RefreshingProviderTest : public testing::Test {
  protected:
    CredentialsProvider& provider() {
        if (!provider_) {
            ProviderTools tools{&clock_, &random_, nullptr, &lines_, "destination \"bus\""};
            provider_ = make_refreshing_provider(settings_, tools, [this](FetchDone done) {
                ++fetches_;
                done_ = std::move(done);
            });
        }
        return *provider_;
    }

    State ask() { return provider().get().state; }
    std::string ask_id() {
        CredentialsAnswer answer = provider().get();
        return answer.state == State::ready ? answer.credentials->access_key_id : "";
    }

    void hand_out(const std::string& id, std::optional<int64_t> lifetime_ms = {}) {
        auto credentials = std::make_shared<Credentials>();
        credentials->access_key_id = id;
        if (lifetime_ms) credentials->expires_ms = clock_.wall_ms() + *lifetime_ms;
        done_({State::ready, std::move(credentials), {}});
    }
    void fail(const std::string& why = "out of order") { done_({State::failed, nullptr, why}); }

    fakes::PlayedClock clock_;
    fakes::PlayedRandom random_{0};
    fakes::KeptLines lines_;
    RefreshSettings settings_{"played", false};
    std::unique_ptr<CredentialsProvider> provider_;
    int fetches_ = 0;
    FetchDone done_;
};

TEST_F(RefreshingProviderTest, FetchesOnceForAllWhoAsk) {
    EXPECT_EQ(ask(), State::pending);
    EXPECT_EQ(ask(), State::pending);
    EXPECT_EQ(fetches_, 1);
    hand_out("first", hour_ms);
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(fetches_, 1);
    EXPECT_TRUE(lines_.lines.empty());
}

TEST_F(RefreshingProviderTest, ASetWithoutEndIsFetchedOnce) {
    ask();
    hand_out("first");
    clock_.advance_ms(1'000 * hour_ms);
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(fetches_, 1);
}

TEST_F(RefreshingProviderTest, RenewsFifteenMinutesAheadAndUsesTheOldSetMeanwhile) {
    ask();
    hand_out("first", hour_ms);
    clock_.advance_ms(45 * minute_ms - 1);
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(fetches_, 1);
    clock_.advance_ms(1);
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(fetches_, 2);
    hand_out("second", hour_ms);
    EXPECT_EQ(ask_id(), "second");
}

TEST_F(RefreshingProviderTest, WorkersRenewAtDifferentTimes) {
    random_.set(0.8);  // a fifth of the window earlier: three minutes
    ask();
    hand_out("first", hour_ms);
    clock_.advance_ms(42 * minute_ms - 1);
    ask();
    EXPECT_EQ(fetches_, 1);
    clock_.advance_ms(1);
    ask();
    EXPECT_EQ(fetches_, 2);
}

TEST_F(RefreshingProviderTest, AShortSetIsRenewedInItsLastQuarter) {
    ask();
    hand_out("first", 20 * second_ms);
    clock_.advance_ms(15 * second_ms - 1);
    ask();
    EXPECT_EQ(fetches_, 1);
    clock_.advance_ms(1);
    ask();
    EXPECT_EQ(fetches_, 2);
}

TEST_F(RefreshingProviderTest, AFailureAheadOfTimeIsTriedAgainInAMinuteQuietly) {
    random_.set(0.999'999);
    ask();
    hand_out("first", 2 * hour_ms);
    clock_.advance_ms(105 * minute_ms);
    ask();
    fail();
    EXPECT_EQ(ask_id(), "first");
    clock_.advance_ms(59 * second_ms);
    ask();
    EXPECT_EQ(fetches_, 2);
    clock_.advance_ms(second_ms);
    ask();
    EXPECT_EQ(fetches_, 3);
    EXPECT_TRUE(lines_.lines.empty());
}

TEST_F(RefreshingProviderTest, InTheLastTenMinutesItTriesHarderAndSaysSoOnce) {
    random_.set(0.999'999);
    ask();
    hand_out("first", hour_ms);
    clock_.advance_ms(50 * minute_ms);
    ask();
    fail("the token file is gone");
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(lines_.lines.size(), 1u);
    EXPECT_EQ(lines_.count("destination \"bus\": credentials of kind \"played\" cannot be "
                           "renewed, the last ones are used to their end: the token file"),
              1u);
    clock_.advance_ms(second_ms);
    ask();
    fail();
    clock_.advance_ms(second_ms);  // the second wait is longer
    ask();
    EXPECT_EQ(fetches_, 3);
    clock_.advance_ms(second_ms);
    ask();
    EXPECT_EQ(fetches_, 4);
    hand_out("second", hour_ms);
    EXPECT_EQ(lines_.lines.size(), 2u);
    EXPECT_EQ(lines_.count("are renewed again"), 1u);
}

TEST_F(RefreshingProviderTest, AnExpiredSetIsNotUsed) {
    ask();
    hand_out("first", hour_ms);
    clock_.advance_ms(hour_ms);
    EXPECT_EQ(ask(), State::pending);
    fail("no network");
    CredentialsAnswer answer = provider().get();
    EXPECT_EQ(answer.state, State::failed);
    EXPECT_EQ(answer.error, "no network");
}

TEST_F(RefreshingProviderTest, WaitsLongerAfterEachFailureUpToAMinute) {
    random_.set(0.999'999);
    int64_t expected_ms = second_ms;
    for (int i = 0; i < 9; ++i) {
        int before = fetches_;
        ask();
        ASSERT_EQ(fetches_, before + 1) << i;
        fail();
        clock_.advance_ms(expected_ms - 2);
        EXPECT_EQ(ask(), State::failed);
        ASSERT_EQ(fetches_, before + 1) << i;
        clock_.advance_ms(2);
        expected_ms = std::min(2 * expected_ms, minute_ms);
    }
}

TEST_F(RefreshingProviderTest, StaticStabilityKeepsAnExpiredSetInUse) {
    settings_.outlives_expiry = true;
    ask();
    hand_out("first", hour_ms);
    clock_.advance_ms(hour_ms);
    EXPECT_EQ(ask(), State::pending);
    fail();
    EXPECT_EQ(ask_id(), "first");
    clock_.advance_ms(hour_ms);
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(fetches_, 3) << "but newer ones are fetched all the time";
    EXPECT_EQ(lines_.count("the last ones are used on"), 1u);
}

TEST_F(RefreshingProviderTest, ASetThatArrivesExpiredIsUsedForAWhile) {
    ask();
    hand_out("first", -minute_ms);
    EXPECT_EQ(ask_id(), "first");
    clock_.advance_ms(10 * minute_ms);
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(fetches_, 1);
    clock_.advance_ms(5 * minute_ms);
    EXPECT_EQ(ask_id(), "first");
    EXPECT_EQ(fetches_, 2);
}

TEST_F(RefreshingProviderTest, ARefusedSetIsReplacedBeforeAnythingIsSaid) {
    ask();
    hand_out("first", hour_ms);
    provider().invalidate();
    EXPECT_EQ(ask(), State::pending);
    EXPECT_EQ(fetches_, 2);
    hand_out("second", hour_ms);
    EXPECT_EQ(ask_id(), "second");
}

TEST_F(RefreshingProviderTest, ARefusedSetStaysIfNoneReplacesIt) {
    ask();
    hand_out("first", hour_ms);
    provider().invalidate();
    ask();
    fail();
    EXPECT_EQ(ask_id(), "first");
}

TEST_F(RefreshingProviderTest, RefusalsFetchAtMostOnceInHalfAMinute) {
    ask();
    hand_out("first", hour_ms);
    provider().invalidate();
    ask();
    hand_out("second", hour_ms);
    clock_.advance_ms(30 * second_ms - 1);
    provider().invalidate();
    EXPECT_EQ(ask_id(), "second");
    EXPECT_EQ(fetches_, 2);
    clock_.advance_ms(1);
    provider().invalidate();
    EXPECT_EQ(ask(), State::pending);
    EXPECT_EQ(fetches_, 3);
}

TEST_F(RefreshingProviderTest, ARefusalDoesNotWaitForAnEarlierFailuresRetry) {
    ask();
    hand_out("first", hour_ms);
    clock_.advance_ms(45 * minute_ms);
    ask();
    fail();
    provider().invalidate();
    EXPECT_EQ(ask(), State::pending);
    EXPECT_EQ(fetches_, 3);
}

TEST_F(RefreshingProviderTest, AFetchThatCannotBeginYetIsCalledAgain) {
    EXPECT_EQ(ask(), State::pending);
    done_({State::pending, nullptr, {}});
    EXPECT_EQ(ask(), State::pending);
    EXPECT_EQ(fetches_, 2);
    hand_out("first", hour_ms);
    EXPECT_EQ(ask_id(), "first");
}

TEST_F(RefreshingProviderTest, AbsentIsPassedOnAndAskedAgain) {
    ask();
    done_({State::absent, nullptr, "no role"});
    CredentialsAnswer answer = provider().get();
    EXPECT_EQ(answer.state, State::absent);
    EXPECT_EQ(answer.error, "no role");
    clock_.advance_ms(second_ms);
    EXPECT_EQ(ask(), State::pending);
}

TEST_F(RefreshingProviderTest, AnAnswerAfterTheProvidersEndIsDropped) {
    ask();
    provider_.reset();
    hand_out("late", hour_ms);
}

}  // namespace
}  // namespace momento::aws
