// What a slot's files say when it is opened.
//
// Start-up costs the newest segment only: earlier segments' ends stand in their
// successors' headers, and their records are checked when they are read. A torn tail ends
// at the last whole record. Nothing is changed on disk: the writer appends to a fresh
// segment that names the tail and its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/logger.h"
#include "base/result.h"
#include "spool/cursor.h"
#include "spool/log.h"

namespace momento {

struct RecoveredSlot {
    CursorState cursor;
    std::vector<Extent> extents;         // oldest first, all sealed; from the base on
    std::vector<std::string> spares;     // files that can be used again
    std::vector<uint64_t> consumed;      // segments wholly released, oldest first
    uint64_t last_segment = 0;
    uint64_t last_end = 0;
    int64_t newest_publish_ms = 0;
    bool foreign = false;                // an unknown format: nothing here may be touched
};

Result<RecoveredSlot> recover_slot(Directory& directory, Logger& logger);

}  // namespace momento
