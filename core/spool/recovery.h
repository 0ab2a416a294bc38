// What a slot's files say when it is opened.
//
// The newest segment is scanned; earlier ones cost a look at their headers, where their
// predecessors' ends stand too, and their records are checked when they are read. Which
// segments are the log segment_chain.h says. What stands under a segment's name and is none,
// is kept aside if unreleased records may have stood there, and used again if not; so are
// segments that do not belong to the log.
//
// What is pending stands in the cursor's base segment or in one behind it: an earlier one,
// which a power loss has brought back after it was removed, ends at the base, whatever follows
// in it. Without a cursor, and without segment 1, a log has lost what stood there: no segment
// is removed before a cursor has noted that it is released.
//
// In the newest segment a bad place is damage if a later record was written when the place
// had been synced (Record::durable), else it is a torn tail, and the log ends there. So is it
// where the next segment cannot be believed, and no other one says where this one ends.
//
// A file that cannot be read costs nothing that does not stand in it. A segment that cannot be
// opened, or whose header cannot be read, is told of by the one behind it: its records are the
// log's, and whoever reads them waits. Only without the cursor, without the newest segment, or
// where a segment that nobody vouches for ends, is nothing certain: such a slot is blocked.
//
// Nothing is changed on disk. The writer goes on where the newest segment's records end, if
// no whole record stands behind that place: one that was written before would be believed as
// soon as what is appended ends in front of it. Else it appends to a fresh segment that names
// the newest one and its end. Called by whoever holds the slot's lock; or by anyone who only
// wants to look, and lives with a picture that is changing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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

// A file with a segment's name that is not what it should be.
struct BadFile {
    FoundFile file;
    std::string what;  // it is, for people
};

struct RecoveredSegment {
    Extent extent;      // sealed
    uint64_t size = 0;  // of the file
    int64_t newest_publish_ms = 0;
    bool unread = false;  // its header is: nothing may be written to the file
};

struct RecoveredSlot {
    CursorState cursor;                      // its totals brought up to date
    uint64_t noted_sequence = 0;             // the last one given out, by the file itself
    std::vector<RecoveredSegment> segments;  // oldest first, wholly released ones too
    std::vector<FoundFile> spares;           // to be used again: nothing in them is needed
    std::vector<BadFile> damaged;            // perhaps missed: to be kept aside
    std::vector<BadFile> unreadable;         // that cannot be read now: not touched
    std::vector<std::string> second_names;   // of files that are segments under another name:
                                             // to be removed before anything is written
    uint64_t other_bytes = 0;                // of all other files but what is kept aside,
    uint64_t aside_bytes = 0;                // and of that
    uint64_t highest_number = 0;             // of any segment there is or was
    uint64_t next_sequence = 1;
    bool tail_clean = false;  // no whole record stands behind the newest segment's end
    bool tail_lost = false;   // records below next_sequence are in no segment: a fresh
                              // segment tells readers that they are gone
    std::string blocked;      // why nothing may be done here until something can be read that
                              // cannot be now; what is above is then as far as is known
    bool foreign = false;     // another format version: nothing here may be touched, and
                              // nothing above is filled in
};

// `slot`: the name of its directory.
Result<RecoveredSlot> recover_slot(Directory& directory, std::string_view slot, Logger& logger);

}  // namespace momento
