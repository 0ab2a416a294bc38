// A delivery loop over real logs in a directory of its own, with everything else played:
// clock, chance, network and destination.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "delivery/loop.h"
#include "fakes.h"
#include "spool/reader.h"
#include "spool/slots.h"
#include "spool/writer.h"

namespace momento::fakes {

using Kind = EntryVerdict::Kind;

// Answers batches by a script, in the next step(); or keeps them until it is told.
class PlayedDestination final : public Destination {
  public:
    using Batch = std::vector<std::string>;  // the bodies
    using Script = std::function<BatchResult(const Batch&)>;

    BatchLimits limits() const override { return limits_; }
    size_t entry_size(const Record& record) const override { return record.body.size(); }
    size_t max_in_flight() const override { return max_in_flight_; }
    bool accepts(const Record& record) const override { return !accepts_ || accepts_(record); }

    void send(std::vector<const Record*> records, Done done) override {
        Batch bodies;
        for (const Record* record : records) {
            bodies.emplace_back(record->body);
            attempts[bodies.back()] = record->attempts;
        }
        batches.push_back(bodies);
        in_flight.push_back({std::move(bodies), std::move(done)});
        most_in_flight = std::max(most_in_flight, in_flight.size());
    }

    void step() override {
        if (keeps) return;
        while (!in_flight.empty()) answer();
    }

    // Answers the oldest batch.
    void answer() {
        auto [bodies, done] = std::move(in_flight.front());
        in_flight.pop_front();
        BatchResult result = script(bodies);
        for (size_t i = 0; i < bodies.size(); ++i) {
            if (result.entries.at(i).kind == Kind::delivered) ++delivered[bodies[i]];
        }
        done(std::move(result));
    }

    static BatchResult all(const Batch& batch, EntryVerdict verdict) {
        BatchResult result;
        result.entries.assign(batch.size(), std::move(verdict));
        return result;
    }
    static BatchResult take(const Batch& batch) {
        return all(batch, {Kind::delivered, {}, {}});
    }

    BatchLimits limits_;
    size_t max_in_flight_ = 4;
    std::function<bool(const Record&)> accepts_;  // nothing: all
    Script script = take;
    bool keeps = false;

    struct Flight {
        Batch bodies;
        Done done;
    };
    std::deque<Flight> in_flight;
    std::vector<Batch> batches;
    std::map<std::string, int> delivered;
    std::map<std::string, uint32_t> attempts;  // as recorded when it was sent last
    size_t most_in_flight = 0;
};

// A log with its writer, stepped by the test.
class PlayedLog {
  public:
    PlayedLog(const std::string& spool, const std::string& destination, Clock& clock,
              Logger& logger) {
        auto settings = std::make_shared<SpoolSettings>();
        settings->path = spool;
        settings->size = 64u << 20;
        settings->segment_size = 1u << 20;
        settings->sync = SyncMode::os;
        auto slots = std::make_shared<Slots>(spool, destination, system_files(),
                                             system_random(), logger);
        log = std::make_shared<Log>([this] { ++writer_wakes; }, [] {});
        WriterTools tools;
        tools.clock = &clock;
        tools.random = &system_random();
        tools.logger = &logger;
        writer = std::make_unique<Writer>(log, settings, slots, nullptr, tools);
    }
    ~PlayedLog() { writer->finish(); }

    int writer_wakes = 0;

    void append(const std::vector<Record>& records) {
        AppendBatch batch;
        for (const Record& record : records)
            batch.records.push_back(RecordBuffer::from(record));
        log->append(std::move(batch));
        pump();
    }

    void pump() {
        for (int i = 0; i < 20 && writer->step(); ++i) {
        }
    }

    SlotTotals totals() const { return log->numbers().totals; }

    std::shared_ptr<Log> log;
    std::unique_ptr<Writer> writer;
};

class DeliveryRig : public testing::Test {
  protected:
    DeliveryRig() {
        char path[] = "/tmp/delivery-rig-XXXXXX";
        spool_ = mkdtemp(path);
        settings_.name = "bus";
    }
    ~DeliveryRig() override {
        loop_.reset();
        logs_.clear();
        letters_.reset();
        std::filesystem::remove_all(spool_);
    }

    // Call after changing settings_ and destination_.
    void start() {
        letters_ = std::make_unique<PlayedLog>(letters_spool(), "dead", clock_, lines_);
        loop_ = std::make_unique<DeliveryLoop>(
            DeliveryTools{&clock_, &random_, &lines_, &http_, 0, {}});
        loop_->add_destination(settings_, destination_, letters_->log, &metrics_);
        add_log();
    }
    virtual std::string letters_spool() const { return spool_; }

    PlayedLog& add_log() {
        logs_.push_back(std::make_unique<PlayedLog>(spool_, "bus", clock_, lines_));
        loop_->add_log("bus", logs_.back()->log);
        return *logs_.back();
    }
    PlayedLog& log() { return *logs_.front(); }

    // Events "0", "1", ...: their bodies, and what they are known by here.
    void append(size_t count, PlayedLog* log = nullptr) {
        std::vector<std::string> bodies;
        for (size_t i = 0; i < count; ++i) bodies.push_back(std::to_string(next_event_++));
        append(bodies, log);
    }
    void append(const std::vector<std::string>& bodies, PlayedLog* log = nullptr) {
        std::vector<Record> records;
        for (const std::string& body : bodies) {
            Record record;
            record.cache = "cache";
            record.topic = "topic";
            record.trace_header = "Root=1";
            record.accepted_ms = clock_.wall_ms();
            record.publish_ms = clock_.wall_ms() - 5;
            record.replay_id = {1, 2, 3};
            record.body = body;
            records.push_back(record);
        }
        (log ? *log : this->log()).append(records);
    }

    // Turns of the loop, the writers after each, time passing in between.
    void turns(int count, int64_t ms_each = 0) {
        for (int i = 0; i < count; ++i) {
            clock_.advance_ms(ms_each);
            loop_->step(1'000);
            pump();
        }
    }
    void pump() {
        if (letters_pumped_) letters_->pump();
        for (auto& log : logs_) log->pump();
    }
    void pass(int64_t ms, int64_t ms_each = 100) {
        turns(static_cast<int>(ms / ms_each), ms_each);
    }

    size_t batches() const { return destination_->batches.size(); }
    size_t delivered() const { return destination_->delivered.size(); }
    uint64_t outcomes(DeliveryOutcome outcome) const { return metrics_.requests[outcome]; }

    // What stands in the dead letters.
    struct Letter {
        Record record;
        std::shared_ptr<const Bytes> bytes;
    };
    std::vector<Letter> read_letters() {
        Reader reader(letters_->log, lines_, clock_);
        std::vector<ReadRecord> records;
        std::vector<Release> damaged;
        while (reader.read(1000, 1 << 20, records, damaged)) {
        }
        std::vector<Letter> letters;
        for (ReadRecord& read : records) letters.push_back({read.record, read.chunk});
        return letters;
    }

    std::string spool_;
    PlayedClock clock_;
    PlayedRandom random_;
    KeptLines lines_;
    PlayedHttp http_;
    DestinationMetrics metrics_{};
    DeliverySettings settings_;
    std::shared_ptr<PlayedDestination> destination_ = std::make_shared<PlayedDestination>();
    std::unique_ptr<PlayedLog> letters_;
    bool letters_pumped_ = true;
    std::vector<std::unique_ptr<PlayedLog>> logs_;
    std::unique_ptr<DeliveryLoop> loop_;
    size_t next_event_ = 0;
};

}  // namespace momento::fakes
