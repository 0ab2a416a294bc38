// One run of a log, told in a script, on a disk that fails at every one of its operations
// in turn. Whatever happens: what was acknowledged can be read afterwards, nothing is made
// up, and no descriptor is used after it has failed.
#include <cerrno>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "sim_files.h"
#include "spool_rig.h"

namespace momento::spool_test {
namespace {

using sim::Operation;
using sim::SimDisk;
using sim::SimFiles;

// Thrown out of the operation in which the process dies.
struct Crash {};

bool changes_disk(const sim::Call& call) {
    switch (call.operation) {
        case Operation::create:
        case Operation::write:
        case Operation::sync:
        case Operation::rename:
        case Operation::remove:
        case Operation::sync_directory:
            return true;
        default:
            return false;
    }
}

class World {
  public:
    explicit World(uint64_t seed) : disk_random(seed), random(seed + 1), disk(disk_random) {
        disk.make_directory("/spool");
        settings = small_settings();
        disk.before = [this](const sim::Call& call) {
            ++operations;
            sim::Fault fault = before ? before(operations, call) : sim::Fault{};
            if (fault.error != 0) fault.done = disk_random.unit();
            return fault;
        };
        disk.after = [this](const sim::Call&) {
            if (after) after(operations);
        };
    }

    void start() {
        files = std::make_unique<SimFiles>(disk);
        open(nullptr);
    }

    void open(std::unique_ptr<Slot> slot) {
        log = std::make_unique<PlayedLog>(
            settings, "bus", PlayedLog::Tools{files.get(), &clock, &random, &lines, nullptr},
            std::move(slot));
    }

    void append(size_t count, size_t size) {
        std::vector<std::string> bodies;
        std::vector<Record> records;
        for (size_t i = 0; i < count; ++i) {
            std::string body = "event " + std::to_string(posted.size()) + " ";
            body.resize(size, 'x');
            posted.insert(body);
            bodies.push_back(body);
        }
        for (const std::string& body : bodies) {
            records.push_back(event(""));
            records.back().body = body;
        }
        uint64_t first = log->post(records);
        log->writer->step();
        for (const Settlement& settlement : log->settlements()) {
            for (uint64_t i = 0; settlement.durable && i < settlement.count; ++i) {
                acknowledged.insert(bodies[settlement.first_ticket + i - first]);
            }
        }
    }

    // Reads, releases all but every `spared`-th, requeues those.
    void deliver(size_t most, size_t spared) {
        std::vector<Release> releases;
        std::vector<Requeue> requeues;
        for (const ReadRecord& read : log->read(most)) {
            std::string body(read.record.body);
            EXPECT_EQ(posted.count(body), 1u) << "made up: " << body.substr(0, 20);
            Release release{read.record.sequence, read.end, Resolution::delivered};
            if (read.record.sequence % spared == 0) {
                release.resolution = Resolution::requeued;
                requeues.push_back({RecordBuffer::from(read.record), release});
            } else {
                delivered.insert(body);
                releases.push_back(release);
            }
        }
        log->log->release(std::move(releases));
        log->log->requeue(std::move(requeues));
        log->step(3);
    }

