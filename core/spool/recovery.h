// What a slot's files say when it is opened.
//
// The newest segment is scanned; earlier ones cost a look at their headers, where their
// predecessors' ends stand too, and their records are checked when they are read. A segment
// is believed if the newest one leads to it, by the predecessors they name. What else there
// is, is left of attempts that failed and of segments that were given up.
//
// In the newest segment a bad place is damage if a later record was written when the place
// had been synced (Record::durable), else it is a torn tail, and the log ends there.
//
// Nothing is changed on disk. The writer goes on where the newest segment's records end, if
// no whole record stands behind that place: one that was written before would be believed as
// soon as what is appended ends in front of it. Else it appends to a fresh segment that names
// the newest one and its end. Called by whoever holds the slot's lock; or by anyone who only
// wants to look, and lives with a picture that is changing.
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

struct FoundFile {
    std::string name;
    uint64_t size = 0;
};

struct RecoveredSegment {
    Extent extent;      // sealed
    uint64_t size = 0;  // of the file
    int64_t newest_publish_ms = 0;
};

struct RecoveredSlot {
    CursorState cursor;                      // its totals brought up to date
    uint64_t noted_sequence = 0;             // the last one given out, by the file itself
    std::vector<RecoveredSegment> segments;  // oldest first, wholly released ones too
    std::vector<FoundFile> spares;           // to be used again: nothing in them is needed
    std::vector<FoundFile> unreadable;       // segments without a header, perhaps still needed
    std::vector<std::string> second_names;   // of files that are segments under another name:
                                             // to be removed before anything is written
    uint64_t other_bytes = 0;                // of all other files
    uint64_t highest_number = 0;             // of any segment there is or was
    uint64_t next_sequence = 1;
    bool tail_clean = false;  // no whole record stands behind the newest segment's end
    bool tail_lost = false;   // records below next_sequence are in no segment: a fresh
                              // segment tells readers that they are gone
    bool foreign = false;     // another format version: nothing here may be touched, and
                              // nothing above is filled in
};

Result<RecoveredSlot> recover_slot(Directory& directory, Logger& logger);

}  // namespace momento
