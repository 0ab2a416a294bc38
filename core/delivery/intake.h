// Reads the logs of one destination into memory: in turns, so that each has its share of
// the memory and of the batches, and a bounded number of entries, whatever the backlog.
//
// Belongs to the delivery thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/logger.h"
#include "delivery/entry.h"
#include "delivery/log_drain.h"

namespace momento {

class Intake {
  public:
    // `max_entries` in memory; each log may have `least_share` of them at least.
    Intake(size_t max_entries, size_t least_share, Logger& logger)
        : max_entries_(max_entries), least_share_(least_share), logger_(logger) {}

    // The first one stays; the others leave by take_drained(), when they are empty.
    void add_log(std::shared_ptr<Log> log);
    void take_drained(std::vector<std::shared_ptr<Log>>& logs);

    // Appends what memory has room for.
    void read(std::vector<Entry*>& entries);

    // True if the next read() has something, as far as is known without reading.
    bool may_read() const;

    // These give the entry back.
    void resolve(Entry* entry, Resolution resolution);
    void requeue(Entry* entry);
    void keep(Entry* entry);

    // Entries that keep their log from being read on.
    void find_blockers(std::vector<Entry*>& entries) const;

    // Hands what was resolved and requeued to the logs; wake_writers() is to follow soon if
    // owes_wake() then.
    void post();
    bool owes_wake() const;

    // Whether somebody waits to hear what becomes of a log's records.
    bool is_watched() const;
    void wake_writers();

    size_t in_memory() const { return entries_in_memory_; }
    uint64_t pending() const;  // in all logs, on disk

  private:
    size_t room_for(const LogDrain& drain) const;
    bool read_some(LogDrain& drain, std::vector<Entry*>& entries);
    void give_back(Entry* entry);

    const size_t max_entries_;
    const size_t least_share_;
    Logger& logger_;
    EntryPool pool_;
    std::vector<std::unique_ptr<LogDrain>> drains_;
    size_t next_drain_ = 0;
    size_t entries_in_memory_ = 0;
    size_t bytes_in_memory_ = 0;
};

}  // namespace momento
