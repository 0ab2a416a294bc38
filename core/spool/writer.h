// The writer of a log: everything that changes its files.
//
// A step function: a thread (or the simulator) calls step() whenever the log's mailboxes
// may hold something, and at least every `step_interval_ms`. One step writes all that has
// queued, syncs once (group commit), publishes, settles, applies releases to the cursor,
// and does a small piece of housekeeping (cursor sync, a spare segment, recycling).
//
// Faults: after a failed write or sync the segment is poisoned, its descriptor never
// synced again. A fresh segment names the poisoned one and its last good offset; records
// that were not yet acknowledged are appended there once more, or settled as not durable.
// Nothing here throws but std::bad_alloc, and nothing ends the process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "base/random.h"
#include "spool/log.h"
#include "spool/slots.h"
#include "spool/steps.h"

namespace momento {

struct WriterTools {
    const Clock* clock = nullptr;
    Random* random = nullptr;
    Logger* logger = nullptr;
    StepObserver* observer = nullptr;       // optional
    DestinationMetrics* metrics = nullptr;  // optional: of the destination the log is for

    // Optional: whenever they may have changed, and before anybody who waits for them.
    SlotPublisher publish;

    // Somebody else's log, taken over for what is pending in it: nothing is appended but what
    // is requeued, and it keeps no files for more.
    bool only_drains = false;

    // Optional: an exception ends whoever steps the writer, while it has this slot, of which
    // nobody knows whether it is to blame. Must not throw.
    std::function<void(const std::string& destination, const std::string& slot)> set_aside;
};

class Writer {
  public:
    static constexpr int64_t step_interval_ms = 100;

    // `slots` provides the slot on first need; with a `slot` at hand (adoption) it is used.
    Writer(std::shared_ptr<Log> log, std::shared_ptr<const SpoolSettings> settings,
           std::shared_ptr<Slots> slots, std::unique_ptr<Slot> slot, WriterTools tools);
    ~Writer();

    // True if there was something to do.
    bool step();

    // The last step: settles all, syncs data and cursor, gives the slot back.
    void finish();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace momento
