// Reads a log's durable records in order, for the delivery thread and the command-line
// tool. Every record is checked (CRC, salt, sequence); damage in the middle costs the
// damaged records only: they are reported, and their bytes kept aside in the slot.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/logger.h"
#include "spool/log.h"

namespace momento {

// A record in memory. The chunk it was read with stays as long as one of its records does.
struct ReadRecord {
    Record record;
    Position end;  // the place behind it
    std::shared_ptr<const std::string> chunk;
};

class Reader {
  public:
    Reader(std::shared_ptr<const Log> log, Logger& logger);

    // Appends up to `max_records` to `records`, at most about `max_bytes` of them, without
    // those the cursor already had as released. Records lost to damage are appended to
    // `damaged` as releases to be made. False if there is nothing new.
    bool read(size_t max_records, size_t max_bytes, std::vector<ReadRecord>& records,
              std::vector<Release>& damaged);

    // Sequence of the next record that read() would give.
    uint64_t next_sequence() const;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace momento
