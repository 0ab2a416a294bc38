// The tail of a log: writes records, makes them durable together, moves on to a fresh
// segment when one is full, and gives one up when the disk fails.
//
// After a failed write or sync a segment is poisoned: its file is closed and not touched
// again, and it ends where it was last synced. What was written behind that place is
// written once more, to a fresh segment, with the same sequences. If that fails too nothing
// is stored for a second, and then it is tried again, whether anybody appends or not.
//
// With sync=os records count as stored when they are written. A copy is kept in memory until
// a sync, at most a second later, has succeeded, so that they can be written again.
//
// A log that is opened again goes on in the newest segment, if it can: each start would cost a
// segment otherwise.
//
// Belongs to the writer's thread. Does not throw but what an observer or the allocator does.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/enum_table.h"
#include "base/file_system.h"
#include "spool/log.h"
#include "spool/recovery.h"
#include "spool/segment_store.h"
#include "spool/writer.h"

namespace momento {

struct PendingRecord {
    RecordBuffer* buffer = nullptr;
    Room room = Room::bound;
    uint64_t sequence = 0;  // 0: not stored
};

class Appender {
  public:
    // `sync`: in place of the settings'.
    Appender(SegmentStore& store, std::shared_ptr<const SpoolSettings> settings, SyncMode sync,
             const WriterTools& tools, std::string destination, std::string slot,
             const RecoveredSlot& recovered);

    // Stores what it can, in order, with one sync per segment, and fills in the sequences.
    void append(std::vector<PendingRecord>& records);

    // Syncs in the background (sync=os), and tries again after a failure, when it is time.
    void upkeep();

    // Everything written is synced afterwards, if that can be (sync=os).
    void flush();

    // A fresh segment is needed, though nobody appends: it tells readers what is gone.
    void need_tail() { tail_needed_ = true; }

    // The newest segment, as it was found: synced, and clean behind its end. Somebody who has
    // something to append may go_on() there.
    void keep_tail(std::unique_ptr<File> file);
    bool may_go_on() const { return found_tail_ != nullptr; }
    void go_on();
    void give_up_found_tail() { found_tail_.reset(); }

    const std::deque<LogSegment>& segments() const { return segments_; }
    bool has_tail() const { return tail_ != nullptr; }
    uint64_t unwritten() const;  // bytes that the tail has space for
    void drop_oldest();          // it was recycled
    void end_tail();             // what comes next goes to a fresh segment

    uint64_t next_sequence() const { return next_sequence_; }
    // Every record below is synced.
    uint64_t synced_sequence() const { return next_sequence_ - kept_.count; }
    uint64_t take_redriven() { return std::exchange(redriven_, 0); }
    // Changes whenever segments() does.
    uint64_t version() const { return version_; }

    uint64_t poisoned() const { return poisoned_; }
    bool failing() const { return failing_; }
    bool full() const { return full_; }

  private:
    struct Tail {
        std::unique_ptr<File> file;
        uint64_t size = 0;
        uint64_t synced_end = segment_header_size;
        Room room = Room::bound;  // for those who may use it
    };

    bool make_room(const PendingRecord& record);
    bool tail_takes(const PendingRecord& record) const;
    size_t fill(std::vector<PendingRecord>& records, size_t first);
    bool store(std::vector<PendingRecord>& records, size_t first, size_t end);
    bool roll(uint64_t bytes, Room room);
    bool open_segment(uint64_t bytes, Room room);
    bool write(const std::vector<std::string_view>& pieces);
    bool sync();
    void keep(const RecordBuffer& record);
    bool rewrite_kept();
    void poison(const Error& error);
    void note_failure(const Error& error, Room room);
    const char* why_it_fills() const;
    void complain(Severity severity, const std::string& what);
    bool may_try(Room room) const;
    Extent& tail_extent() { return segments_.back().extent; }
    int64_t now_us() const { return tools_.clock->steady_us(); }

    SegmentStore& store_;
    std::shared_ptr<const SpoolSettings> settings_;
    const SyncMode sync_;
    WriterTools tools_;
    const std::string destination_;
    const std::string slot_;

    std::deque<LogSegment> segments_;
    std::unique_ptr<Tail> tail_;
    std::unique_ptr<Tail> found_tail_;  // the newest segment; sealed until go_on()
    uint64_t highest_number_;
    uint64_t next_sequence_;
    uint64_t version_ = 1;
    uint64_t redriven_ = 0;
    bool tail_needed_ = false;
    std::vector<std::string_view> pieces_;

    // sync=os: written, not synced. The last ones before next_sequence_, in order; while
    // there is no tail they are in no believed segment. Copies, one behind the other: so
    // the buffers can be filled again while the processor still has them at hand.
    struct Kept {
        Bytes bytes;
        size_t size = 0;
        uint64_t count = 0;
        int64_t newest_publish_ms = 0;
    };
    Kept kept_;
    bool kept_homeless_ = false;
    int64_t next_sync_us_ = 0;

    uint64_t poisoned_ = 0;
    bool failing_ = false;
    bool full_ = false;
    uint64_t refused_bytes_ = 0;           // what found no room
    EnumTable<Room, int64_t> retry_us_{};  // not before; by what may be used
    int64_t next_complaint_us_ = 0;
};

}  // namespace momento