    // A life of a log: it starts, rolls over, is drained, recycles, syncs in between,
    // restarts and is adopted.
    void play() {
        start();
        append(1, 300);
        append(3, 700);
        log->settle();
        append(20, 900);
        deliver(10, 7);
        clock.advance_ms(1'100);
        log->step(2);
        append(15, 900);
        deliver(100, 9);
        clock.advance_ms(1'100);
        log->settle();
        append(12, 900);
        append(12, 900);
        deliver(20, 5);
        // What sync=os has acknowledged and could not store is in memory only until the
        // disk works again.
        for (int i = 0; i < 20 && (i == 0 || log->log->numbers().failing); ++i) {
            clock.advance_ms(1'100);
            log->settle();
        }
        log->writer->finish();
        log.reset();

        clock.advance_ms(1'100);
        start();
        append(2, 500);
        deliver(10, 100);
        clock.advance_ms(1'100);
        log->settle();
        append(14, 900);
        clock.advance_ms(1'100);
        deliver(100, 100);
        log->settle();
        append(2, 500);
    }

    void end() {
        if (files) files->kill();
        log.reset();
    }

    // Everything that is left, on a disk that works, in whichever slots it is.
    void verify() {
        before = {};
        after = {};
        disk.capacity = UINT64_MAX;
        clock.advance_ms(5'000);
        std::multiset<std::string> found;
        std::vector<Release> damaged;
        for (int slot = 0; slot < 10; ++slot) {
            log.reset();
            files = std::make_unique<SimFiles>(disk);
            Slots slots("/spool", "bus", *files, random, lines);
            auto adopted = slots.adopt();
            ASSERT_TRUE(adopted) << adopted.error().text;
            if (!*adopted) break;
            open(std::move(*adopted));
            log->settle();
            std::vector<ReadRecord> records = log->read();
            for (const ReadRecord& read : records) found.emplace(read.record.body);
            damaged.insert(damaged.end(), log->damaged.begin(), log->damaged.end());
            log->log->release(log->damaged);
            log->release(records);
            EXPECT_EQ(log->totals().pending(), 0u);
            log->writer->finish();
        }
        log.reset();
        for (const std::string& body : acknowledged) {
            EXPECT_TRUE(delivered.count(body) + found.count(body) > 0)
                << "lost: " << body.substr(0, 20);
        }
        for (const std::string& body : found) {
            EXPECT_EQ(posted.count(body), 1u) << "made up: " << body.substr(0, 20);
        }
        EXPECT_TRUE(damaged.empty()) << damaged.size() << " from " << damaged[0].sequence;
        EXPECT_TRUE(disk.breaches().empty()) << disk.breaches()[0];
    }

    CountingRandom disk_random;
    CountingRandom random;
    SimDisk disk;
    uint64_t operations = 0;
    std::function<sim::Fault(uint64_t operation, const sim::Call&)> before;
    std::function<void(uint64_t operation)> after;
    fakes::PlayedClock clock;
    fakes::KeptLines lines;
    SpoolSettings settings;
    std::unique_ptr<SimFiles> files;
    std::unique_ptr<PlayedLog> log;

    std::set<std::string> posted;
    std::set<std::string> acknowledged;
    std::set<std::string> delivered;
};

enum class Ending { killed, power_lost };

using Harm = std::function<void(World&, uint64_t n)>;

// Plays the script once for every operation it has; `harm` says what goes wrong at the n-th.
void at_every_operation(SyncMode sync, Ending ending, const Harm& harm) {
    uint64_t operations = 1;
    for (uint64_t n = 0; n < operations; ++n) {
        World world(n);
        world.settings.sync = sync;
        if (n > 0) harm(world, n);
        try {
            world.play();
        } catch (const Crash&) {
        }
        if (n == 0) {
            operations = world.operations;
            EXPECT_EQ(world.acknowledged.size(), world.posted.size());
        }
        world.end();
        if (ending == Ending::power_lost) world.disk.lose_power();
        world.verify();
        if (testing::Test::HasFailure()) {
            for (const std::string& line : world.lines.lines) std::cout << line << "\n";
            FAIL() << "at operation " << n << " of " << operations;
        }
    }
}

// Operations from the n-th on, `count` of them, fail: all, or those that change the disk.
Harm fail(int error, uint64_t count = 1, bool only_changes = false) {
    return [=](World& world, uint64_t n) {
        world.before = [=](uint64_t operation, const sim::Call& call) {
            bool hit = operation >= n && operation < n + count;
            return hit && (!only_changes || changes_disk(call)) ? sim::Fault{error}
                                                                : sim::Fault{};
        };
    };
}

void die_before(World& world, uint64_t n) {
    world.before = [n](uint64_t operation, const sim::Call&) {
        if (operation == n) throw Crash{};
        return sim::Fault{};
    };
}

void die_after(World& world, uint64_t n) {
    world.after = [n](uint64_t operation) {
        if (operation == n) throw Crash{};
    };
}

TEST(SpoolFaults, OneErrorAnywhere) {
    at_every_operation(SyncMode::always, Ending::power_lost, fail(EIO));
}

TEST(SpoolFaults, OneErrorAnywhereWithSyncOs) {
    at_every_operation(SyncMode::os, Ending::killed, fail(EIO));
}

TEST(SpoolFaults, OneRefusalForWantOfSpace) {
    at_every_operation(SyncMode::always, Ending::power_lost, fail(ENOSPC, 1, true));
}

TEST(SpoolFaults, ADiskThatFailsForAWhile) {
    at_every_operation(SyncMode::always, Ending::power_lost, fail(EIO, 12, true));
}

TEST(SpoolFaults, ADiskThatFailsForAWhileWithSyncOs) {
    at_every_operation(SyncMode::os, Ending::killed, fail(EIO, 12, true));
}

TEST(SpoolFaults, ADiskThatStaysBroken) {
    at_every_operation(SyncMode::always, Ending::power_lost, fail(EIO, UINT64_MAX / 2, true));
}

TEST(SpoolFaults, ADiskThatStaysFull) {
    at_every_operation(SyncMode::always, Ending::power_lost, [](World& world, uint64_t n) {
        world.before = [n, &world](uint64_t operation, const sim::Call&) {
            if (operation == n) world.disk.capacity = world.disk.used();
            return sim::Fault{};
        };
    });
}

TEST(SpoolFaults, AProcessThatDiesAnywhere) {
    at_every_operation(SyncMode::always, Ending::killed, die_before);
    at_every_operation(SyncMode::os, Ending::killed, die_before);
    at_every_operation(SyncMode::os, Ending::killed, die_after);
}

TEST(SpoolFaults, APowerLossAnywhere) {
    at_every_operation(SyncMode::always, Ending::power_lost, die_before);
    at_every_operation(SyncMode::always, Ending::power_lost, die_after);
}

}  // namespace
}  // namespace momento::spool_test
