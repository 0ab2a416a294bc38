// Reads one log for delivery, and keeps account of what was read and is not resolved yet.
//
// Belongs to the delivery thread. Releases and requeues are collected and posted once a
// turn. The log takes releases up to cursor_window beyond its oldest unreleased record, and
// the reader reads no further: so one record can keep a log from being read on.
//
// Requeueing, the rule: a record that fails again and again is appended at the tail and
// forgotten here, so that it holds neither the cursor nor the space behind it. Each one
// costs a write; so a log requeues no more records than were resolved for good, and writing
// is at most doubled. Only one that keeps the log from being read on may go though nothing
// was resolved: who calls sees to it that these are few.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/logger.h"
#include "delivery/entry.h"
#include "spool/log.h"
#include "spool/reader.h"
#include "spool/rereader.h"

namespace momento {

class LogDrain {
  public:
    LogDrain(std::shared_ptr<Log> log, Logger& logger, const Clock& clock);

    // Appends up to `max_records` entries, of about `max_bytes`, to `entries`. False if
    // there is nothing (more) to be read now.
    bool read(size_t max_records, size_t max_bytes, EntryPool& pool,
              std::vector<Entry*>& entries);

    bool has_more() const { return more_; }  // as far as is known without reading

    // Delivered or dead. The entry may be given back to its pool afterwards.
    void resolve(const Entry& entry, Resolution resolution);

    // Leaves it in the log, unreleased: whoever opens the log next reads it again. So many of
    // these as the cursor's window holds, and the log is not read on.
    void keep(const Entry& entry) { clear_place(entry); }

    // A planted bug: releases what is still in flight.
    void release_early(const Entry& entry);

    // Of an entry that was read here: its body leaves memory, and comes back.
    void park(Entry& entry);
    Status read_again(Entry& entry);

    // Like resolve(), for an entry of which nothing is in flight: it comes back from the tail.
    bool may_requeue() const { return passed_ > 0; }
    void requeue(const Entry& entry);

    // The oldest unreleased one; null: it is not an entry here any more.
    Entry* oldest() const;

    // Up to `most` entries that keep the log from being read on, oldest first, if any do.
    void find_blockers(size_t most, std::vector<Entry*>& entries) const;

    // Hands this turn's releases and requeues to the log. Its writer is to be woken for
    // releases, but not for each turn's.
    void post();
    bool owes_wake() const { return owes_wake_; }
    void wake_writer();

    // Half of what may hold records does.
    bool is_short_of_room() const { return log_->numbers().fullness >= 0.5; }

    size_t in_memory() const { return in_memory_; }  // of what has never been parked
    bool is_empty() const;  // the log is open, and nothing in it is pending
    const std::shared_ptr<Log>& log() const { return log_; }

  private:
    struct Place {
        uint64_t sequence = 0;
        Entry* entry = nullptr;  // null: resolved
    };

    void clear_place(const Entry& entry);

    const std::shared_ptr<Log> log_;
    Reader reader_;
    Rereader rereader_;
    bool more_ = false;

    std::deque<Place> ledger_;  // what was read, from the oldest unresolved record on
    uint64_t first_place_ = 0;  // number of the ledger's front
    size_t in_memory_ = 0;
    uint64_t passed_ = 0;  // records resolved for good, less requeues; bounded

    std::vector<Release> releases_;
    std::vector<Requeue> requeues_;
    bool owes_wake_ = false;
    std::vector<ReadRecord> records_;  // kept for its capacity
};

}  // namespace momento
