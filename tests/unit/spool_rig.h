// A log and its writer on any file system, played by one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fakes.h"
#include "spool/reader.h"
#include "spool/slots.h"
#include "spool/writer.h"

namespace momento::spool_test {

// Numbers that differ, and are the same in every run.
class CountingRandom final : public Random {
  public:
    explicit CountingRandom(uint64_t seed = 1) : state_(seed) {}

    void fill(void* data, size_t size) override {
        for (size_t i = 0; i < size; ++i) {
            state_ += 0x9E3779B97F4A7C15;
            uint64_t z = state_;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(z >> 56);
        }
    }

  private:
    uint64_t state_;
};

inline SpoolSettings small_settings() {
    SpoolSettings settings;
    settings.path = "/spool";
    settings.segment_size = 16 * 1024;
    settings.size = 8 * settings.segment_size;
    return settings;
}

inline Record event(const std::string& body, int64_t accepted_ms = 1'000) {
    static std::string kept;  // the view lives until the next call
    kept = body;
    Record record;
    record.accepted_ms = accepted_ms;
    record.publish_ms = accepted_ms - 10;
    record.cache = "cache";
    record.topic = "topic";
    record.body = kept;
    return record;
}

// What a process that has a log does with it. Destroying it is dying: nothing is finished.
class PlayedLog {
  public:
    struct Tools {
        FileSystem* files = nullptr;
        Clock* clock = nullptr;
        Random* random = nullptr;
        Logger* logger = nullptr;
        StepObserver* observer = nullptr;
        DestinationMetrics* metrics = nullptr;
        bool only_drains = false;
    };

    PlayedLog(SpoolSettings settings, const std::string& destination, Tools tools,
              std::unique_ptr<Slot> slot = nullptr)
        : log(std::make_shared<Log>([] {}, [this] { ++wakes; })),
          reader(log, *tools.logger, *tools.clock) {
        slots = std::make_shared<Slots>(settings.path, destination, *tools.files, *tools.random,
                                        *tools.logger);
        WriterTools writer_tools;
        writer_tools.clock = tools.clock;
        writer_tools.random = tools.random;
        writer_tools.logger = tools.logger;
        writer_tools.observer = tools.observer;
        writer_tools.metrics = tools.metrics;
        writer_tools.only_drains = tools.only_drains;
        writer = std::make_unique<Writer>(log, std::make_shared<SpoolSettings>(settings), slots,
                                          std::move(slot), writer_tools);
    }

    // Posts a batch without a step; the first ticket.
    uint64_t post(const std::vector<Record>& records, bool may_use_reserve = false) {
        AppendBatch batch;
        for (const Record& record : records) {
            batch.records.push_back(RecordBuffer::from(record));
        }
        batch.first_ticket = next_ticket;
        batch.reply = &replies;
        batch.used = &used;
        batch.may_use_reserve = may_use_reserve;
        next_ticket += records.size();
        log->append(std::move(batch));
        return next_ticket - records.size();
    }

    std::vector<Settlement> settlements() {
        use_again();
        std::vector<Settlement> taken;
        replies.take(taken);
        return taken;
    }

    // What came back belongs to whoever posted it: the log must not look at it any more.
    void use_again() {
        std::vector<std::vector<RecordBuffer>> batches;
        used.take(batches);
        for (std::vector<RecordBuffer>& records : batches) {
            for (RecordBuffer& record : records) {
                const size_t size = record.body().size();
                record.begin(size);
                record.append_body(std::string(size, '!'));
            }
        }
    }

    // Whether all of them are durable.
    bool append(const std::vector<Record>& records, bool may_use_reserve = false) {
        post(records, may_use_reserve);
        writer->step();
        bool durable = true;
        for (const Settlement& settlement : settlements()) durable &= settlement.durable;
        return durable;
    }
    bool append(const std::string& body) { return append({event(body)}); }

    void step(int times = 1) {
        for (int i = 0; i < times; ++i) writer->step();
    }

    // Until there is nothing to do at this time.
    void settle() {
        for (int i = 0; i < 10'000 && writer->step(); ++i) {
        }
    }

    std::vector<ReadRecord> read(size_t most = 1'000'000) {
        std::vector<ReadRecord> records;
        while (records.size() < most &&
               reader.read(most - records.size(), SIZE_MAX, records, damaged)) {
        }
        return records;
    }

    std::vector<std::string> read_bodies(size_t most = 1'000'000) {
        std::vector<std::string> bodies;
        for (const ReadRecord& read : this->read(most)) bodies.emplace_back(read.record.body);
        return bodies;
    }

    void release(const std::vector<ReadRecord>& records,
                 Resolution resolution = Resolution::delivered) {
        std::vector<Release> releases;
        for (const ReadRecord& read : records) {
            releases.push_back({read.record.sequence, read.end, resolution});
        }
        log->release(std::move(releases));
        writer->step();
    }

    void requeue(const ReadRecord& read) {
        const Record& record = read.record;
        std::vector<Requeue> requeues;
        requeues.push_back({RecordBuffer::from(record),
                            {record.sequence, read.end, Resolution::requeued, record.origin}});
        log->requeue(std::move(requeues));
    }

    SlotTotals totals() const { return log->numbers().totals; }

    std::shared_ptr<Log> log;
    std::shared_ptr<Slots> slots;
    Mailbox<Settlement> replies;
    Mailbox<std::vector<RecordBuffer>> used;
    std::unique_ptr<Writer> writer;
    Reader reader;
    std::vector<Release> damaged;
    uint64_t next_ticket = 1;
    int wakes = 0;
};

}  // namespace momento::spool_test
