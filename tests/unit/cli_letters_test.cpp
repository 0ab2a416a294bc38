#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "cli_run.h"
#include "test_spool.h"
#include "watched_stream.h"

namespace momento::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class LetterCommands : public testing::Test {
  protected:
    Ran run_here(Arguments arguments, const std::string& input = "", Terminal terminal = {}) {
        arguments.push_back(spool_.path());
        return run(arguments, input, {}, terminal);
    }

    void bury(std::string_view body, std::string_view reason = "Refused",
              std::string_view message = "because") {
        Record letter = TestSpool::letter(body, reason);
        letter.reason_message = message;
        spool_.append(dead_letter_directory, {letter});
    }

    // As `dead ls --json` tells it.
    std::string id_of(const std::string& body) {
        std::istringstream lines(run_here({"dead", "ls", "--json"}).out);
        for (std::string line; std::getline(lines, line);) {
            auto json = Json::parse(line);
            if (json && json->get("body").as_string() == body) {
                return std::string(*json->get("id").as_string());
            }
        }
        return "none";
    }

    std::vector<std::string> letters() { return spool_.pending(dead_letter_directory); }

    static constexpr Terminal somebody{true, true, 80};
    TestSpool spool_;
};

TEST_F(LetterCommands, RedriveRefusesADestinationThatIsNotInTheSpool) {
    spool_.append("bus", {TestSpool::event("seen before")});
    spool_.append("cache", {TestSpool::event("seen before")});
    bury("one");
    for (const Arguments& more : {Arguments{}, Arguments{"--dry-run"}}) {
        Arguments arguments = {"dead", "redrive", "--to", "bsu"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        Ran ran = run_here(arguments);
        EXPECT_EQ(ran.status, 2);
        EXPECT_THAT(ran.err, HasSubstr("destination \"bsu\" is not in the spool"));
        EXPECT_THAT(ran.err, HasSubstr("did you mean \"bus\"? there are \"bus\", \"cache\""));
        EXPECT_THAT(ran.err, HasSubstr("give --force"));
    }
    EXPECT_FALSE(std::filesystem::exists(spool_.path() + "/bsu"));
    EXPECT_THAT(letters(), UnorderedElementsAre("one"));

    Ran forced = run_here({"dead", "redrive", "--to", "new", "--force"});
    EXPECT_EQ(forced.status, 0) << forced.err;
    EXPECT_THAT(spool_.pending("new"), UnorderedElementsAre("one"));
    EXPECT_EQ(run_here({"dead", "redrive", "--force"}).status, 2) << "of what?";
}

TEST_F(LetterCommands, TakeALetterByTheIdThatLsPrints) {
    spool_.append("bus", {TestSpool::event("seen before")});
    bury("one");
    bury("two");
    bury("three");
    const std::string one = id_of("one");
    EXPECT_THAT(run_here({"dead", "ls"}).out, HasSubstr("\n" + one + "  "));

    Ran cat = run_here({"dead", "cat", one});
    EXPECT_EQ(cat.status, 0) << cat.err;
    EXPECT_THAT(cat.out, StartsWith(one + "\n"));
    EXPECT_THAT(cat.out, Not(HasSubstr("two")));

    Ran redriven = run_here({"dead", "redrive", one});
    EXPECT_EQ(redriven.out, "redriven: 1 to \"bus\"\n");
    EXPECT_THAT(spool_.pending("bus"), UnorderedElementsAre("seen before", "one"));

    Ran removed = run_here({"dead", "rm", id_of("three")});
    EXPECT_EQ(removed.out, "removed: 1\n");
    EXPECT_THAT(letters(), UnorderedElementsAre("two"));
}

TEST_F(LetterCommands, SayWhichIdIsNotThereAndTakeTheOthers) {
    bury("one");
    const std::string gone = "0123456789abcdef:7";
    for (const char* command : {"ls", "cat", "redrive", "rm"}) {
        Ran ran = run_here({"dead", command, gone});
        EXPECT_EQ(ran.status, 1) << command;
        EXPECT_EQ(ran.err, "no dead letter that matches has the ID " + gone + "\n") << command;
    }
    EXPECT_THAT(letters(), UnorderedElementsAre("one")) << "rm of nothing removes nothing";
    Ran ran = run_here({"dead", "rm", gone, id_of("one")});
    EXPECT_EQ(ran.status, 1);
    EXPECT_EQ(ran.out, "removed: 1\n");
}

TEST_F(LetterCommands, RefuseWhatLooksLikeAnIdAndIsNone) {
    for (const char* bad : {"0123456789abcdef:", "0123456789abcde:1", "0123456789abcdef:1x",
                            "0123456789abcdef:99999999999999999999", "x:1"}) {
        Ran ran = run_here({"dead", "cat", bad});
        EXPECT_EQ(ran.status, 2) << bad;
        EXPECT_THAT(ran.err,
                    HasSubstr(std::string("\"") + bad + "\" is not the ID of a letter"));
    }
    EXPECT_THAT(run_here({"dead", "ls", "/tmp"}).err, HasSubstr("give IDs and one directory"));
}

TEST_F(LetterCommands, LsShowsWhatTheDestinationSaidInOneLine) {
    bury("one", "Refused", "first line\nsecond \x1b[31m");
    bury("two", "Refused", std::string(99, 'x') + "\xc3\xa9 and more");
    const std::string out = run_here({"dead", "ls"}).out;
    EXPECT_THAT(out, StartsWith("ID"));
    EXPECT_THAT(out, HasSubstr("EVENT          MESSAGE\n"));
    EXPECT_THAT(out, HasSubstr("  chat#room-281  first line second ?[31m\n"));
    EXPECT_THAT(out, HasSubstr("  " + std::string(99, 'x') + "...\n"));
}

TEST_F(LetterCommands, SayThatAReasonIsUnknown) {
    bury("one", "malformed");
    bury("two", "malformed");
    bury("three", "AccessDenied");
    for (const char* command : {"ls", "cat", "redrive", "rm"}) {
        Ran ran = run_here({"dead", command, "--reason", "malfromed"});
        EXPECT_EQ(ran.status, 0) << command;
        EXPECT_EQ(ran.err,
                  "no dead letter has the reason \"malfromed\", did you mean \"malformed\"? "
                  "there are \"AccessDenied\": 1, \"malformed\": 2\n")
            << command;
    }
    EXPECT_THAT(run_here({"dead", "ls", "--reason", "malformed"}).err, IsEmpty());
    EXPECT_EQ(letters().size(), 3u);
}

TEST_F(LetterCommands, RmTakesReasonAndAgeTogether) {
    bury("old and bad", "Bad");
    bury("old", "Other");
    Record young = TestSpool::letter("young and bad", "Bad");
    young.last_attempt_ms = system_clock().wall_ms();
    spool_.append(dead_letter_directory, {young});

    Ran would = run_here({"dead", "rm", "--reason=Bad", "--older-than=1d", "--dry-run"});
    EXPECT_EQ(would.out, "would remove: 1\n");
    EXPECT_EQ(letters().size(), 3u);
    EXPECT_EQ(run_here({"dead", "rm", "--reason=Bad", "--older-than=1d"}).out, "removed: 1\n");
    EXPECT_THAT(letters(), UnorderedElementsAre("old", "young and bad"));
    EXPECT_EQ(run_here({"dead", "rm", "--reason=Bad", "--json"}).out,
              "{\"dry_run\":false,\"removed\":1,\"left\":0}\n");
    EXPECT_THAT(letters(), UnorderedElementsAre("old"));

    EXPECT_THAT(run_here({"dead", "rm", "--older-than", "30"}).err, HasSubstr("with a unit"));
    EXPECT_EQ(letters().size(), 1u);
}

TEST_F(LetterCommands, RmAsksWhoeverSitsThere) {
    bury("one", "Bad");
    for (const char* no : {"n\n", "\n", ""}) {
        Ran ran = run_here({"dead", "rm", "--reason=Bad"}, no, somebody);
        EXPECT_EQ(ran.status, 1);
        EXPECT_EQ(ran.err, "remove 1 dead letter for good (\"Bad\": 1)? [y/N] ");
        EXPECT_THAT(letters(), UnorderedElementsAre("one"));
    }
    EXPECT_EQ(run_here({"dead", "rm", "--reason=Bad"}, "y\n", somebody).out, "removed: 1\n");
    EXPECT_THAT(letters(), IsEmpty());

    bury("two", "Bad");
    EXPECT_EQ(run_here({"dead", "rm", "--reason=Bad", "--force"}, "", somebody).err, "");
    EXPECT_THAT(letters(), IsEmpty());
}

TEST_F(LetterCommands, RmRemovesWhatItAskedAboutAndNothingThatCameMeanwhile) {
    bury("one", "Bad");
    LateInput answer([this] {
        bury("two", "Bad");
        return "y\n";
    });
    std::istream in(&answer);
    std::ostringstream out, err;
    Console console{in, out, err, [](const std::string&) { return nullptr; }, somebody};
    EXPECT_EQ(run_momentoctl({"dead", "rm", "--reason=Bad", spool_.path()}, console), 0);
    EXPECT_EQ(out.str(), "removed: 1\n");
    EXPECT_THAT(letters(), UnorderedElementsAre("two"));
}

TEST_F(LetterCommands, RedriveTellsInJsonAndNamesWhoseOrphansItLeft) {
    spool_.append("bus", {TestSpool::event("seen before")});
    Record elsewhere = TestSpool::letter("elsewhere");
    elsewhere.destination = "old";
    spool_.append(dead_letter_directory, {TestSpool::letter("one"), elsewhere});
    EXPECT_THAT(run_here({"dead", "redrive", "--dry-run"}).out,
                HasSubstr("left: 1 whose destination \"old\" is not in the spool"));
    Ran ran = run_here({"dead", "redrive", "--json"});
    EXPECT_EQ(ran.status, 1);
    EXPECT_EQ(ran.out,
              "{\"dry_run\":false,\"redriven\":{\"bus\":1},\"left\":{\"without_event\":0,"
              "\"without_destination\":{\"old\":1},\"in_doubt\":0}}\n");
}

TEST_F(LetterCommands, RedriveShowsOnATerminalHowFarItIs) {
    spool_.append("bus", {TestSpool::event("seen before")});
    bury("one");
    bury("two", "Other");
    Ran ran = run_here({"dead", "redrive", "--reason=Other"}, "", somebody);
    EXPECT_EQ(ran.err, "redriven 1 of 1: \"bus\": 1\r\x1b[K");
    EXPECT_EQ(run_here({"dead", "redrive", "--quiet"}, "", somebody).err, "");
    EXPECT_THAT(letters(), IsEmpty());
}

}  // namespace
}  // namespace momento::cli
