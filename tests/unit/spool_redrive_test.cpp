#include "spool/redrive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spool/marks.h"
#include "spool/move.h"
#include "test_spool.h"

namespace momento {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using Bodies = std::vector<std::string>;

class Redrive : public testing::Test {
  protected:
    RedriveReport redrive(const RedriveSettings& settings = {},
                          StepObserver* observer = nullptr) {
        SpoolTools tools = spool_.tools(observer);
        Tails tails(spool_.path(), tools);
        RedriveReport report;
        for (const SlotPlace& place : spool_.places(dead_letter_directory)) {
            Status status = redrive_letters(place, settings, tails, tools, &report);
            EXPECT_TRUE(status) << status.error().text;
        }
        tails.finish();
        return report;
    }

    TestSpool spool_;
};

// Its sequence may yet be given to another letter, which the mark would then be on.
TEST_F(Redrive, LeavesALetterThatItsOwnerMayTakeBack) {
    Tails owner(spool_.path(), spool_.tools());
    for (const char* body : {"one", "two"}) {
        std::vector<RecordBuffer> letters;
        letters.push_back(RecordBuffer::from(TestSpool::letter(body)));
        ASSERT_TRUE(owner.append(dead_letter_directory, std::move(letters)));
    }
    RedriveSettings settings;
    settings.to = "bus";
    RedriveReport report = redrive(settings);
    EXPECT_EQ(report.in_doubt, 1u);
    EXPECT_THAT(spool_.pending("bus"), UnorderedElementsAre("one"));
    const LetterFilter any;
    const SlotPlace place = spool_.places(dead_letter_directory)[0];
    EXPECT_EQ(*remove_letters(place, any, spool_.tools()), 0u);

    owner.finish();
    report = redrive(settings);
    EXPECT_EQ(report.in_doubt, 0u);
    EXPECT_THAT(spool_.pending("bus"), UnorderedElementsAre("one", "two"));
}

TEST_F(Redrive, HidesNoLetterBehindAMarkOnOneThatAPowerLossTookBack) {
    spool_.append(dead_letter_directory, {TestSpool::letter("one")});
    const SlotPlace place = spool_.places(dead_letter_directory)[0];
    Mark mark;
    mark.sequence = 2;
    ASSERT_TRUE((*MarkWriter::open(place.directory))->append({mark}));

    spool_.append(dead_letter_directory, {TestSpool::letter("two")});
    EXPECT_THAT(spool_.pending(dead_letter_directory), UnorderedElementsAre("one", "two"));
}

TEST_F(Redrive, AppendsTheEventAndMarksTheLetter) {
    spool_.append("bus", {TestSpool::event("seen before")});
    spool_.append(dead_letter_directory, {TestSpool::letter("one"), TestSpool::letter("two")});

    RedriveReport report = redrive();
    EXPECT_EQ(report.redriven, (std::map<std::string, uint64_t>{{"bus", 2}}));
    EXPECT_THAT(spool_.pending(dead_letter_directory), IsEmpty());
    EXPECT_THAT(spool_.pending("bus"), UnorderedElementsAre("seen before", "one", "two"));
    EXPECT_TRUE(redrive().redriven.empty()) << "once is enough";
}

TEST_F(Redrive, MakesAnEventThatStartsAfresh) {
    spool_.append("bus", {});
    spool_.append(dead_letter_directory, {TestSpool::letter("one")});
    RedriveSettings settings;
    settings.to = "other";
    redrive(settings);

    int seen = 0;
    for (const SlotPlace& place : spool_.places("other")) {
        ASSERT_TRUE(read_slot(place, [&](const Record& event, Position) {
            ++seen;
            EXPECT_EQ(event.kind, RecordKind::event);
            EXPECT_EQ(event.origin, Origin::redrive);
            EXPECT_EQ(event.accepted_ms, 1'700'000'000'123);
            EXPECT_EQ(event.publish_ms, 1'700'000'000'000);
            EXPECT_EQ(event.cache, "chat");
            EXPECT_EQ(event.topic, "room-281");
            EXPECT_EQ(event.attempts, 0u);
            EXPECT_EQ(event.first_attempt_ms, 0);
            EXPECT_EQ(event.last_attempt_ms, 0);
            EXPECT_EQ(event.reason_code, "");
        }));
    }
    EXPECT_EQ(seen, 1);
}

TEST_F(Redrive, TakesOnlyLettersWithTheReasonThatWasAskedFor) {
    spool_.append("bus", {TestSpool::event("seen before")});
    spool_.append(dead_letter_directory, {TestSpool::letter("one", "A")});
    spool_.append(dead_letter_directory, {TestSpool::letter("two", "B")});
    RedriveSettings settings;
    settings.filter.reason = "B";
    redrive(settings);
    EXPECT_THAT(spool_.pending(dead_letter_directory), ElementsAre("one"));
    EXPECT_THAT(spool_.pending("bus"), UnorderedElementsAre("seen before", "two"));
}

TEST_F(Redrive, LeavesWhatMakesNoEventAndWhatNamesNoDestination) {
    Record malformed = TestSpool::letter("not json", "malformed");
    malformed.cache = {};
    malformed.topic = {};
    spool_.append(dead_letter_directory, {malformed, TestSpool::letter("nowhere")});
    RedriveReport report = redrive();
    EXPECT_EQ(report.without_event, 1u);
    EXPECT_EQ(report.without_destination, (RedriveReport::Counts{{"bus", 1}}));
    EXPECT_TRUE(report.redriven.empty());
    EXPECT_THAT(spool_.pending(dead_letter_directory), ElementsAre("not json", "nowhere"));
    EXPECT_FALSE(std::filesystem::exists(spool_.path() + "/bus"));
}

TEST_F(Redrive, ChangesNothingInADryRun) {
    spool_.append("bus", {TestSpool::event("seen before")});
    spool_.append(dead_letter_directory, {TestSpool::letter("one")});
    RedriveSettings settings;
    settings.dry_run = true;
    EXPECT_EQ(redrive(settings).redriven["bus"], 1u);
    EXPECT_THAT(spool_.pending(dead_letter_directory), ElementsAre("one"));
    EXPECT_THAT(spool_.pending("bus"), ElementsAre("seen before"));
}

TEST_F(Redrive, WorksBesideTheWorkerThatHasTheSlotLocked) {
    spool_.append("bus", {TestSpool::event("seen before")});
    spool_.append(dead_letter_directory, {TestSpool::letter("one")});
    auto lock = spool_.places(dead_letter_directory)[0].directory->try_lock("lock");
    ASSERT_TRUE(lock && *lock);
    EXPECT_EQ(redrive().redriven["bus"], 1u);
    EXPECT_THAT(spool_.pending(dead_letter_directory), IsEmpty());
}

TEST_F(Redrive, RefusesToRunTwiceAtOnce) {
    spool_.append(dead_letter_directory, {TestSpool::letter("one")});
    SlotPlace place = spool_.places(dead_letter_directory)[0];
    auto other = MarkWriter::open(place.directory);
    ASSERT_TRUE(other && *other);
    SpoolTools tools = spool_.tools();
    Tails tails(spool_.path(), tools);
    RedriveReport report;
    EXPECT_FALSE(redrive_letters(place, {}, tails, tools, &report));
}

// Stops everything at one step, as a crash would.
class Crash final : public StepObserver {
  public:
    explicit Crash(std::string step) : step_(std::move(step)) {}
    void at(const char* step) override {
        if (step_ == step && !crashed_) {
            crashed_ = true;
            throw std::runtime_error(step_);
        }
    }

