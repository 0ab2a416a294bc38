// Orphans: pending events of destinations that the configuration does not name any more.
// Nobody delivers them; they are told of until `momentoctl spool move` gives them another
// destination, or the configuration gets the old one back.
//
// Surveyed by the delivery thread of every worker, without locks; blocks on the disk.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "gateway/settings.h"

namespace momento {

class OrphanSurvey {
  public:
    // `orphaned` is shared by all workers: whoever finds another number there says so.
    OrphanSurvey(std::shared_ptr<const GatewaySettings> settings, FileSystem& files,
                 const Clock& clock, Logger& logger, Counter& orphaned);

    // Looks around if it is time to.
    void step();

  private:
    bool is_known(const std::string& destination) const;

    const std::shared_ptr<const GatewaySettings> settings_;
    FileSystem& files_;
    const Clock& clock_;
    Logger& logger_;
    Counter& orphaned_;
    int64_t next_us_ = INT64_MIN;
};

}  // namespace momento
