// What a slot needs no more goes back to the disk: spares, when its owner is gone, and the
// segments of one in which nothing is pending, when no replay zone needs them. Its directory,
// its cursor and its lock stay.
//
// Called by whoever holds the slot's lock and has nothing to append. Blocks on the disk.
#pragma once

#include <cstdint>
#include <memory>

#include "base/file_system.h"
#include "base/result.h"
#include "spool/recovery.h"

namespace momento {

// Removes the spares; `found` keeps those that could not be removed, or shall not: segments
// that nothing leads to, as long as something is pending.
Status give_back_spares(Directory& directory, RecoveredSlot& found);

// The same for the segments, up to the first that is to be kept for `retain_ms` after its
// newest publish time. Only for a slot in which nothing is pending. When there will be more
// to give back, in wall-clock ms; INT64_MAX: never.
Result<int64_t> give_back_segments(const std::shared_ptr<Directory>& directory,
                                   RecoveredSlot& found, int64_t retain_ms, int64_t now_ms);

// Bytes of all files that were found.
uint64_t bytes_of(const RecoveredSlot& found);

}  // namespace momento
