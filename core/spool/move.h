// Moves what is pending of a destination that the configuration no longer knows to another
// one. For the command-line tool; blocks.
//
// An event is durable at the tail of a slot of its new destination (tails.h) before it is
// released in its old slot. A crash between the two leaves it in both: it may be delivered
// twice, and is never lost. What the disk does not hold any more is counted as damaged and
// told to the logger. Slots that a process has are left alone. One that cannot be read, or
// written to, keeps the others from nothing: what is wrong with it is told to the logger.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "spool/slot_reader.h"
#include "spool/tails.h"

namespace momento {

namespace steps {

inline constexpr char moved_appended[] = "moved appended";
inline constexpr char moved_released[] = "moved released";

}  // namespace steps

struct MoveReport {
    uint64_t moved = 0;   // events
    uint64_t in_use = 0;  // events left in slots that a process has
    uint64_t failed = 0;  // slots of which some events may be left for another reason
};

// An error is one of the whole: of FROM's directory, or of where events go to.
// Moves what stands under the destination `from` of `spool` to the destination `to` of the
// spool of `tails`. Adds to `report`, also before an error.
Status move_events(const std::string& spool, const std::string& from, const std::string& to,
                   Tails& tails, const SpoolTools& tools, MoveReport* report);

}  // namespace momento
