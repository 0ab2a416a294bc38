#include "gateway/slot_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace momento {
namespace {

SlotTotals totals(uint64_t last, uint64_t delivered, uint64_t dead = 0, uint64_t requeued = 0,
                  uint64_t redriven = 0) {
    SlotTotals totals;
    totals.last_sequence = last;
    totals.delivered = delivered;
    totals.dead = dead;
    totals.requeued = requeued;
    totals.redriven = redriven;
    return totals;
}

LogNumbers numbers(const SlotTotals& totals) {
    LogNumbers numbers;
    numbers.totals = totals;
    numbers.bytes = 100;
    numbers.limit = 1000;
    return numbers;
}

void expect_balance(const DestinationNumbers& sum) {
    EXPECT_EQ(sum.appended + sum.recovered + sum.redriven,
              sum.delivered + sum.dead + sum.damaged + sum.pending);
}

class SlotTableTest : public testing::Test {
  protected:
    std::unique_ptr<SlotTable> table_ = std::make_unique<SlotTable>();
};

TEST_F(SlotTableTest, CountsWhatHappenedSinceASlotWasFirstOpened) {
    table_->publish("bus", "a", 0, totals(100, 90), numbers(totals(150, 120, 3)));

    const DestinationNumbers sum = table_->sum("bus", {});
    EXPECT_EQ(sum.recovered, 10u);
    EXPECT_EQ(sum.appended, 50u);
    EXPECT_EQ(sum.delivered, 30u);
    EXPECT_EQ(sum.dead, 3u);
    EXPECT_EQ(sum.pending, 27u);
    expect_balance(sum);
}

// momentoctl spool move releases them here, and appends them elsewhere.
TEST_F(SlotTableTest, CountsWhatWasMovedAwayNowhere) {
    SlotTotals found = totals(10, 4);
    found.redriven = 2;
    SlotTotals moved = found;
    moved.requeued = 6;
    moved.redriven = 0;
    table_->publish("bus", "a", 0, found, numbers(moved));

    const DestinationNumbers sum = table_->sum("bus", {});
    EXPECT_EQ(sum.appended, 0u);
    EXPECT_EQ(sum.recovered, 0u);
    EXPECT_EQ(sum.redriven, 0u);
    EXPECT_EQ(sum.pending, 0u);
    expect_balance(sum);
}

TEST_F(SlotTableTest, KeepsTheFirstOpeningWhenAnotherWorkerAdoptsTheSlot) {
    table_->publish("bus", "a", 0, totals(0, 0), numbers(totals(10, 4)));
    // The worker died after it had delivered two more, and before it said so.
    table_->publish("bus", "a", 0, totals(10, 6), numbers(totals(10, 6)));

    const DestinationNumbers sum = table_->sum("bus", {});
    EXPECT_EQ(sum.recovered, 0u);
    EXPECT_EQ(sum.appended, 10u);
    EXPECT_EQ(sum.delivered, 6u);
    expect_balance(sum);
}

TEST_F(SlotTableTest, CountsARequeuedRecordOnceAndARedrivenOneAsRedriven) {
    table_->publish("bus", "a", 0, totals(0, 0), numbers(totals(12, 5, 0, 1, 2)));

    const DestinationNumbers sum = table_->sum("bus", {});
    EXPECT_EQ(sum.appended, 9u);
    EXPECT_EQ(sum.redriven, 2u);
    EXPECT_EQ(sum.pending, 6u);
    expect_balance(sum);
}

TEST_F(SlotTableTest, CountsWhatMomentoctlAppendedToASlotOfItsOwnAsRedriven) {
    table_->publish("bus", "a", 0, totals(7, 0, 0, 0, 7), numbers(totals(7, 3, 0, 0, 7)));
    // Here redriven events were delivered before: what is pending may be any.
    table_->publish("bus", "b", 0, totals(9, 5, 0, 0, 5), numbers(totals(9, 5, 0, 0, 5)));

    const DestinationNumbers sum = table_->sum("bus", {});
    EXPECT_EQ(sum.redriven, 7u);
    EXPECT_EQ(sum.recovered, 4u);
    EXPECT_EQ(sum.appended, 0u);
    EXPECT_EQ(sum.delivered, 3u);
    expect_balance(sum);
}

TEST_F(SlotTableTest, SumsSlotsOfOneDestinationOnly) {
    table_->publish("bus", "a", 0, totals(0, 0), numbers(totals(1, 0)));
    table_->publish("bus", "b", 0, totals(0, 0), numbers(totals(2, 0)));
    table_->publish("other", "a", 0, totals(0, 0), numbers(totals(4, 0)));

    EXPECT_EQ(table_->sum("bus", {}).appended, 3u);
    EXPECT_EQ(table_->sum("bus", {}).bytes, 200u);
    EXPECT_EQ(table_->sum("other", {}).appended, 4u);
    EXPECT_EQ(table_->sum("none", {}).appended, 0u);
}

TEST_F(SlotTableTest, CountsTheBoundsOfSlotsThatSomebodyHasOrThatHoldSomething) {
    table_->publish("bus", "a", 3, {}, numbers(totals(5, 5)));
    table_->publish("bus", "b", 3, {}, numbers(totals(5, 4)));
    EXPECT_EQ(table_->sum("bus", {3}).limit, 2000u);
    EXPECT_EQ(table_->sum("bus", {}).limit, 1000u);  // who had them has died

    LogNumbers drained = numbers(totals(5, 5));
    drained.let_go = true;
    table_->publish("bus", "a", 3, {}, drained);
    table_->publish("bus", "b", 3, {}, drained);
    EXPECT_EQ(table_->sum("bus", {3}).limit, 0u);
    EXPECT_EQ(table_->sum("bus", {3}).bytes, 200u);

    table_->publish("bus", "a", 4, {}, numbers(totals(6, 5)));
    EXPECT_EQ(table_->sum("bus", {4}).limit, 1000u);
}

// Whoever gives back its files knows nothing of what was poisoned before.
TEST_F(SlotTableTest, KeepsTheNumberOfPoisonedSegmentsOfASlotThatIsLetGo) {
    LogNumbers trouble = numbers({});
    trouble.poisoned = 2;
    table_->publish("bus", "a", 7, {}, trouble);
    LogNumbers given_back;
    given_back.let_go = true;
    table_->publish("bus", "a", 8, {}, given_back);
    EXPECT_EQ(table_->sum("bus", {7, 8}).poisoned, 2u);
}

TEST_F(SlotTableTest, AsksNobodyWhoDiedHowADiskIs) {
    LogNumbers trouble = numbers({});
    trouble.failing = true;
    trouble.full = true;
    table_->publish("bus", "a", 7, {}, trouble);
    EXPECT_TRUE(table_->sum("bus", {3, 7}).failing);
    EXPECT_TRUE(table_->sum("bus", {3, 7}).full);
    EXPECT_FALSE(table_->sum("bus", {3}).failing);
    EXPECT_FALSE(table_->sum("bus", {3}).full);

    table_->forget(7);  // its place has been taken by another process
    EXPECT_FALSE(table_->sum("bus", {3, 7}).failing);
    EXPECT_FALSE(table_->sum("bus", {3, 7}).full);
}

TEST_F(SlotTableTest, CountsASlotThatCannotBeOpenedUntilItIs) {
    table_->publish_blocked("bus", "a", 4);
    DestinationNumbers sum = table_->sum("bus", {});
    EXPECT_EQ(sum.pending, 4u);
    EXPECT_EQ(sum.unreadable, 4u);
    EXPECT_EQ(sum.recovered, 4u);
    expect_balance(sum);

    table_->publish("bus", "a", 7, totals(9, 4), numbers(totals(9, 4)));
    sum = table_->sum("bus", {7});
    EXPECT_EQ(sum.pending, 5u);
    EXPECT_EQ(sum.unreadable, 0u);
    EXPECT_EQ(sum.recovered, 5u);
    expect_balance(sum);
}

TEST_F(SlotTableTest, CountsOnceWhatASlotHeldThatCannotBeOpenedAgain) {
    table_->publish("bus", "a", 7, {}, numbers(totals(9, 4)));
    table_->publish_blocked("bus", "a", 6);
    DestinationNumbers sum = table_->sum("bus", {});
    EXPECT_EQ(sum.pending, 5u);
    EXPECT_EQ(sum.unreadable, 5u);
    EXPECT_EQ(sum.appended, 9u);
    expect_balance(sum);

    table_->publish("bus", "a", 8, totals(9, 4), numbers(totals(9, 9)));
    sum = table_->sum("bus", {8});
    EXPECT_EQ(sum.pending, 0u);
    EXPECT_EQ(sum.unreadable, 0u);
    EXPECT_EQ(sum.delivered, 9u);
    expect_balance(sum);
}

TEST_F(SlotTableTest, SaysWhenItIsFull) {
    for (size_t i = 0; i < SlotTable::capacity; ++i) {
        EXPECT_TRUE(table_->publish("bus", std::to_string(i), 0, {}, {}));
    }
    EXPECT_FALSE(table_->publish("bus", "one more", 0, {}, {}));
    EXPECT_TRUE(table_->publish("bus", "0", 0, {}, {}));
}

}  // namespace
}  // namespace momento
