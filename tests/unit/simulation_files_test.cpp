// The simulated disk itself: what it keeps, loses and refuses.
#include "sim_files.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <random>

namespace momento::sim {
namespace {

class SeededRandom final : public Random {
  public:
    explicit SeededRandom(uint64_t seed) : engine_(seed) {}
    void fill(void* data, size_t size) override {
        for (size_t i = 0; i < size; ++i) {
            static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(engine_());
        }
    }

  private:
    std::mt19937_64 engine_;
};

std::string content(File& file) {
    std::string bytes(*file.size(), '\0');
    EXPECT_TRUE(file.read_at(0, bytes.data(), bytes.size()));
    return bytes;
}

struct Machine {
    explicit Machine(uint64_t seed) : random(seed), disk(random) { disk.make_directory("/d"); }

    std::unique_ptr<Directory> directory() {
        return std::move(*files.open_directory("/d", false));
    }

    SeededRandom random;
    SimDisk disk;
    SimFiles files{disk};
};

TEST(SimFiles, KeepWhatWasSyncedWhenThePowerGoes) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
        Machine machine(seed);
        auto directory = machine.directory();
        auto file = std::move(*directory->open("f", Directory::Mode::create));
        ASSERT_TRUE(file->write_at(0, std::string(2000, 'a')));
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(directory->sync());
        machine.disk.lose_power();

        SimFiles after(machine.disk);
        auto again = std::move(*after.open_directory("/d", false));
        EXPECT_EQ(content(**again->open("f", Directory::Mode::read)), std::string(2000, 'a'));
    }
}

TEST(SimFiles, LoseKeepOrTearWhatWasNotSynced) {
    int lost = 0;
    int kept = 0;
    int torn = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Machine machine(seed);
        auto directory = machine.directory();
        auto file = std::move(*directory->open("f", Directory::Mode::create));
        ASSERT_TRUE(file->write_at(0, std::string(2048, 'a')));
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(directory->sync());
        ASSERT_TRUE(file->write_at(100, std::string(1000, 'b')));
        machine.disk.lose_power();

        SimFiles after(machine.disk);
        auto again = std::move(*after.open_directory("/d", false));
        std::string bytes = content(**again->open("f", Directory::Mode::read));
        ASSERT_EQ(bytes.size(), 2048u);
        auto written = std::count(bytes.begin(), bytes.end(), 'b');
        lost += written == 0;
        kept += written == 1000;
        torn += written != 0 && written != 1000;
        // A sector has the write or not: 100..511, 512..1023, 1024..1099.
        EXPECT_EQ(bytes[100], bytes[511]);
        EXPECT_EQ(bytes[512], bytes[1023]);
        EXPECT_EQ(bytes[1024], bytes[1099]);
    }
    EXPECT_GT(lost, 0);
    EXPECT_GT(kept, 0);
    EXPECT_GT(torn, 0);
}

TEST(SimFiles, KeepUnsyncedContentWhenAProcessIsKilled) {
    Machine machine(1);
    auto directory = machine.directory();
    auto file = std::move(*directory->open("f", Directory::Mode::create));
    ASSERT_TRUE(file->write_at(0, "unsynced"));
    machine.files.kill();
    EXPECT_FALSE(file->write_at(0, "of a dead process"));

    SimFiles after(machine.disk);
    auto again = std::move(*after.open_directory("/d", false));
    EXPECT_EQ(content(**again->open("f", Directory::Mode::read)), "unsynced");
}

TEST(SimFiles, ForgetANameThatWasNotSynced) {
    int lost = 0;
    for (uint64_t seed = 0; seed < 50; ++seed) {
        Machine machine(seed);
        auto directory = machine.directory();
        auto file = std::move(*directory->open("f", Directory::Mode::create));
        ASSERT_TRUE(file->sync());
        machine.disk.lose_power();
        SimFiles after(machine.disk);
        auto again = std::move(*after.open_directory("/d", false));
        lost += !again->open("f", Directory::Mode::read);
    }
    EXPECT_GT(lost, 5);
    EXPECT_LT(lost, 45);
}

TEST(SimFiles, SucceedInSyncingWithoutWhatAFailedSyncLost) {
    int lost = 0;
    for (uint64_t seed = 0; seed < 50; ++seed) {
        Machine machine(seed);
        auto directory = machine.directory();
        auto file = std::move(*directory->open("f", Directory::Mode::create));
        ASSERT_TRUE(directory->sync());
        ASSERT_TRUE(file->write_at(0, "once"));
        machine.disk.fail_next(Operation::sync, EIO);
        ASSERT_EQ(file->sync().error().code, EIO);
        EXPECT_TRUE(machine.disk.breaches().empty());
        ASSERT_TRUE(file->sync());
        EXPECT_EQ(machine.disk.breaches().size(), 1u);
        machine.disk.lose_power();

        SimFiles after(machine.disk);
        auto again = std::move(*after.open_directory("/d", false));
        lost += content(**again->open("f", Directory::Mode::read)).empty();
    }
    EXPECT_GT(lost, 5);
}

TEST(SimFiles, LockForOneProcessUntilItDies) {
    Machine machine(1);
    auto directory = machine.directory();
    auto lock = std::move(*directory->try_lock("lock"));
    ASSERT_TRUE(lock);

    SimFiles other(machine.disk);
    auto seen = std::move(*other.open_directory("/d", false));
    EXPECT_FALSE(*seen->try_lock("lock"));
    machine.files.kill();
    EXPECT_TRUE(*seen->try_lock("lock"));
}

TEST(SimFiles, WriteWhatFitsAndRefuseTheRest) {
    Machine machine(1);
    machine.disk.capacity = 1000;
    auto directory = machine.directory();
    auto file = std::move(*directory->open("f", Directory::Mode::create));
    ASSERT_TRUE(file->write_at(0, std::string(900, 'a')));
    Status written = file->write_at(900, std::string(200, 'b'));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ENOSPC);
    EXPECT_EQ(*file->size(), 1000u);
    EXPECT_TRUE(file->write_at(0, std::string(1000, 'c')));

    ASSERT_TRUE(directory->remove("f"));
    file.reset();
    ASSERT_TRUE(directory->sync());
    EXPECT_EQ(machine.disk.used(), 0u);
}

}  // namespace
}  // namespace momento::sim
