// Which of a slot's segments are its log. The newest one is, and so is every one that a
// segment of the log names as its predecessor, by number and salt. Where the one that is named
// is not there, though records that stood there are not released, something has damaged the
// slot: what lies before is the log all the same, from the next lower segment on.
//
// A segment that is not named is left of an attempt that failed. One that names another slot
// is not believed, whatever its number: unless it is the one that this slot was made for
// (waiting_slot.h), or nothing here names this slot, whose directory was renamed then.
//
// Pure functions; any thread may call them.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "spool/segment.h"

namespace momento {

struct FoundSegment {
    SegmentHeader header;  // header.number is the number in the file's name
    uint64_t size = 0;     // of the file
};

struct ChainLink {
    uint64_t number = 0;
    bool vouched = false;           // a successor says where it ends:
    uint64_t end = 0;               // there; else the file's size, and the end is to be found
    int64_t newest_publish_ms = 0;  // as the successor says
};

// Numbers of the files that are segments by name only.
using BadNumbers = std::vector<uint64_t>;

// The log's segments, oldest first. Records below `base_sequence` are released. `shared`: the
// segment of another slot in which records of this one are pending; 0: there is none.
std::vector<ChainLink> follow_chain(const std::map<uint64_t, FoundSegment>& found,
                                    const BadNumbers& bad, std::string_view slot,
                                    uint64_t base_sequence, uint64_t shared);

// Whether a file of that number that cannot be believed may have held unreleased records.
bool may_be_missed(uint64_t number, const std::vector<ChainLink>& chain,
                   const std::map<uint64_t, FoundSegment>& found, uint64_t base_sequence);

}  // namespace momento
