// When the oldest pending record of a log was accepted, for those who watch how far delivery
// is behind.
//
// Belongs to the writer's thread: it reads the record from its segment's file, once for each
// that becomes the oldest, and so is asked to look now and then only.
#pragma once

#include <cstdint>
#include <deque>

#include "base/file_system.h"
#include "spool/cursor.h"
#include "spool/log.h"

namespace momento {

class OldestPending {
  public:
    void look(Directory& slot, const std::deque<LogSegment>& segments,
              const CursorState& cursor);

    // As of the last look, wall clock; 0: nothing is pending, or it cannot be told.
    int64_t accepted_ms() const { return accepted_ms_; }

  private:
    uint64_t sequence_ = 0;
    int64_t accepted_ms_ = 0;
};

}  // namespace momento
