// Gives the room that a log has consumed back to it and makes segments ahead, so that whoever
// appends finds one ready and the log stays within its bound.
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
    // What is given lives longer than this. `keeps_files`: what was consumed becomes a spare;
    // else it is given back to the disk.
    Recycler(SegmentStore& store, Appender& appender, CursorKeeper& cursor,
             const SpoolSettings& settings, const Clock& clock, Logger& logger,
             bool keeps_files);

    // False: there is nothing to do now.
    bool step();

    // At once, as far as that is possible, until a whole segment fits within the bound: what
    // the last owner consumed, or made ahead by other settings, must not be in the way.
    void make_room();

  private:
    bool recycle_oldest();
    bool prepare_spare();

    SegmentStore& store_;
    Appender& appender_;
    CursorKeeper& cursor_;
    const SpoolSettings& settings_;
    const Clock& clock_;
    Logger& logger_;
    const bool keeps_files_;

    Pace recycle_pace_;
    Pace spare_pace_;
    bool spare_failed_ = false;  // and that was told
};

}  // namespace momento
