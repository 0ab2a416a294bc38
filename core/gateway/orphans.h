// Orphans: pending events of destinations that the configuration does not name any more, or
// in a spool that it does not name any more but did since nginx started. Nobody delivers
// them; they are told of until `momentoctl spool move` gives them another destination, or
// the configuration gets the old one back.
//
// Surveyed by the delivery thread of every worker; blocks on the disk. A slot that a process
// has, an old worker that still delivers, holds no orphans.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "gateway/orphan_table.h"
#include "gateway/settings.h"
#include "spool/slot_reader.h"

namespace momento {

class OrphanSurvey {
  public:
    // `table` is shared by all workers: whoever finds another number there says so. It lives
    // as long as the survey.
    OrphanSurvey(std::shared_ptr<const GatewaySettings> settings, FileSystem& files,
                 const Clock& clock, Logger& logger, OrphanTable& table);

    // Looks around if it is time to: once a minute, or once a second while a slot that may
    // hold orphans is in use.
    void step();

  private:
    void survey_spool(const std::string& path, std::vector<Orphan>& found);
    void survey_slot(const std::string& path, const SlotPlace& place,
                     std::vector<Orphan>& found);
    bool is_known(const std::string& destination) const;
    void report(const std::vector<Orphan>& found);
    void report_once(const std::string& path, const std::string& what);

    const std::shared_ptr<const GatewaySettings> settings_;
    FileSystem& files_;
    const Clock& clock_;
    Logger& logger_;
    OrphanTable& table_;
    const uint64_t configuration_;  // in effect when this began

    int64_t next_us_ = INT64_MIN;
    bool in_use_ = false;  // a slot was, when it was last looked at
    std::set<std::string> reported_;
};

}  // namespace momento
