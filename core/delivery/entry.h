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

struct HeldLine;
class LogDrain;

struct Entry {
    Record record;  // attempts, their times and held_ms are kept up to date here
    Position end;
    std::shared_ptr<const Bytes> bytes;  // what the record's views point into; null: parked,
                                         // they are empty until it is read again
    bool again = false;                  // it has been parked

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
    uint32_t holds = 0;        // in a row
    HeldLine* line = nullptr;  // of those that are held alone: it waits there, or is tried
    bool unburied = false;     // waits for its letter to be made
    uint64_t trial = 0;        // the one that it is a part of; 0: none

    std::optional<EntryVerdict> refusal;  // final: its letter is being stored

    // Nothing of it is in memory but what delivery knows. Its log has the rest.
    void park();
    bool is_parked() const { return bytes == nullptr; }

    // Fills in what park() gave up, from the same record.
    void unpark(const Record& same, std::shared_ptr<const Bytes> its_bytes);

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
