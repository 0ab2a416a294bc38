// A log: the durable queue of one destination (or of dead letters) and one worker process,
// in one slot directory. The log is the queue: nothing is queued twice in memory.
//
//   event loop --append-->  Log  --settlement--> event loop       ("durable up to ticket n")
//   delivery   --release--> Log  --published---> delivery reads segments up to `end`
//
// The methods of Log are the faces other threads see: they post and return. All writing,
// syncing and recycling is done by the log's Writer (writer.h), a step function that one
// thread, or a simulator, calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/mailbox.h"
#include "spool/cursor.h"
#include "spool/record.h"
#include "spool/segment.h"

namespace momento {

enum class SyncMode {
    always,  // durable after fdatasync
    os,      // durable after write: survives the process, not the machine
};

struct SpoolSettings {
    std::string path;
    uint64_t size = 1ull << 30;         // bound of one log on disk, all its files together
    uint64_t segment_size = 16u << 20;  // bytes of one segment file
    SyncMode sync = SyncMode::always;
    uint64_t unread_reach = cursor_window / 4;  // records that are read behind one that cannot
                                                // be, before that gets a slot of its own
    std::string size_named = "\"size=\" of \"momento_spool\"";  // what bounds it, for people
    int64_t retain_ms = 0;  // a released segment is kept until its newest publish time is
                            // this old, so that replay ids can be read back
};

// The fate of `count` records with consecutive tickets from `first_ticket` on.
struct Settlement {
    uint64_t first_ticket = 0;
    uint64_t count = 0;
    bool durable = false;         // false: not stored, or not surely; who waits answers 503
    uint64_t first_sequence = 0;  // of the durable ones; consecutive
};

// Mailboxes outlive the log; nullptr: nobody waits.
struct AppendBatch {
    std::vector<RecordBuffer> records;
    uint64_t first_ticket = 0;  // the batch's records have consecutive tickets
    Mailbox<Settlement>* reply = nullptr;
    Mailbox<std::vector<RecordBuffer>>* used = nullptr;  // gets the records, before a reply
    bool may_use_reserve = false;  // dead letters: the last spare segment too
};

// Appends `record` at the tail; `old` (Resolution::requeued) is released once it is durable.
struct Requeue {
    RecordBuffer record;
    Release old;
};

// Records of one segment that cannot be read now, as their reader found them.
struct UnreadRecords {
    uint64_t segment = 0;
    Salt salt{};
    uint64_t from = 0;                                     // offset before the first
    uint64_t to = 0;                                       // and behind the last
    std::vector<std::pair<uint64_t, uint64_t>> sequences;  // ascending; each first, and behind
};

// What of a segment may be read. Extents are consecutive; only the last one grows.
struct Extent {
    uint64_t segment = 0;
    uint64_t end = 0;  // offset behind the last durable record
    bool sealed = false;
    Salt salt{};
    uint64_t first_sequence = 0;
};

// A segment of the log, as its writer knows it. The last one may be the tail, which grows.
struct LogSegment {
    Extent extent;
    uint64_t size = 0;  // of the file
    int64_t newest_publish_ms = 0;
    bool poisoned = false;
};

struct LogNumbers {
    SlotTotals totals;
    uint64_t recovered = 0;  // records found pending when the slot was opened
    uint64_t bytes = 0;      // on disk, spares included
    uint64_t limit = 0;
    double fullness = 0;    // how much of what may hold records does; 1: all of it
    uint64_t poisoned = 0;  // segments given up after a failed write or sync
    bool failing = false;   // the last attempt to store something failed, and the next one
                            // has not been made yet: at most one a second
    bool full = false;      // the bound or the disk is reached: appends are refused
    int64_t oldest_pending_ms = 0;  // accept time of the base record; 0: none, or not read yet
    bool let_go = false;            // nobody has the slot any more
    uint64_t unreadable = 0;  // of the pending records those that wait until they can be read
};

// Hears a slot's numbers; `found` is what it held when it was opened.
using SlotPublisher =
    std::function<void(const std::string& slot, const SlotTotals& found, const LogNumbers&)>;

class Writer;

class Log {
  public:
    // `wake_writer` and `wake_reader` are called from posting threads and must not block.
    Log(std::function<void()> wake_writer, std::function<void()> wake_reader);

