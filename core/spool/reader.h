// Reads a log's durable records in order, for the delivery thread. Every record is checked
// (CRC, salt, sequence); damage in the middle costs the damaged records only: they are
// reported, and their bytes kept aside in the slot. It never reads further beyond the log's
// base than records can be released.
//
// What cannot be read (a bad page, a file that cannot be opened) is a hole: its records wait,
// pending, and reading goes on behind it at once. A hole is tried again after a second, then
// less and less often, once a minute at least, and what of it can be read by then comes out of
// order. Once much behind it has been read, the log parts with it (waiting_slot.h). Nothing is
// given up for its time: whoever wants to takes the file out of the slot.
//
// Belongs to one thread. Blocks on the disk.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logger.h"
#include "spool/log.h"
#include "spool/patched_file.h"
#include "spool/segment_scan.h"

namespace momento {

// A record in memory. The chunk it was read with stays as long as one of its records does.
struct ReadRecord {
    Record record;
    Position end;     // the place behind it
    size_t size = 0;  // bytes in the log
    std::shared_ptr<const Bytes> chunk;
};

class Reader {
  public:
    Reader(std::shared_ptr<Log> log, Logger& logger, const Clock& clock);

    // Appends up to `max_records` to `records`, at most about `max_bytes` of them, without
    // those the cursor already had as released. Records lost to damage are appended to
    // `damaged` as releases to be made. False if there is nothing new.
    bool read(size_t max_records, size_t max_bytes, std::vector<ReadRecord>& records,
              std::vector<Release>& damaged);

    // Sequence of the next record that read() would give in order; 0 before the log is open.
    uint64_t next_sequence() const { return main_.next; }

    // Records that wait in holes.
    uint64_t unreadable() const;

  private:
    enum class Step {
        record,   // there is one to give
        again,    // moved on
        nothing,  // to give for now
        end,      // of what is walked through
    };

    struct Range {
        uint64_t from = 0;
        uint64_t to = 0;
    };

    // Through one segment.
    struct Walk {
        uint64_t segment = 0;
        Salt salt{};
        std::shared_ptr<PatchedFile> file;
        std::optional<SegmentScan> scan;
        uint64_t next = 0;            // sequence
        std::optional<Range> unread;  // passed since the last record, as it has a hole
        Error error;                  // why
        int64_t delay_us = 0;         // of the hole that this walks through
    };

    struct Hole {
        uint64_t segment = 0;
        Salt salt{};
        Range bytes;
        Range sequences;
        uint64_t records = 0;  // of the sequences those that are not released
        int64_t delay_us = 0;
        int64_t due_us = 0;
        bool leaves = false;  // the log is about to part with it
    };

    struct Lost {
        Range sequences;
        Position end;
    };

    bool begin();
    void refresh();
    Step step(Record& record);
    Step open_extent();
    Step leave_extent();
    void cut_holes(const Extent& left);
    Step look(Walk& walk, uint64_t end, Record& record);
    Step pass_bad_place(Walk& walk, uint64_t end);
    void close_gap(Walk& walk, uint64_t sequence, Position lost_end);
    Step stand_still(const Error& error);

    bool walks_through_hole();
    Step step_hole(Record& record);
    bool open_hole(Hole& hole);
    void add_hole(const Walk& walk, Range sequences);

    bool give_lost(std::vector<Release>& damaged);
    uint64_t unreleased(Range sequences) const;
    void part_with_holes();
    void hear_of_parting();
    void keep_aside(const Walk& walk, uint64_t from, uint64_t to);
    uint64_t bytes_aside() const;
    bool in_window(uint64_t sequence) const {
        return sequence < log_->base_sequence() + cursor_window;
    }

    std::shared_ptr<Log> log_;
    Logger& logger_;
    const Clock& clock_;
    std::shared_ptr<const CursorState> opened_at_;
    std::shared_ptr<Directory> directory_;

    uint64_t seen_version_ = 0;
    std::vector<Extent> extents_;  // the current one, and the next if there is one
    Walk main_;                    // through the current one
    int64_t look_again_us_ = 0;    // at a hole that nothing stands behind
    std::vector<Lost> lost_;       // not reported yet
    bool stands_still_ = false;

    std::deque<Hole> holes_;
    std::vector<bool> parted_;
    int64_t part_again_us_ = INT64_MIN;
    std::optional<Hole> walked_hole_;
    Walk hole_walk_;
};

}  // namespace momento
