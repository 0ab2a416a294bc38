// Moving events between destinations on a disk that fails.
#include "spool/move.h"

#include <gmock/gmock.h>

#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

class MoveOnABrokenDisk : public SimLogTest {};

// It would give the same events again and again.
TEST_F(MoveOnABrokenDisk, EndsWhenItCannotNoteWhatItMoved) {
    ASSERT_TRUE(start("old").append("one"));
    kill();
    disk_.before = [](const sim::Call& call) {
        const bool is_noted = call.path.find("/old/") != std::string::npos &&
                              call.path.find("cursor") != std::string::npos;
        const bool changes = call.operation == sim::Operation::write ||
                             call.operation == sim::Operation::create ||
                             call.operation == sim::Operation::remove;
        return is_noted && changes ? sim::Fault{EIO} : sim::Fault{};
    };
    const SpoolTools tools{&editor(), &clock_, &random_, &lines_, nullptr};
    Tails tails(settings_.path, tools);
    MoveReport report;
    const Status moved = move_events(settings_.path, "old", "new", tails, tools, &report);
    tails.finish();
    disk_.before = {};
    ASSERT_FALSE(moved);
    EXPECT_THAT(moved.error().text, testing::HasSubstr("cannot be noted"));
    EXPECT_EQ(report.moved, 1u);
}

TEST_F(SimLogTest, ALogThatHasEndedIsNotFailingAnyMore) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    disk_.before = [](const sim::Call& call) {
        const bool changes =
            call.operation == sim::Operation::write || call.operation == sim::Operation::create;
        return changes ? sim::Fault{EIO} : sim::Fault{};
    };
    EXPECT_FALSE(log.append("two"));
    EXPECT_TRUE(log.log->numbers().failing);
    log.writer->finish();
    disk_.before = {};
    EXPECT_FALSE(log.log->numbers().failing);
}

}  // namespace
}  // namespace momento::spool_test
