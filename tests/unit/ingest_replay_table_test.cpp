#include "ingest/replay_table.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "ingest/freshness.h"

namespace momento {
namespace {

using Outcome = ReplayTable::Outcome;
using State = ReplayTable::State;

constexpr int64_t now = 1'700'000'000'000;
constexpr int64_t later = now + 120'000;
constexpr uint32_t me = 100;
constexpr uint32_t other = 200;

class TheReplayTable : public testing::Test {
  protected:
    explicit TheReplayTable(size_t buckets = 64)
        : memory_(buckets * sizeof(ReplayTable::Bucket) / sizeof(int64_t)),
          table_(memory_.data(), memory_.size() * sizeof(int64_t)) {}

    ReplayId random_id() {
        ReplayId id;
        for (uint8_t& byte : id) byte = static_cast<uint8_t>(random_());
        return id;
    }

    std::vector<int64_t> memory_;
    ReplayTable table_;
    std::mt19937 random_{7};
};

TEST_F(TheReplayTable, ReservesAnIdOnce) {
    const ReplayId id = random_id();
    EXPECT_EQ(table_.reserve(id, me, later, now).outcome, Outcome::reserved);
    const auto second = table_.reserve(id, other, later, now);
    EXPECT_EQ(second.outcome, Outcome::known);
    EXPECT_EQ(second.found.state, State::pending);
    EXPECT_EQ(second.found.owner, me);
    EXPECT_EQ(table_.reserve(random_id(), other, later, now).outcome, Outcome::reserved);
}

TEST_F(TheReplayTable, TellsWhatBecameOfTheFirstCopy) {
    for (const State state : {State::accepted, State::malformed}) {
        const ReplayId id = random_id();
        table_.reserve(id, me, later, now);
        table_.settle(id, state, now);
        EXPECT_EQ(table_.reserve(id, other, later, now).found.state, state);
    }
    const ReplayId id = random_id();
    table_.reserve(id, me, later, now);
    table_.settle(id, State::accepted, now);
    table_.settle(id, State::delivered, now);
    EXPECT_EQ(table_.find(id, now)->state, State::delivered);
}

TEST_F(TheReplayTable, ForgetsWhatWasWithdrawn) {
    const ReplayId id = random_id();
    table_.reserve(id, me, later, now);
    table_.withdraw(id, me, now);
    EXPECT_FALSE(table_.find(id, now));
    EXPECT_EQ(table_.reserve(id, other, later, now).outcome, Outcome::reserved);
}

TEST_F(TheReplayTable, LetsOnlyTheOwnerWithdrawAndOnlyWhatIsPending) {
    const ReplayId id = random_id();
    table_.reserve(id, me, later, now);
    table_.withdraw(id, other, now);
    EXPECT_TRUE(table_.find(id, now));
    table_.settle(id, State::accepted, now);
    table_.withdraw(id, me, now);
    EXPECT_TRUE(table_.find(id, now));
}

TEST_F(TheReplayTable, RemembersUpToTheLastMillisecond) {
    const ReplayId id = random_id();
    table_.reserve(id, me, later, now);
    table_.settle(id, State::accepted, now);
    EXPECT_EQ(table_.reserve(id, me, later, later).outcome, Outcome::known);
    EXPECT_EQ(table_.reserve(id, me, later + 1'000, later + 1).outcome, Outcome::reserved);
}

TEST_F(TheReplayTable, GivesADeadOwnersEntryToOneOnly) {
    const ReplayId id = random_id();
    table_.reserve(id, other, later, now);
    EXPECT_TRUE(table_.take_over(id, other, me, now));
    EXPECT_FALSE(table_.take_over(id, other, 300, now));
    EXPECT_EQ(table_.find(id, now)->owner, me);
    table_.settle(id, State::accepted, now);
    EXPECT_FALSE(table_.take_over(id, me, 300, now));
}

TEST_F(TheReplayTable, RemembersWhatWasAcceptedBeforeItWasThere) {
    const ReplayId unknown = random_id();
    EXPECT_TRUE(table_.remember(unknown, State::accepted, later, now));
    EXPECT_EQ(table_.find(unknown, now)->state, State::accepted);

    const ReplayId delivered = random_id();
    table_.remember(delivered, State::delivered, later, now);
    EXPECT_TRUE(table_.remember(delivered, State::accepted, later, now));
    EXPECT_EQ(table_.find(delivered, now)->state, State::delivered);
}

TEST_F(TheReplayTable, SurvivesTheProcessThatMadeIt) {
    const ReplayId id = random_id();
    table_.reserve(id, me, later, now);
    table_.settle(id, State::accepted, now);
    const ReplayTable next(memory_.data(), memory_.size() * sizeof(int64_t));
    EXPECT_EQ(next.find(id, now)->state, State::accepted);
    EXPECT_EQ(next.count(now), 1u);
}

TEST(ALargeReplayTable, IsCountedByASample) {
    constexpr size_t buckets = 8 * ReplayTable::counted_buckets + 13;
    std::vector<ReplayTable::Bucket> memory(buckets);
    ReplayTable table(memory.data(), buckets * sizeof(ReplayTable::Bucket));
    EXPECT_EQ(table.count(now), 0u);

    std::mt19937_64 random{7};
    const size_t half = table.capacity() / 2;
    for (size_t i = 0; i < half; ++i) {
        const std::array<uint64_t, 2> words = {random(), random()};
        ReplayId id;
        std::memcpy(id.data(), words.data(), id.size());
        table.remember(id, State::accepted, later, now);
    }
    EXPECT_NEAR(static_cast<double>(table.count(now)), static_cast<double>(half),
                0.02 * static_cast<double>(half));
    EXPECT_EQ(table.count(later + 1), 0u);
}

TEST_F(TheReplayTable, WithoutRoomRefuses) {
    ReplayTable nothing;
    EXPECT_EQ(nothing.reserve(random_id(), me, later, now).outcome, Outcome::full);
    EXPECT_FALSE(nothing.remember(random_id(), State::accepted, later, now));
    EXPECT_FALSE(nothing.find(random_id(), now));
}

class AFullReplayTable : public TheReplayTable {
  protected:
    AFullReplayTable() : TheReplayTable(1'024) {}
};

// The reference's sizing formula counts on this.
TEST_F(AFullReplayTable, HadRoomForFourFifthsOfItsEntries) {
    size_t taken = 0;
    while (table_.reserve(random_id(), me, later, now).outcome == Outcome::reserved) ++taken;
    EXPECT_GE(taken, table_.capacity() * 4 / 5);
    EXPECT_EQ(table_.count(now), taken);
}

TEST_F(AFullReplayTable, ForgetsNothingThatIsNotOver) {
    std::vector<ReplayId> ids;
    for (size_t i = 0; i < 2 * table_.capacity(); ++i) {
        const ReplayId id = random_id();
        if (table_.reserve(id, me, later, now).outcome != Outcome::reserved) continue;
        table_.settle(id, State::accepted, now);
        ids.push_back(id);
    }
    for (const ReplayId& id : ids) ASSERT_TRUE(table_.find(id, later));
}

TEST_F(AFullReplayTable, TakesAsManyAgainWhenTheFirstAreOver) {
    for (size_t i = 0; i < 2 * table_.capacity(); ++i) {
        table_.reserve(random_id(), me, later, now);
    }
    size_t taken = 0;
    for (size_t i = 0; i < table_.capacity() * 4 / 5; ++i) {
        const auto reservation = table_.reserve(random_id(), me, later * 2, later + 1);
        if (reservation.outcome == Outcome::reserved) ++taken;
    }
    EXPECT_EQ(taken, table_.capacity() * 4 / 5);
}

// ReplayZone keeps an entry for a minute more than its event is fresh.
TEST_F(AFullReplayTable, KnowsASignatureThatAClockSetBackMakesFreshAgain) {
    constexpr int64_t max_age = 60'000;
    constexpr int64_t set_back = 30'000;
    const FreshnessWindow window{max_age, 10'000};
    const ReplayId id = random_id();
    table_.reserve(id, me, now + max_age + 60'000, now);
    table_.settle(id, State::accepted, now);
    int made_fresh = 0;
    for (const int64_t age : {max_age, max_age + 1, max_age + set_back}) {
        for (size_t i = 0; i < 2 * table_.capacity(); ++i) {
            table_.reserve(random_id(), me, later * 2, now + age);
        }
        const int64_t after = now + age - set_back;
        if (judge_freshness(now, after, window) != Freshness::fresh) continue;
        ++made_fresh;
        EXPECT_TRUE(table_.find(id, after)) << age;
    }
    EXPECT_EQ(made_fresh, 3);
}

}  // namespace
}  // namespace momento
