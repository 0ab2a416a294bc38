// Reads single records of a log again, by their place: what waits for long gives its body
// back, and a record stands where it stood until it is released.
//
// Belongs to one thread, the reader's. Blocks on the disk. A failure says nothing for ever:
// the next call may succeed, and nothing is given up here.
#pragma once

#include <cstdint>
#include <memory>

#include "base/file_system.h"
#include "base/result.h"
#include "spool/log.h"
#include "spool/reader.h"

namespace momento {

class Rereader {
  public:
    explicit Rereader(std::shared_ptr<const Log> log) : log_(std::move(log)) {}

    // The unreleased record that the log's Reader gave with this sequence, end and size.
    Result<ReadRecord> read(uint64_t sequence, const Position& end, size_t size);

  private:
    Result<ReadRecord> look(const Extent& extent, uint64_t sequence, uint64_t offset,
                            size_t size);
    Result<ReadRecord> search(uint64_t sequence);

    // Kept open for nobody: a segment that is removed gives its space back at once.
    Result<std::unique_ptr<File>> open(uint64_t segment) const;

    const std::shared_ptr<const Log> log_;
};

}  // namespace momento
