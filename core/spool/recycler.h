// Gives the room that a log has consumed back to it and makes segments ahead, so that whoever
// appends finds one ready and the log stays within its bound.
//
// Beside what is pending, or kept for replay zones, a log at rest has two segments: the tail
// and the reserve; or, when the tail is nearly full, the reserve and the one to go on with.
//
// Belongs to the writer's thread, which calls it when everybody who waits for an answer has
// one: a step does one small piece. A segment is taken back when all of it is durably released
// and its replay ids have been kept for as long as the settings want. Errors are logged; what
// failed is tried again a second later.
#pragma once

#include "base/clock.h"
#include "base/logger.h"
#include "spool/appender.h"
#include "spool/cursor_keeper.h"
#include "spool/log.h"
#include "spool/pace.h"
#include "spool/segment_store.h"

namespace momento {

class Recycler {
  public:
    enum class Use {
        events,   // what was consumed becomes a spare
        letters,  // it is given back to the disk
        drained,  // and nothing is made ahead
    };

    // What is given lives longer than this.
    Recycler(SegmentStore& store, Appender& appender, CursorKeeper& cursor,
             const SpoolSettings& settings, const Clock& clock, Logger& logger, Use use);

    // False: there is nothing to do now.
    bool step();

    // At once, as far as that is possible, until a whole segment fits within the bound: what
    // the last owner consumed, or made ahead by other settings, must not be in the way.
    void make_room();

  private:
    bool is_at_rest();
    bool is_tail_used() const;
    size_t wanted_spares() const;
    bool recycle_oldest();
    bool remove_surplus();
    bool prepare_spare();

    SegmentStore& store_;
    Appender& appender_;
    CursorKeeper& cursor_;
    const SpoolSettings& settings_;
    const Clock& clock_;
    Logger& logger_;
    const Use use_;

    uint64_t last_sequence_ = 0;  // that was seen, and since when nothing was appended
    int64_t at_rest_since_us_ = 0;
    Pace recycle_pace_;
    Pace surplus_pace_;
    Pace spare_pace_;
    bool spare_failed_ = false;  // and that was told
};

}  // namespace momento
