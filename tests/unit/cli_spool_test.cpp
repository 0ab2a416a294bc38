#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "cli/attended.h"
#include "cli_run.h"
#include "gateway/queue_note.h"
#include "test_spool.h"
#include "watched_stream.h"

namespace momento::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class SpoolCommands : public testing::Test {
  protected:
    Ran run_here(Arguments arguments) {
        arguments.push_back(spool_.path());
        return run(arguments);
    }

    // Everything in the spool, for "it changes nothing".
    std::map<std::string, std::string> contents() {
        std::map<std::string, std::string> files;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(spool_.path())) {
            if (!entry.is_regular_file()) continue;
            std::ifstream in(entry.path(), std::ios::binary);
            files[entry.path()] = std::string(std::istreambuf_iterator<char>(in), {});
        }
        return files;
    }

    std::filesystem::path first_segment(const std::string& destination) {
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(spool_.path() + "/" + destination)) {
            if (entry.path().extension() == ".segment") return entry.path();
        }
        return {};
    }

    TestSpool spool_;
};

TEST_F(SpoolCommands, ListSlotsWithWhatIsPending) {
    spool_.append("bus", {TestSpool::event("one"), TestSpool::event("two")});
    Ran ran = run_here({"spool", "ls"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out,
                StartsWith("DESTINATION  SLOT              PENDING  UNREADABLE  OLDEST"));
    std::string slot = spool_.places("bus")[0].slot;
    EXPECT_THAT(ran.out, HasSubstr("\nbus          " + slot +
                                   "  2        0           2023-11-14T22:13:20.123Z"));

    auto json = Json::parse(run_here({"spool", "ls", "--json"}).out);
    ASSERT_TRUE(json);
    EXPECT_EQ(json->get("destination").as_string(), "bus");
    EXPECT_EQ(json->get("pending").as_integer(), 2);
    EXPECT_EQ(json->get("oldest").as_string(), "2023-11-14T22:13:20.123Z");
}

TEST_F(SpoolCommands, PrintEventsAsTheyArrived) {
    spool_.append("bus", {TestSpool::event(R"({"text": "one"})")});
    EXPECT_THAT(run_here({"spool", "cat"}).out, HasSubstr("\n{\"text\": \"one\"}\n"));
    auto json = Json::parse(run_here({"spool", "cat", "--json"}).out);
    ASSERT_TRUE(json);
    EXPECT_EQ(json->get("body").as_string(), R"({"text": "one"})");
    EXPECT_EQ(json->get("cache").as_string(), "chat");
    EXPECT_EQ(json->get("publish_timestamp").as_integer(), 1'700'000'000'000);
}

TEST_F(SpoolCommands, PrintABodyThatIsNotUtf8AsBase64) {
    spool_.append("bus", {TestSpool::event("\xff\xfe")});
    auto json = Json::parse(run_here({"spool", "cat", "--json"}).out);
    ASSERT_TRUE(json);
    EXPECT_FALSE(json->get("body"));
    EXPECT_EQ(json->get("body_base64").as_string(), "//4=");
}

TEST_F(SpoolCommands, ThatReadChangeNothingAndTakeNoLock) {
    spool_.append("bus", {TestSpool::event("one")});
    spool_.append(dead_letter_directory, {TestSpool::letter("two")});
    auto lock = spool_.places("bus")[0].directory->try_lock("lock");
    ASSERT_TRUE(lock && *lock) << "as a running worker has it";
    auto before = contents();
    for (const Arguments& command :
         {Arguments{"spool", "ls"}, Arguments{"spool", "cat"}, Arguments{"spool", "verify"},
          Arguments{"dead", "ls"}, Arguments{"dead", "cat"},
          Arguments{"dead", "redrive", "--dry-run"}, Arguments{"drain", "--timeout", "0"}}) {
        Ran ran = run_here(command);
        EXPECT_NE(ran.status, 2) << command[0] << ' ' << command[1] << ": " << ran.err;
        EXPECT_EQ(contents(), before) << command[0] << ' ' << command[1];
    }
}

TEST_F(SpoolCommands, VerifyFindsDamage) {
    spool_.append(
        "bus", {TestSpool::event("one"), TestSpool::event("two"), TestSpool::event("three")});
    Ran sound = run_here({"spool", "verify"});
    EXPECT_EQ(sound.status, 0) << sound.out;
    EXPECT_EQ(sound.out, "1 slots, 3 records whole\n");

    std::fstream segment(first_segment("bus"), std::ios::in | std::ios::out);
    segment.seekp(4096 + 112);  // the first body
    segment.put('X');
    segment.close();
    Ran damaged = run_here({"spool", "verify"});
    EXPECT_EQ(damaged.status, 1);
    EXPECT_THAT(damaged.out, HasSubstr("cannot be read")) << damaged.out;
}

TEST_F(SpoolCommands, DrainTellsWhetherAnythingIsPending) {
    spool_.append("bus", {TestSpool::event("one")});
    Ran waiting = run_here({"drain", "--timeout", "0"});
    EXPECT_EQ(waiting.status, 1);
    EXPECT_EQ(waiting.out, "still pending: 1 (\"bus\": 1)\n");

    ASSERT_EQ(
        run({"spool", "move", spool_.path() + "/bus", spool_.path() + "/other", "--force"})
            .status,
        0);
    std::filesystem::remove_all(spool_.path() + "/other");
    EXPECT_EQ(run_here({"drain"}).status, 0);
}

TEST_F(SpoolCommands, DrainWaitsForLettersThatAreToBeMovedToAQueue) {
    Record malformed = TestSpool::letter("\xff\xfe", "malformed");
    malformed.cache = malformed.topic = {};
    Record elsewhere = TestSpool::letter("three");
    elsewhere.destination = "other";
    spool_.append(dead_letter_directory, {TestSpool::letter("one"), malformed, elsewhere});
    EXPECT_EQ(run_here({"drain", "--timeout", "0"}).status, 0) << "no queue is configured";

    ASSERT_TRUE(write_queue_note(system_files(), spool_.path(), {{"bus", "", "Momento", ""}}));
    Ran waiting = run_here({"drain", "--timeout", "0"});
    EXPECT_EQ(waiting.status, 1);
    EXPECT_EQ(waiting.out, "dead letters not yet in their queue: 1\n");

    spool_.append("bus", {TestSpool::event("two")});
    EXPECT_EQ(run_here({"drain", "--timeout", "0"}).out,
              "still pending: 1 (\"bus\": 1)\ndead letters not yet in their queue: 1\n");
}

TEST_F(SpoolCommands, DrainDoesNotGuessWhatANewerNoteMeans) {
    ASSERT_TRUE(write_queue_note(system_files(), spool_.path(), {{"bus", "", "Momento", ""}}));
    std::ofstream(spool_.path() + "/.dead/queues") << R"({"version":2})";
    Ran ran = run_here({"drain", "--timeout", "0"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(".dead/queues\" is not of this version"));
}

// A stop hook that ended here would end a machine that has events.
TEST_F(SpoolCommands, DrainGoesOnBehindASlotThatCannotBeRead) {
    spool_.append("bus", {TestSpool::event("one")});
    spool_.append("old", {TestSpool::event("two")});
    std::ofstream(spool_.path() + "/old/0000000000000000") << "no directory";

    // It is told of while the others are waited for.
    WatchedOutput words("old/0000000000000000: ", [this] {
        const std::string old = spool_.path() + "/old/";
        std::filesystem::remove_all(spool_.path() + "/bus");
        std::filesystem::remove_all(old + spool_.places("old")[1].slot);
    });
    std::istringstream in;
    std::ostringstream out;
    std::ostream err(&words);
    Console console{in, out, err, [](const std::string&) { return nullptr; }};
    EXPECT_EQ(run_momentoctl({"drain", "--json", "--timeout=20s", spool_.path()}, console), 2);
    EXPECT_THAT(out.str(), HasSubstr("{\"pending\":{},")) << words.str();
    EXPECT_THAT(words.str(), HasSubstr("what is pending cannot be told of 1 slot"));
}

TEST_F(SpoolCommands, DrainShowsOnATerminalWhatIsLeft) {
    spool_.append("bus", {TestSpool::event("one")});
    WatchedOutput words("pending 1: \"bus\": 1",
                        [this] { std::filesystem::remove_all(spool_.path() + "/bus"); });
    std::istringstream in;
    std::ostringstream out;
    std::ostream err(&words);
    Console console{in, out, err, {}, Terminal{false, true, 80}};
    EXPECT_EQ(run_momentoctl({"drain", "--timeout=20s", spool_.path()}, console), 0);
    EXPECT_EQ(words.str(), "pending 1: \"bus\": 1\r\x1b[K");

    spool_.append("bus", {TestSpool::event("one")});
    EXPECT_EQ(
        run({"drain", "--timeout=300ms", "--quiet", spool_.path()}, "", {}, {true, true, 80})
            .err,
        "");
}

TEST_F(SpoolCommands, AreForTheSpoolOfTheEnvironment) {
    spool_.append("bus", {TestSpool::event("one")});
    auto environment = [this](const std::string& name) {
        return name == "MOMENTO_SPOOL" ? spool_.path().c_str() : nullptr;
    };
    EXPECT_THAT(run({"spool", "ls"}, "", environment).out, HasSubstr("\nbus "));
    EXPECT_EQ(run({"drain", "--timeout=0"}, "", environment).status, 1);
    EXPECT_EQ(run({"spool", "move", "bus", "new", "--force"}, "", environment).out,
              "moved: 1 to \"new\"\n");
    auto empty = [](const std::string&) { return ""; };
    EXPECT_THAT(run({"spool", "ls"}, "", empty).err, HasSubstr("\"/var/lib/nginx/momento\""));
}

TEST_F(SpoolCommands, KnowWhichSlotsAProcessHas) {
    spool_.append("bus", {TestSpool::event("one")});
    spool_.append("old", {TestSpool::event("two")});
    auto lock = spool_.places("bus")[0].directory->try_lock(slot_lock_file);
    ASSERT_TRUE(lock && *lock);
    const Attended attended(spool_.path());
    EXPECT_TRUE(attended.has(spool_.places("bus")[0]));
    EXPECT_FALSE(attended.has(spool_.places("old")[0]));
    EXPECT_FALSE(Attended(spool_.path(), "/no/such/file").anything());
}

TEST_F(SpoolCommands, MoveRefusesADestinationThatIsNotInTheSpool) {
    spool_.append("old", {TestSpool::event("one")});
    spool_.append("bus", {TestSpool::event("two")});
    Ran ran = run({"spool", "move", spool_.path() + "/old", spool_.path() + "/bsu"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr("\"bsu\" is not in the spool"));
    EXPECT_THAT(ran.err, HasSubstr("did you mean \"bus\"?"));
    EXPECT_FALSE(std::filesystem::exists(spool_.path() + "/bsu"));
    EXPECT_EQ(
        run({"spool", "move", spool_.path() + "/old", spool_.path() + "/bus", "--json"}).out,
        "{\"moved\":1,\"to\":\"bus\",\"in_use\":0,\"failed_slots\":0}\n");
}

TEST_F(SpoolCommands, MoveGivesOrphansADestination) {
    spool_.append("old", {TestSpool::event("one")});
    Ran ran =
        run({"spool", "move", spool_.path() + "/old", spool_.path() + "/new/", "--force"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.out, "moved: 1 to \"new\"\n");
    EXPECT_THAT(spool_.pending("old"), IsEmpty());
    EXPECT_THAT(spool_.pending("new"), UnorderedElementsAre("one"));
}

TEST_F(SpoolCommands, GoOnBehindASlotThatCannotBeOpened) {
    spool_.append("old", {TestSpool::event("one")});
    spool_.append(dead_letter_directory, {TestSpool::letter("two")});
    const std::string slot = "0000000000000000";
    for (const std::string parent : {"/old/", "/.dead/"}) {
        std::ofstream(spool_.path() + parent + slot) << "no directory";
    }
    for (const char* command : {"spool ls", "spool cat", "dead ls", "dead cat"}) {
        const std::string words = command;
        const size_t space = words.find(' ');
        Ran ran = run_here({words.substr(0, space), words.substr(space + 1), "--json"});
        EXPECT_EQ(ran.status, 2) << command;
        EXPECT_THAT(ran.err, HasSubstr(slot)) << command;
        EXPECT_THAT(ran.out, StartsWith("{")) << command;
    }
    EXPECT_EQ(run_here({"spool", "verify"}).status, 1);

    Ran redriven = run_here({"dead", "redrive", "--to", "old"});
    EXPECT_EQ(redriven.status, 2);
    EXPECT_THAT(redriven.err, HasSubstr(".dead/" + slot));
    EXPECT_THAT(redriven.out, HasSubstr("redriven: 1 to \"old\""));

    Ran moved =
        run({"spool", "move", spool_.path() + "/old", spool_.path() + "/new", "--force"});
    EXPECT_EQ(moved.status, 1);
    EXPECT_THAT(moved.err, HasSubstr(slot));
    EXPECT_THAT(moved.out, HasSubstr("moved: 2 to \"new\""));
    EXPECT_THAT(moved.out, HasSubstr("of 1 slot;"));
    EXPECT_THAT(spool_.pending("new"), UnorderedElementsAre("one", "two"));
}

TEST_F(SpoolCommands, MoveRefusesWhatCannotBeMeant) {
    std::string here = spool_.path();
    EXPECT_THAT(run({"spool", "move", here + "/bus", here + "/bus/"}).err,
                HasSubstr("FROM and TO are the same"));
    EXPECT_THAT(run({"spool", "move", here + "/a b", here + "/bus"}).err,
                HasSubstr("invalid destination"));
    EXPECT_EQ(run({"spool", "move", here + "/none", here + "/bus"}).status, 2);
    EXPECT_EQ(run({"spool", "move", here + "/none"}).status, 2);
}

TEST_F(SpoolCommands, ShowDeadLettersWithTheirReason) {
    spool_.append(dead_letter_directory, {TestSpool::letter(R"({"a":1})", "ValidationError")});
    Ran ls = run_here({"dead", "ls"});
    EXPECT_EQ(ls.status, 0) << ls.err;
    EXPECT_THAT(ls.out, HasSubstr("2023-11-14T22:13:22.000Z  bus          ValidationError  3"
                                  "         chat#room-281  because\n"));
    Ran cat = run_here({"dead", "cat"});
    EXPECT_THAT(cat.out, HasSubstr("message:       because\n"));
    EXPECT_THAT(cat.out, HasSubstr("\n{\"a\":1}\n"));
    auto json = Json::parse(run_here({"dead", "cat", "--json"}).out);
    ASSERT_TRUE(json);
    EXPECT_EQ(json->get("reason").as_string(), "ValidationError");
    EXPECT_EQ(json->get("body").as_string(), R"({"a":1})");

    EXPECT_EQ(run_here({"dead", "cat", "--reason", "Other"}).out, "");
}

TEST_F(SpoolCommands, HaveNoDeadLettersInASpoolWhereNothingWasRefused) {
    spool_.append("bus", {TestSpool::event("one")});
    EXPECT_EQ(run_here({"dead", "cat"}).status, 0);
    EXPECT_EQ(run_here({"dead", "redrive"}).out, "no dead letter matches\n");
    EXPECT_EQ(run_here({"dead", "rm", "--older-than", "1d"}).out, "removed: 0\n");
}

TEST_F(SpoolCommands, RedriveDeadLetters) {
    spool_.append("bus", {TestSpool::event("seen before")});
    spool_.append(dead_letter_directory, {TestSpool::letter("one"), TestSpool::letter("two")});
    EXPECT_EQ(run_here({"dead", "redrive", "--dry-run"}).out, "would redrive 2 to \"bus\"\n");
    Ran ran = run_here({"dead", "redrive"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.out, "redriven: 2 to \"bus\"\n");
    EXPECT_THAT(spool_.pending("bus"), UnorderedElementsAre("seen before", "one", "two"));
    EXPECT_EQ(run_here({"dead", "cat"}).out, "");
}

TEST_F(SpoolCommands, RedriveSaysWhatItLeft) {
    spool_.append(dead_letter_directory, {TestSpool::letter("one")});
    Ran ran = run_here({"dead", "redrive"});
    EXPECT_EQ(ran.status, 1);
    EXPECT_EQ(ran.out,
              "left: 1 whose destination \"bus\" is not in the spool; give one with --to\n");
    EXPECT_EQ(run_here({"dead", "redrive", "--to", ".dead"}).status, 2);
}

TEST_F(SpoolCommands, CannotRunWithoutASpool) {
    for (const Arguments& command :
         {Arguments{"spool", "ls"}, Arguments{"spool", "cat"}, Arguments{"spool", "verify"},
          Arguments{"dead", "ls"}, Arguments{"dead", "redrive"},
          Arguments{"dead", "rm", "--older-than=1d"}, Arguments{"drain"}}) {
        Arguments arguments = command;
        arguments.emplace_back("/no/such/spool");
        Ran ran = run(arguments);
        EXPECT_EQ(ran.status, 2) << command[0];
        EXPECT_THAT(ran.err, HasSubstr("/no/such/spool")) << command[0];
        EXPECT_THAT(ran.err, HasSubstr("give the directory that \"momento_spool\" names"));
        EXPECT_THAT(ran.out, IsEmpty()) << command[0];
    }
}

TEST_F(SpoolCommands, TakeNothingElseForASpool) {
    // "Nothing is pending" of the directory above the spool would end a machine that has
    // events.
    std::filesystem::create_directory(spool_.path() + "/momento");
    spool_.append("momento/bus", {TestSpool::event("one")});
    for (const Arguments& command :
         {Arguments{"spool", "ls"}, Arguments{"spool", "cat"}, Arguments{"spool", "verify"},
          Arguments{"dead", "ls"}, Arguments{"dead", "redrive"},
          Arguments{"dead", "rm", "--older-than=1d"}, Arguments{"drain"}}) {
        Ran ran = run_here(command);
        EXPECT_EQ(ran.status, 2) << command[0];
        EXPECT_THAT(ran.err, HasSubstr("\"" + spool_.path() + "\" is not a spool"));
        EXPECT_THAT(ran.out, IsEmpty()) << command[0];
    }
}

TEST_F(SpoolCommands, TakeADirectoryThatNothingIsInYetForASpool) {
    std::filesystem::create_directory(spool_.path() + "/lost+found");
    std::filesystem::create_directory(spool_.path() + "/bus");
    EXPECT_EQ(run_here({"drain"}).status, 0);
}

TEST_F(SpoolCommands, AreNamedWhereOneIsMissing) {
    EXPECT_EQ(run({"spool"}).err,
              "momentoctl: \"spool\" is not a whole command, give one of \"spool ls\", "
              "\"spool cat\", \"spool verify\", \"spool move\"\n");
    EXPECT_EQ(run({"spool", "lst"}).err,
              "momentoctl: unknown command \"spool lst\", did you mean \"spool ls\"?\n");
}

TEST_F(SpoolCommands, RmNeedsAnAge) {
    EXPECT_THAT(run_here({"dead", "rm"}).err,
                HasSubstr("all of them? Give IDs, --reason, or --older-than"));
}

}  // namespace
}  // namespace momento::cli
