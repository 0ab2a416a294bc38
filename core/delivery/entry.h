// A record in memory, on its way out: with what delivery knows of it that is not on disk.
//
// Belongs to the delivery thread. Entries live in an EntryPool and are used again, so that
// steady delivery allocates nothing for a record.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "destination/destination.h"
#include "spool/reader.h"

namespace momento {

class LogDrain;

struct Entry {
    Record record;  // attempts, their times and held_ms are kept up to date here
    Position end;
    std::shared_ptr<const Bytes> bytes;  // what the record's views point into

    LogDrain* drain = nullptr;  // the log it is from
    uint64_t place = 0;         // in that drain's ledger
    size_t size = 0;            // towards the batch's limit
    size_t memory = 0;          // towards the memory's
    int64_t read_us = 0;
    int64_t ready_us = 0;  // since when it may leave

    // The retry clock: started by the first attempt, standing still while held.
    int64_t clock_start_us = 0;  // steady time of its zero, moved on by held time
    int64_t hold_total_us = 0;   // the destination's time on hold that is accounted for

    // Waiting for a moment: to be sent again, or (held) to be tried again as if never tried.
    bool waiting = false;
    bool held = false;
    int64_t due_us = 0;
    int64_t waiting_since_us = 0;
    uint32_t holds = 0;  // in a row

    std::optional<EntryVerdict> refusal;  // final: its letter is being stored

    // Copies what the views need, so that one entry does not keep a whole chunk in memory.
    void detach();

    // `us` of the past did not count.
    void stop_clock(int64_t us);
};

class EntryPool {
  public:
    Entry* take();
    void give_back(Entry* entry);

  private:
    std::deque<Entry> entries_;
    std::vector<Entry*> free_;
};

}  // namespace momento
