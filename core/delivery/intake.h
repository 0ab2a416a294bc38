// Reads the logs of one destination into memory: in turns, so that each has its share of
// the memory and of the batches, and a bounded number of entries, whatever the backlog. What
// waits is parked: it is not in memory but for what delivery knows of it. When it is read
// again it has a part of the memory of its own, so that neither what waits nor what comes
// keeps the other one out.
//
// Belongs to the delivery thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/logger.h"
#include "delivery/entry.h"
#include "delivery/log_drain.h"

namespace momento {

class Intake {
  public:
    // `max_entries` in memory; each log may have `least_share` of them at least.
    Intake(size_t max_entries, size_t least_share, Logger& logger, const Clock& clock)
        : max_entries_(max_entries),
          least_share_(least_share),
          logger_(logger),
          clock_(clock) {}

    // The first one stays; the others leave by take_drained(), when they are empty.
    void add_log(std::shared_ptr<Log> log);
    void take_drained(std::vector<std::shared_ptr<Log>>& logs);
    bool reads(const Log& log) const;

    // Appends what memory has room for.
    void read(std::vector<Entry*>& entries);
    const Log* last_read() const { return last_read_; }  // whichever that was

    // True if the next read() has something, as far as is known without reading.
    bool may_read() const;

    // It leaves memory. load() reads it again, if it may.
    void park(Entry* entry);
    bool may_load() const;
    Status load(Entry* entry);

    // These give the entry back.
    void resolve(Entry* entry, Resolution resolution);
    void requeue(Entry* entry);
    void keep(Entry* entry);

    // Entries that keep their log from being read on, and the oldest ones of logs.
    void find_blockers(size_t most, std::vector<Entry*>& entries) const;  // of each log
    void find_oldest(std::vector<Entry*>& entries) const;

    // Hands what was resolved and requeued to the logs; wake_writers() is to follow soon if
    // owes_wake() then.
    void post();
    bool owes_wake() const;

    // Whether somebody waits to hear what becomes of a log's records.
    bool is_watched() const;
    void wake_writers();

    size_t in_memory() const { return fresh_.entries + again_.entries; }
    uint64_t pending() const;  // in all logs, on disk

  private:
    size_t room_for(const LogDrain& drain) const;
    bool read_some(LogDrain& drain, std::vector<Entry*>& entries);
    void give_back(Entry* entry);

    const size_t max_entries_;
    const size_t least_share_;
    Logger& logger_;
    const Clock& clock_;
    EntryPool pool_;
    std::vector<std::unique_ptr<LogDrain>> drains_;
    size_t next_drain_ = 0;
    const Log* last_read_ = nullptr;  // a log of these

    struct Share {
        size_t entries = 0;
        size_t bytes = 0;
    };
    Share& share_of(const Entry& entry) { return entry.again ? again_ : fresh_; }
    void leave_memory(const Entry& entry);

    Share fresh_;
    Share again_;  // read again
};

}  // namespace momento
