// Reads a slot from outside: without its lock, beside the process that may own it, and
// without changing anything. For the command-line tool; blocks.
//
// What it sees is a moment of a log that goes on: records that are released or appended
// while it reads may be seen or not. A segment that is used again meanwhile is left out:
// everything in it was released.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/logger.h"
#include "base/result.h"
#include "spool/cursor.h"
#include "spool/record.h"
#include "spool/recovery.h"
#include "spool/segment.h"
#include "spool/slots.h"

namespace momento {

struct SlotPlace {
    std::string destination;  // the directory's name
    std::string slot;
    std::shared_ptr<Directory> directory;
};

// Slots of a spool, in the order of their names: of one destination, or of all but the dead
// letters. An error if the spool, or that destination, is not there or cannot be read. A slot
// that cannot be opened is one whose directory answers all with that error, so that it hides
// no other; and of a destination of all that cannot be read there is one slot, without a name.
Result<std::vector<SlotPlace>> find_slots(FileSystem& files, const std::string& spool,
                                          const std::string& destination = "");

// recover_slot() for a slot that may be changing: a file that was there when the directory
// was listed may have another name when it is opened. `findings`: what recovery had to say.
Result<RecoveredSlot> look_at_slot(const SlotPlace& place, std::vector<std::string>* findings);

// The sequence behind the last record that is surely on disk. Of a slot that somebody owns it
// is what the owner says, once a second: a record beyond it may still be taken back, and its
// sequence given to another one. A slot that nobody owns is synced here.
Result<uint64_t> certain_until(const SlotPlace& place);

// Bytes of all files in a slot.
Result<uint64_t> total_size(Directory& slot);

struct SlotReport {
    CursorState cursor;
    uint64_t pending = 0;               // whole records that are neither released nor marked
    uint64_t lost = 0;                  // unreleased records that are not there any more
    uint64_t unreadable = 0;            // unreleased records that cannot be read now
    uint64_t bytes = 0;                 // of all files together
    bool foreign = false;               // an unknown format: nothing else here is known
    std::vector<std::string> findings;  // what is not as it should be, for people
};

// The views in `record` live until the visitor returns.
using RecordVisitor = std::function<void(const Record& record, Position end)>;

// Visits every pending record, oldest first.
Result<SlotReport> read_slot(const SlotPlace& place, const RecordVisitor& visit);

}  // namespace momento
