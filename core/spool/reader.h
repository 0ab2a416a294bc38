// Reads a log's durable records in order, for the delivery thread. Every record is checked
// (CRC, salt, sequence); damage in the middle costs the damaged records only: they are
// reported, and their bytes kept aside in the slot. It never reads further beyond the log's
// base than records can be released.
//
// Belongs to one thread. Blocks on the disk. A read that fails is tried again by the next
// call, and its records are given up for lost only after `patience` calls in a row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/logger.h"
#include "spool/log.h"
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
    static constexpr int patience = 1000;

    Reader(std::shared_ptr<const Log> log, Logger& logger);

    // Appends up to `max_records` to `records`, at most about `max_bytes` of them, without
    // those the cursor already had as released. Records lost to damage are appended to
    // `damaged` as releases to be made. False if there is nothing new.
    bool read(size_t max_records, size_t max_bytes, std::vector<ReadRecord>& records,
              std::vector<Release>& damaged);

    // Sequence of the next record that read() would give; 0 before the log is open.
    uint64_t next_sequence() const { return next_; }

  private:
    enum class Step {
        record,   // there is one to give
        again,    // moved on
        nothing,  // to give for now
    };

    bool begin();
    void refresh();
    Step step(Record& record);
    Step open_extent();
    Step leave_extent();
    Step pass_bad_place();
    Step wait_or_give_up(const Error& error);
    bool give_lost(std::vector<Release>& damaged);
    void keep_aside(uint64_t from, uint64_t to);
    bool in_window(uint64_t sequence) const {
        return sequence < log_->base_sequence() + cursor_window;
    }

    std::shared_ptr<const Log> log_;
    Logger& logger_;
    std::shared_ptr<const CursorState> opened_at_;
    std::shared_ptr<Directory> directory_;

    uint64_t seen_version_ = 0;
    std::vector<Extent> extents_;      // the current one, and the next if there is one
    std::shared_ptr<File> file_;       // of the current one
    std::optional<SegmentScan> scan_;  // of the current one

    uint64_t next_ = 0;        // sequence
    uint64_t lost_until_ = 0;  // from next_ to here records are lost, and not reported yet
    Position lost_end_;
    int failures_ = 0;  // reads in a row
};

}  // namespace momento
