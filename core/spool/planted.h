// Bugs that the simulation plants on purpose, to prove that it would catch them.
//
// Only a build with MOMENTO_PLANTED_BUGS contains them: in every other one planted() is
// constant false, and the compiler removes what it guards.
#pragma once

namespace momento {

enum class Bug {
    none,
    sync_skipped,                  // acknowledged without fdatasync
    sync_repeated,                 // a failed fdatasync is tried again on the same descriptor
    directory_sync_skipped,        // a fresh segment's name is not made durable
    cursor_unsynced_at_recycling,  // a segment is used again before its releases are durable
    torn_tail_resumed,             // appending goes on in front of a torn record
    crc_ignored,
    crc_without_salt,
    adoption_without_lock,
    released_before_delivery,
    redrive_marked_before_durable,
    slot_not_set_aside,     // whoever comes next takes what has just ended a thread
    hold_not_taken_apart,   // what one entry is held for holds all, and probes are batches
    adoption_given_up,      // after a look that found nothing
    gap_ends_log,           // what stands before a segment that is gone is not believed
    unreadable_is_lost,     // records that cannot be read now
    shared_segment_reused,  // though another slot has it, for records that cannot be read
    blocked_for_good,       // a slot that could not be read is not tried again
    count,
};

#ifdef MOMENTO_PLANTED_BUGS
inline Bug planted_bug = Bug::none;  // set between runs, by the one thread that simulates
inline bool planted(Bug bug) {
    return planted_bug == bug;
}
#else
constexpr bool planted(Bug) {
    return false;
}
#endif

}  // namespace momento
