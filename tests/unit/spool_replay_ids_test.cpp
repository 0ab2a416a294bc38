#include "spool/replay_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr uint32_t zone = 77;

class ReplayIds : public SimLogTest {
  protected:
    ReplayIds() { settings_.retain_ms = 60'000; }

    Record signed_event(uint8_t id, int64_t age_ms = 0) {
        Record record = event("{}", clock_.wall_ms() - age_ms);
        record.publish_ms = record.accepted_ms;
        record.replay_id.fill(id);
        record.replay_zone = zone;
        return record;
    }

    // First bytes of the ids that a process reads back, and whether they are in doubt.
    std::map<int, bool> read_back() {
        std::map<int, bool> ids;
        const Status read =
            visit_signatures(editor(), settings_.path, clock_.wall_ms() - settings_.retain_ms,
                             lines_, [&](const AcceptedSignature& signature) {
                                 EXPECT_EQ(signature.zone, zone);
                                 ids[signature.id[0]] |= signature.in_doubt;
                                 last_reason_ = signature.reason;
                                 return true;
                             });
        EXPECT_TRUE(read) << read.error().text;
        return ids;
    }

    std::string last_reason_;
};

TEST_F(ReplayIds, AreThoseOfAllRecordsThatADeadProcessLeft) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append({signed_event(1), signed_event(2)}));
    ASSERT_TRUE(log.append({signed_event(3)}));
    kill();
    EXPECT_THAT(read_back(),
                UnorderedElementsAre(Pair(1, false), Pair(2, false), Pair(3, false)));
}

TEST_F(ReplayIds, OutliveTheDelivery) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append({signed_event(1)}));
    log.release(log.read());
    log.settle();
    ASSERT_EQ(log.totals().pending(), 0u);
    kill();
    EXPECT_THAT(read_back(), UnorderedElementsAre(Pair(1, false)));
}

// Nobody can tell from outside whether the last batch is on disk.
TEST_F(ReplayIds, OfTheLastBatchAreInDoubtWhileItsOwnerLives) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append({signed_event(1)}));
    ASSERT_TRUE(log.append({signed_event(2)}));
    EXPECT_THAT(read_back(), UnorderedElementsAre(Pair(1, false), Pair(2, true)));
    clock_.advance_ms(1'000);
    log.settle();
    EXPECT_THAT(read_back(), UnorderedElementsAre(Pair(1, false), Pair(2, false)));
}

TEST_F(ReplayIds, ThatTheOwnerFoundAreBeyondDoubt) {
    ASSERT_TRUE(start().append({signed_event(1)}));
    restart();
    EXPECT_THAT(read_back(), UnorderedElementsAre(Pair(1, false)));
}

TEST_F(ReplayIds, EndWithTheirTime) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append({signed_event(1, settings_.retain_ms + 1), signed_event(2)}));
    kill();
    EXPECT_THAT(read_back(), UnorderedElementsAre(Pair(2, false)));
}

TEST_F(ReplayIds, AreOnlyThoseOfAZone) {
    PlayedLog& log = start();
    Record without = signed_event(1);
    without.replay_zone = 0;
    ASSERT_TRUE(log.append({without, signed_event(2)}));
    kill();
    EXPECT_THAT(read_back(), UnorderedElementsAre(Pair(2, false)));
}

TEST_F(ReplayIds, AreReadFromDeadLettersToo) {
    PlayedLog& log = start(dead_letter_directory);
    Record letter = signed_event(1);
    letter.kind = RecordKind::dead_letter;
    letter.reason_code = "malformed";
    letter.publish_ms = 0;  // it does not say
    ASSERT_TRUE(log.append({letter}));
    kill();
    EXPECT_THAT(read_back(), UnorderedElementsAre(Pair(1, false)));
    EXPECT_EQ(last_reason_, "malformed");
}

TEST_F(ReplayIds, OfASpoolThatIsNotThereAreNone) {
    settings_.path = "/nowhere";
    EXPECT_THAT(read_back(), IsEmpty());
}

TEST_F(ReplayIds, StopWhenTheVisitorHasEnough) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append({signed_event(1), signed_event(2)}));
    kill();
    int visited = 0;
    ASSERT_TRUE(visit_signatures(editor(), settings_.path, 0, lines_,
                                 [&](const AcceptedSignature&) { return ++visited < 1; }));
    EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace momento::spool_test
