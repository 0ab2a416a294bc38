// Whether the file that the module was loaded from has become another build. A reload keeps the
// code that is loaded, so after an upgrade of its package the old one may go on for months.
//
// Looked at by every worker when it begins and once a minute, as an errand; belongs to its
// delivery thread. Whoever finds it first says it, for all; it stays told in the status until
// nginx is started anew.
#pragma once

#include <cstdint>

#include "base/build_id.h"
#include "base/clock.h"
#include "base/errands.h"
#include "base/logger.h"
#include "base/metrics.h"

namespace momento {

class BuildWatch {
  public:
    // `told`, shared by all workers: 0, or the build that stands in the file if it is another
    // than the one that runs. Clock, logger and `told` outlive this. `errands`: null: in place.
    BuildWatch(LoadedBuild running, const Clock& clock, Logger& logger, Counter& told,
               Errands* errands);

    // Once a second or so.
    void step();

  private:
    void compare(const Result<std::string>& id);

    const LoadedBuild running_;
    const Clock& clock_;
    Logger& logger_;
    Counter& told_;
    Errands* const errands_;
    int64_t next_us_ = INT64_MIN;  // steady clock
    bool is_looking_ = false;
};

}  // namespace momento