  private:
    std::string step_;
    bool crashed_ = false;
};

TEST_F(Redrive, LosesNothingWhenItCrashesBeforeTheMark) {
    spool_.append("bus", {TestSpool::event("seen before")});
    spool_.append(dead_letter_directory, {TestSpool::letter("one")});
    Crash crash(steps::redriven_appended);
    EXPECT_THROW(redrive({}, &crash), std::runtime_error);
    EXPECT_THAT(spool_.pending("bus"), UnorderedElementsAre("seen before", "one"));
    EXPECT_THAT(spool_.pending(dead_letter_directory), ElementsAre("one"));

    redrive();  // twice, then: the documented duplicate
    EXPECT_THAT(spool_.pending("bus"), UnorderedElementsAre("seen before", "one", "one"));
    EXPECT_THAT(spool_.pending(dead_letter_directory), IsEmpty());
}

TEST_F(Redrive, LeavesTheLetterWhenItCrashesBeforeTheEventIsDurable) {
    spool_.append("bus", {TestSpool::event("seen before")});
    spool_.append(dead_letter_directory, {TestSpool::letter("one")});
    Crash crash(steps::records_written);
    EXPECT_THROW(redrive({}, &crash), std::runtime_error);
    EXPECT_THAT(spool_.pending(dead_letter_directory), ElementsAre("one"));
}

TEST_F(Redrive, HandlesMoreLettersThanOneBatch) {
    spool_.append("bus", {});
    Bodies bodies;
    std::vector<Record> letters;
    for (int i = 0; i < 700; i++) bodies.push_back("letter " + std::to_string(i));
    for (const std::string& body : bodies) letters.push_back(TestSpool::letter(body));
    spool_.append(dead_letter_directory, letters);
    RedriveSettings settings;
    settings.to = "bus";
    EXPECT_EQ(redrive(settings).redriven["bus"], 700u);
    EXPECT_EQ(spool_.pending("bus"), bodies);
    EXPECT_THAT(spool_.pending(dead_letter_directory), IsEmpty());
}

TEST_F(Redrive, RemovesOldLettersOnly) {
    Record young = TestSpool::letter("young");
    young.last_attempt_ms = system_clock().wall_ms();
    Record never_tried = TestSpool::letter("never tried");
    never_tried.last_attempt_ms = 0;
    spool_.append(dead_letter_directory, {TestSpool::letter("old"), young, never_tried});
    LetterFilter filter;
    filter.older_than_ms = 86'400'000;
    auto removed =
        remove_letters(spool_.places(dead_letter_directory)[0], filter, spool_.tools());
    ASSERT_TRUE(removed) << removed.error().text;
    EXPECT_EQ(*removed, 2u);
    EXPECT_THAT(spool_.pending(dead_letter_directory), ElementsAre("young"));
}

class Move : public Redrive {
  protected:
    MoveReport move(StepObserver* observer = nullptr) {
        SpoolTools tools = spool_.tools(observer);
        Tails tails(spool_.path(), tools);
        MoveReport report;
        Status status = move_events(spool_.path(), "old", "new", tails, tools, &report);
        EXPECT_TRUE(status) << status.error().text;
        tails.finish();
        return report;
    }
};

TEST_F(Move, AppendsTheEventsAndReleasesThemWhereTheyWere) {
    spool_.append("old", {TestSpool::event("one"), TestSpool::event("two")});
    EXPECT_EQ(move().moved, 2u);
    EXPECT_THAT(spool_.pending("old"), IsEmpty());
    EXPECT_THAT(spool_.pending("new"), ElementsAre("one", "two"));
    EXPECT_EQ(move().moved, 0u);
}

TEST_F(Move, KeepsWhatTheEventsAre) {
    Record event = TestSpool::event("one");
    event.attempts = 4;
    event.first_attempt_ms = 1'700'000'001'000;
    spool_.append("old", {event});
    move();
    int seen = 0;
    ASSERT_TRUE(read_slot(spool_.places("new")[0], [&](const Record& moved, Position) {
        ++seen;
        EXPECT_EQ(moved.attempts, 4u);
        EXPECT_EQ(moved.first_attempt_ms, 1'700'000'001'000);
        EXPECT_EQ(moved.accepted_ms, event.accepted_ms);
        EXPECT_EQ(moved.topic, "room-281");
    }));
    EXPECT_EQ(seen, 1);
}

TEST_F(Move, LeavesASlotAloneThatIsInUse) {
    spool_.append("old", {TestSpool::event("one")});
    auto lock = spool_.places("old")[0].directory->try_lock("lock");
    ASSERT_TRUE(lock && *lock);
    MoveReport report = move();
    EXPECT_EQ(report.moved, 0u);
    EXPECT_EQ(report.in_use, 1u);
    EXPECT_THAT(spool_.pending("old"), ElementsAre("one"));
}

TEST_F(Move, PassesWhatTheDiskHasLost) {
    spool_.append("old", {TestSpool::event("one"), TestSpool::event("two")});
    auto directory = spool_.places("old")[0].directory;
    auto file = std::move(*directory->open(segment_file_name(1), Directory::Mode::write));
    std::string bytes(*file->size(), '\0');
    ASSERT_TRUE(file->read_at(0, bytes.data(), bytes.size()));
    ASSERT_NE(bytes.find("two"), bytes.npos);
    ASSERT_TRUE(file->write_at(bytes.find("two"), "???"));

    EXPECT_EQ(move().moved, 1u);
    EXPECT_THAT(spool_.pending("new"), ElementsAre("one"));
    auto left = read_slot(spool_.places("old")[0], [](const Record&, Position) {});
    ASSERT_TRUE(left);
    EXPECT_EQ(left->cursor.totals.pending(), 0u);
    EXPECT_EQ(left->cursor.totals.damaged, 1u);
}

TEST_F(Move, LosesNothingWhenItCrashesBetweenTheTwo) {
    spool_.append("old", {TestSpool::event("one")});
    Crash crash(steps::moved_appended);
    EXPECT_THROW(move(&crash), std::runtime_error);
    EXPECT_THAT(spool_.pending("new"), ElementsAre("one"));
    EXPECT_THAT(spool_.pending("old"), ElementsAre("one"));
}

}  // namespace
}  // namespace momento
