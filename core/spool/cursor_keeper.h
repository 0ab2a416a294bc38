// Keeps a log's cursor, in memory and in its file: written whenever records were released,
// made durable once a second and when a segment is to be used again. After a failure it is
// written to a new file, tried at most once a second; the log goes on meanwhile, only no
// segment is used again.
//
// Belongs to the writer's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "spool/cursor.h"
#include "spool/cursor_file.h"
#include "spool/pace.h"

namespace momento {

class CursorKeeper {
  public:
    // `noted_sequence`: the last sequence given out, as the slot's cursor file has it.
    // `metrics`: may be null.
    CursorKeeper(CursorState recovered, uint64_t noted_sequence,
                 std::shared_ptr<Directory> directory, const Clock& clock, Logger& logger,
                 StepObserver* observer, DestinationMetrics* metrics);

    const CursorState& state() const { return cursor_.state(); }

    void note_segment(uint64_t first_sequence, Position first_record);
    void note_appended(uint64_t last_sequence, uint64_t redriven);

    // Applies what it can, in any order; what lies beyond the window stays in `releases`.
    // Why some are dead is counted with the next write: a process that is killed leaves none
    // that is counted, and comes alive again.
    void release(std::vector<Release>& releases);

    // Writes what was released since the last write.
    void write();

    // Once a second: writes what has changed in any way, and makes it durable. False if that
    // failed, or is not to be tried again yet.
    bool sync();

    // Whether the file has been written since the slot was opened; sees to it if need be. Then
    // whoever remembers the slot as drained sees that it has another generation, and all names
    // in the slot's directory are durable.
    bool renew();

    // Whether everything below is durably released; sees to it if need be.
    bool released_for_good(uint64_t sequence);

  private:
    void write_now();
    void sync_file();
    void complain(const Error& error);
    void count_dead();

    Cursor cursor_;
    CursorFile file_;
    const Clock& clock_;
    Logger& logger_;
    DestinationMetrics* const metrics_;
    std::vector<uint8_t> uncounted_;  // why records are dead that the file does not tell of
    bool renewed_ = false;            // written by this keeper
    bool released_ = false;           // something, since the last write
    bool appended_;
    Pace fresh_file_;
};

}  // namespace momento
