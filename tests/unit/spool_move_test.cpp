// Moving events between destinations on a disk that fails.
#include "spool/move.h"

#include <gmock/gmock.h>

#include <functional>
#include <string>

#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

class MoveOnABrokenDisk : public SimLogTest {
  protected:
    // Two slots, each with an event; the path of one of them.
    std::string two_slots() {
        EXPECT_TRUE(start("old").append("one"));
        PlayedLog second(settings_, "old", tools(*files_));
        EXPECT_TRUE(second.append("two"));
        kill();
        EXPECT_THAT(list("/spool/old"), testing::SizeIs(2));
        return "/old/" + list("/spool/old")[0];
    }

    // `fails`: what the disk does not do.
    Status move(const std::function<bool(const sim::Call&)>& fails) {
        disk_.before = [fails](const sim::Call& call) {
            return fails(call) ? sim::Fault{EIO} : sim::Fault{};
        };
        const SpoolTools tools{&editor(), &clock_, &random_, &lines_, nullptr};
        Tails tails(settings_.path, tools);
        Status moved = move_events(settings_.path, "old", "new", tails, tools, &report_);
        tails.finish();
        disk_.before = {};
        return moved;
    }

    static bool changes(const sim::Call& call) {
        return call.operation == sim::Operation::write ||
               call.operation == sim::Operation::create ||
               call.operation == sim::Operation::remove;
    }

    MoveReport report_;
};

// It would give the same events again and again.
TEST_F(MoveOnABrokenDisk, LeavesASlotInWhichItCannotNoteWhatItMoved) {
    const std::string slot = two_slots();
    ASSERT_TRUE(move([&](const sim::Call& call) {
        return changes(call) && call.path.find(slot) != std::string::npos &&
               call.path.find("cursor") != std::string::npos;
    }));
    EXPECT_EQ(lines_.count("its events were moved cannot be noted"), 1u);
    EXPECT_EQ(report_.moved, 2u);
    EXPECT_EQ(report_.failed, 1u);
}

TEST_F(MoveOnABrokenDisk, LeavesASlotThatItCannotRead) {
    const std::string slot = two_slots();
    const auto cannot_read = [&](const sim::Call& call) {
        return call.operation == sim::Operation::read &&
               call.path.find(slot) != std::string::npos &&
               call.path.find(".segment") != std::string::npos;
    };
    ASSERT_TRUE(move(cannot_read));
    EXPECT_EQ(lines_.count(slot), 1u);
    EXPECT_EQ(report_.moved, 1u);
    EXPECT_EQ(report_.failed, 1u);

    report_ = {};
    ASSERT_TRUE(move([](const sim::Call&) { return false; }));
    EXPECT_EQ(report_.moved, 1u);
    EXPECT_EQ(report_.failed, 0u);
}

TEST_F(MoveOnABrokenDisk, EndsWhereNothingCanBeAppended) {
    two_slots();
    ASSERT_FALSE(move([](const sim::Call& call) {
        return changes(call) && call.path.find("/new") != std::string::npos;
    }));
    EXPECT_EQ(report_.moved, 0u);
    ASSERT_TRUE(move([](const sim::Call&) { return false; }));
    EXPECT_EQ(report_.moved, 2u);
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
