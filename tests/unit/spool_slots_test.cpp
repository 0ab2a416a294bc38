#include "spool/slots.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "spool/cursor_file.h"
#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class SlotsTest : public SimLogTest {
  protected:
    struct Process {
        Process(SlotsTest& test)
            : files(test.disk_), slots("/spool", "bus", files, test.random_, test.lines_) {}
        sim::SimFiles files;
        Slots slots;
    };

    std::string claim(Process& process) {
        auto slot = process.slots.claim();
        EXPECT_TRUE(slot) << slot.error().text;
        held_.push_back(std::move(*slot));
        return held_.back()->name;
    }

    // Leaves a slot with one pending record in it.
    std::string leave_pending() {
        PlayedLog& log = start();
        EXPECT_TRUE(log.append("pending"));
        kill();
        auto names = list("/spool/bus");
        return names.back();
    }

    std::vector<std::unique_ptr<Slot>> held_;
};

TEST_F(SlotsTest, AreMadeWhenNoneIsFree) {
    Process one(*this);
    Process two(*this);
    std::string first = claim(one);
    EXPECT_THAT(first, SizeIs(slot_name_length));
    std::string second = claim(two);
    EXPECT_NE(first, second);
    EXPECT_NE(claim(one), first);
    EXPECT_THAT(list("/spool/bus"), SizeIs(3));
    held_.clear();
}

TEST_F(SlotsTest, AreLeftAloneWhenTheyAreSetAside) {
    const std::string name = leave_pending();
    sim::SimFiles files(disk_);
    Slots slots("/spool", "bus", files, random_, lines_,
                [&name](const std::string& slot) { return slot == name; });
    auto adopted = slots.adopt();
    ASSERT_TRUE(adopted);
    EXPECT_FALSE(*adopted);
    auto claimed = slots.claim();
    ASSERT_TRUE(claimed);
    EXPECT_NE((*claimed)->name, name);
}

TEST_F(SlotsTest, AreTakenAgainWhenTheyAreFree) {
    Process one(*this);
    std::string first = claim(one);
    held_.clear();
    Process two(*this);
    EXPECT_EQ(claim(two), first);
    two.files.kill();
    Process three(*this);
    EXPECT_EQ(claim(three), first);
    held_.clear();
}

TEST_F(SlotsTest, AreDurableWhenTheyAreClaimed) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        settings_.path = "/spool-" + std::to_string(seed);
        disk_.make_directory(settings_.path);
        PlayedLog& log = start();
        ASSERT_TRUE(log.append("first"));
        disk_.lose_power();
        start();
        EXPECT_THAT(open_slot().read_bodies(), ElementsAre("first"));
        kill();
    }
}

TEST_F(SlotsTest, ADirectoryThatAnotherProcessMadeIsMadeDurableToo) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        settings_.path = "/spool-" + std::to_string(seed);
        disk_.make_directory(settings_.path);
        // Died between making the directory and syncing it.
        auto spool = editor().open_directory(settings_.path, false);
        ASSERT_TRUE((*spool)->open_directory("bus", true));
        ASSERT_TRUE(start().append("first"));
        disk_.lose_power();
        start();
        EXPECT_THAT(open_slot().read_bodies(), ElementsAre("first"));
        kill();
        editor_.reset();
    }
}

TEST_F(SlotsTest, AreAdoptedWithWhatIsPendingInThem) {
    std::string name = leave_pending();
    Process process(*this);
    auto slot = process.slots.adopt();
    ASSERT_TRUE(slot);
    ASSERT_TRUE(*slot);
    EXPECT_EQ((*slot)->name, name);
    EXPECT_EQ((*slot)->destination, "bus");

    Process other(*this);
    EXPECT_FALSE(*other.slots.adopt());  // it has an owner
    slot->reset();
    EXPECT_TRUE(*other.slots.adopt());
}

TEST_F(SlotsTest, AreNotAdoptedWhenDrained) {
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("one"));
    log.release(log.read());
    log.writer->finish();
    kill();
    Process process(*this);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(*process.slots.adopt());
    // Not even locked again, as long as nobody has used it since.
    uint64_t locks = disk_.count(sim::Operation::lock);
    EXPECT_FALSE(*process.slots.adopt());
    EXPECT_EQ(disk_.count(sim::Operation::lock), locks);

    // Somebody uses it, and dies before his cursor is written.
    observer_.on_step = [](const std::string& step) {
        if (step == steps::records_settled) throw 1;
    };
    start();
    log_->post({event("two")});
    EXPECT_THROW(log_->writer->step(), int);
    observer_.on_step = {};
    kill();
    EXPECT_TRUE(*process.slots.adopt());
}

TEST_F(SlotsTest, ADestinationThatIsNotThereHasNoneToAdopt) {
    Process process(*this);
    auto slot = process.slots.adopt();
    ASSERT_TRUE(slot);
    EXPECT_FALSE(*slot);
    EXPECT_THAT(list("/spool"), IsEmpty());
}

TEST_F(SlotsTest, AreLeftAloneInAnUnknownFormat) {
    std::string name = leave_pending();
    std::string segment = content("0000000000000001.segment");
    segment[8] = 9;  // version
    uint32_t crc = crc32c(0, segment.data(), 508);
    for (size_t i = 0; i < 4; ++i) segment[508 + i] = static_cast<char>(crc >> 8 * i);
    overwrite("0000000000000001.segment", 0, segment);
    std::vector<std::string> before = list(slot_path());

    Process process(*this);
    for (int i = 0; i < 3; ++i) {
        auto adopted = process.slots.adopt();
        ASSERT_TRUE(adopted);
        EXPECT_FALSE(*adopted);
    }
    EXPECT_NE(claim(process), name);
    EXPECT_EQ(lines_.count("another format version"), 1u);
    EXPECT_EQ(list("/spool/bus/" + name), before);
    held_.clear();
}

