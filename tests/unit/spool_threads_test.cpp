// A log as it runs: its writer on a thread of its own, others appending, one that delivers.
// On the machine's files; for ThreadSanitizer as much as for the assertions.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "spool_rig.h"

namespace momento::spool_test {
namespace {

class Bell {
  public:
    void ring() {
        std::lock_guard lock(mutex_);
        rung_ = true;
        changed_.notify_all();
    }
    // Until it rings, or some time has passed.
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(Writer::step_interval_ms),
                          [this] { return rung_; });
        rung_ = false;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool rung_ = false;
};

class Lines final : public Logger {
  public:
    void write(Severity, std::string line) override {
        std::lock_guard lock(mutex_);
        lines.push_back(std::move(line));
    }
    std::mutex mutex_;
    std::vector<std::string> lines;
};

TEST(SpoolThreads, DeliverEveryAcknowledgedRecordOnce) {
    std::string pattern = testing::TempDir() + "momento-threads-XXXXXX";
    SpoolSettings settings;
    settings.path = mkdtemp(pattern.data());
    settings.segment_size = 64 * 1024;
    settings.size = 64 * settings.segment_size;
    constexpr uint64_t producers = 3;
    constexpr uint64_t batches = 100;
    constexpr uint64_t in_batch = 5;
    constexpr uint64_t total = producers * batches * in_batch;

    Bell writer_bell;
    Bell reader_bell;
    Lines lines;
    Mailbox<Settlement> replies([] {});
    auto log = std::make_shared<Log>([&] { writer_bell.ring(); }, [&] { reader_bell.ring(); });
    auto slots =
        std::make_shared<Slots>(settings.path, "bus", system_files(), system_random(), lines);
    DestinationMetrics metrics{};
    WriterTools tools;
    tools.clock = &system_clock();
    tools.random = &system_random();
    tools.logger = &lines;
    tools.metrics = &metrics;
    Writer writer(log, std::make_shared<SpoolSettings>(settings), slots, nullptr, tools);

    std::atomic<bool> stop{false};
    std::thread writing([&] {
        while (!stop) {
            while (writer.step()) {
            }
            writer_bell.wait();
        }
        writer.finish();
    });

    std::vector<std::thread> producing;
    for (uint64_t p = 0; p < producers; ++p) {
        producing.emplace_back([&, p] {
            for (uint64_t b = 0; b < batches; ++b) {
                AppendBatch batch;
                batch.reply = &replies;
                batch.first_ticket = (p * batches + b) * in_batch;
                for (uint64_t i = 0; i < in_batch; ++i) {
                    Record record;
                    std::string body = std::to_string(batch.first_ticket + i);
                    body.resize(200, ' ');
                    record.body = body;
                    batch.records.push_back(RecordBuffer::from(record));
                }
                log->append(std::move(batch));
            }
        });
    }

    std::set<uint64_t> delivered;
    Reader reader(log, lines, system_clock());
    std::vector<Release> damaged;
    while (delivered.size() < total) {
        std::vector<ReadRecord> records;
        if (!reader.read(50, 1 << 20, records, damaged)) {
            reader_bell.wait();
            continue;
        }
        std::vector<Release> releases;
        std::vector<Requeue> requeues;
        for (const ReadRecord& read : records) {
            Release release{read.record.sequence, read.end, Resolution::delivered};
            if (read.record.attempts == 0 && read.record.sequence % 13 == 0) {
                release.resolution = Resolution::requeued;
                Record again = read.record;
                again.attempts = 1;
                requeues.push_back({RecordBuffer::from(again), release});
                continue;
            }
            EXPECT_TRUE(delivered.insert(std::stoull(std::string(read.record.body))).second);
            releases.push_back(release);
        }
        log->release(std::move(releases));
        log->requeue(std::move(requeues));
        (void)log->numbers();
    }
    for (std::thread& thread : producing) thread.join();
    stop = true;
    writer_bell.ring();
    writing.join();

    std::vector<Settlement> settled;
    replies.take(settled);
    uint64_t durable = 0;
    for (const Settlement& settlement : settled) durable += settlement.count;
    EXPECT_EQ(durable, total);
    EXPECT_EQ(log->numbers().totals.pending(), 0u);
    EXPECT_TRUE(damaged.empty());
    EXPECT_TRUE(lines.lines.empty()) << lines.lines[0];
    EXPECT_GT(metrics.sync.sum_us.load(), 0u);
    std::filesystem::remove_all(settings.path);
}

}  // namespace
}  // namespace momento::spool_test