    // --- event loop, delivery thread
    void append(AppendBatch batch) { appends_.post(std::move(batch)); }

    // --- delivery thread

    // The writer sees them with its next step. Each wake-up makes it write its cursor: so
    // whoever releases often does not wake it each time.
    void release(std::vector<Release> releases) {
        if (auto* watcher = watcher_.load(std::memory_order_acquire)) watcher->post(releases);
        releases_.post(std::move(releases));
    }
    void wake_writer() { wake_writer_(); }
    void requeue(std::vector<Requeue> records) { requeues_.post(std::move(records)); }

    // How many records wait until they can be read.
    void note_unreadable(uint64_t records) {
        unreadable_.store(records, std::memory_order_relaxed);
    }

    // These are to wait in a slot of their own (waiting_slot.h), and to be released here. What
    // came of it is heard later: true once they are another log's.
    void part_with(UnreadRecords records) { unread_.post(std::move(records)); }
    void take_parted(std::vector<bool>& parted) { parted_.take(parted); }
    uint64_t unread_reach() const { return unread_reach_.load(std::memory_order_relaxed); }

    // Extents from that segment on, or from the next one that there is. `version` tells
    // whether anything has changed. What was published may also be taken back (sync=os,
    // after a failed sync): then records with sequences that were already read come again
    // in the next extent.
    uint64_t version() const { return version_.load(std::memory_order_acquire); }
    std::vector<Extent> extents_from(uint64_t segment, size_t most = SIZE_MAX) const;

    // The lowest unreleased record. Releases reach up to cursor_window beyond it, and so
    // may reading. Everything below may vanish from the disk at any time.
    uint64_t base_sequence() const { return base_sequence_.load(std::memory_order_acquire); }

    // Where reading starts: what the cursor said when the slot was opened. Nothing before
    // the writer has opened the slot.
    std::shared_ptr<const CursorState> opened_at() const;

    // The slot's directory, for reading segments. Null before the slot is open.
    std::shared_ptr<Directory> directory() const;

    // --- any thread
    LogNumbers numbers() const;

    // From now on `watcher`, which outlives the log's readers, gets a copy of all releases.
    void watch(Mailbox<std::vector<Release>>* watcher) {
        watcher_.store(watcher, std::memory_order_release);
    }
    bool is_watched() const { return watcher_.load(std::memory_order_acquire) != nullptr; }

  private:
    friend class Writer;

    void publish_slot(std::shared_ptr<Directory> directory, const CursorState& opened_at);
    // `segments`: null if they have not changed.
    void publish(const LogNumbers& numbers, uint64_t base_sequence,
                 const std::deque<LogSegment>* segments);

    Mailbox<AppendBatch> appends_;
    Mailbox<std::vector<Release>> releases_;
    Mailbox<std::vector<Requeue>> requeues_;
    Mailbox<UnreadRecords> unread_;
    Mailbox<bool> parted_;
    std::atomic<uint64_t> unread_reach_{SpoolSettings().unread_reach};
    std::atomic<Mailbox<std::vector<Release>>*> watcher_{nullptr};
    const std::function<void()> wake_writer_;
    const std::function<void()> wake_reader_;

    mutable std::mutex mutex_;  // what follows is published by the writer
    std::shared_ptr<Directory> directory_;
    std::shared_ptr<const CursorState> opened_at_;
    std::vector<Extent> extents_;
    LogNumbers numbers_;
    std::atomic<uint64_t> version_{0};
    std::atomic<uint64_t> base_sequence_{0};
    std::atomic<uint64_t> unreadable_{0};
};

}  // namespace momento