TEST_F(SlotsTest, AnUnreadableOneDoesNotStandInTheWay) {
    std::string name = leave_pending();
    Process process(*this);
    disk_.before = [&](const sim::Call& call) {
        bool hit =
            call.operation == sim::Operation::read && call.path.find(name) != std::string::npos;
        return hit ? sim::Fault{EIO} : sim::Fault{};
    };
    EXPECT_FALSE(*process.slots.adopt());
    EXPECT_NE(claim(process), name);
    EXPECT_EQ(lines_.count("is left alone"), 1u);
    disk_.before = {};
    EXPECT_TRUE(*process.slots.adopt());
    held_.clear();
}

TEST_F(SlotsTest, NeverHaveTwoWriters) {
    // Many processes claim, adopt, drain, finish and die: at any time the owners differ.
    struct Worker {
        std::unique_ptr<sim::SimFiles> files;
        std::unique_ptr<Slots> slots;
        std::vector<std::unique_ptr<Slot>> owned;
    };
    std::vector<Worker> workers(4);
    for (int turn = 0; turn < 2000; ++turn) {
        Worker& worker = workers[random_.number() % workers.size()];
        if (!worker.files) {
            worker.files = std::make_unique<sim::SimFiles>(disk_);
            worker.slots =
                std::make_unique<Slots>("/spool", "bus", *worker.files, random_, lines_);
        }
        switch (random_.number() % 4) {
            case 0:
                if (auto slot = worker.slots->claim(); worker.owned.size() < 3) {
                    worker.owned.push_back(std::move(*slot));
                }
                break;
            case 1:
                if (auto slot = worker.slots->adopt(); *slot) {
                    worker.owned.push_back(std::move(*slot));
                }
                break;
            case 2:
                if (!worker.owned.empty()) worker.owned.pop_back();
                break;
            case 3:
                worker.files->kill();
                worker.owned.clear();
                worker.slots.reset();
                worker.files.reset();
                break;
        }
        std::multiset<std::string> names;
        for (const Worker& each : workers) {
            for (const auto& slot : each.owned) names.insert(slot->name);
        }
        for (const std::string& name : names) ASSERT_EQ(names.count(name), 1u);
    }
}

// --- the machine's own locks

class SlotsOnDisk : public testing::Test {
  protected:
    SlotsOnDisk() {
        std::string pattern = testing::TempDir() + "momento-slots-XXXXXX";
        path_ = mkdtemp(pattern.data());
    }
    ~SlotsOnDisk() override { std::filesystem::remove_all(path_); }

    std::string path_;
    fakes::KeptLines lines_;
};

TEST_F(SlotsOnDisk, BelongToOneProcessUntilItEnds) {
    Slots slots(path_, "bus", system_files(), system_random(), lines_);
    int ready[2];
    int stop[2];
    ASSERT_EQ(pipe(ready), 0);
    ASSERT_EQ(pipe(stop), 0);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto mine = slots.claim();
        char byte = mine ? 'y' : 'n';
        if (write(ready[1], &byte, 1) == 1) (void)!read(stop[0], &byte, 1);
        _exit(0);
    }
    char byte = 'n';
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    ASSERT_EQ(byte, 'y');
    auto first = slots.claim();
    ASSERT_TRUE(first) << first.error().text;
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    auto second = slots.claim();
    ASSERT_TRUE(second);
    EXPECT_NE((*first)->name, (*second)->name);
    for (int fd : {ready[0], ready[1], stop[0], stop[1]}) close(fd);
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_ + "/bus")) {
        count += entry.is_directory();
    }
    EXPECT_EQ(count, 2u);  // the child's was free again
}

TEST_F(SlotsOnDisk, OfAnotherUserAreNamedWithTheRemedyOnce) {
    if (geteuid() == 0) {
        // Root may open everything: play the other user in a child.
        ASSERT_EQ(chmod(path_.c_str(), 0777), 0);
    }
    std::string slot = path_ + "/bus/0123456789abcdef";
    std::filesystem::create_directories(slot);
    ASSERT_EQ(chmod((path_ + "/bus").c_str(), 0777), 0);
    ASSERT_EQ(chmod(slot.c_str(), 0), 0);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(3);
        Slots slots(path_, "bus", system_files(), system_random(), lines_);
        auto first = slots.claim();
        auto second = slots.claim();
        auto adopted = slots.adopt();
        bool fine = first && second && adopted && !*adopted;
        bool told = lines_.count("chown") == 1 && lines_.count(slot) == 1;
        _exit(!fine ? 1 : !told ? 2 : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    ASSERT_EQ(chmod(slot.c_str(), 0700), 0);
}

TEST(DestinationName, HasLettersDigitsUnderscoreAndDash) {
    EXPECT_TRUE(is_destination_name("bus_2-B"));
    EXPECT_TRUE(is_destination_name(std::string(64, 'x')));
    for (const std::string& bad : {std::string(), std::string(65, 'x'), std::string("a/b"),
                                   std::string(".dead"), std::string("a b")}) {
        EXPECT_FALSE(is_destination_name(bad)) << bad;
    }
}

}  // namespace
}  // namespace momento::spool_test
