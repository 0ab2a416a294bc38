// What the writer of a log of dead letters does about the marks in its slot (marks.h): a
// letter that a person redrove or removed is released, and no new one is taken for it.
//
// Belongs to the writer's thread. Only reads the marks; momentoctl makes them meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/file_system.h"
#include "base/logger.h"
#include "spool/cursor.h"
#include "spool/recovery.h"

namespace momento {

class LetterMarks {
  public:
    LetterMarks(std::shared_ptr<Directory> slot, Logger& logger);

    // Before anything is appended: no sequence that is marked is given out again. False: the
    // marks cannot be read, which may pass, and nothing may be appended until they can. Those
    // of a format that is not known are passed over, and told of.
    bool skip_marked(RecoveredSlot& found);

    // Adds what was marked since the last call.
    void release_marked(std::vector<Release>& releases);

  private:
    const std::shared_ptr<Directory> slot_;
    Logger& logger_;
    uint64_t released_ = 0;  // so many marks
    bool failed_ = false;    // and that was told
};

}  // namespace momento
