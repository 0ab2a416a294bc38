// Orphans: pending events of destinations that the configuration does not name any more, or
// in a spool that it does not name any more but did since nginx started. Nobody delivers
// them; they are told of until `momentoctl spool move` gives them another destination, or
// the configuration gets the old one back.
//
// Surveyed by every worker; belongs to its delivery thread, but each spool is looked at by an
// errand of its own: a former one may be on a dead mount, and then the others are told of. A
// slot that a process has, an old worker that still delivers, holds no orphans.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/errands.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "gateway/orphan_table.h"
#include "gateway/settings.h"

namespace momento {

class OrphanSurvey {
  public:
    // `table` is shared by all workers: whoever finds another number there says so. It lives
    // as long as the survey, `files` and `logger` as long as its errands. `errands`: null: in
    // place.
    OrphanSurvey(std::shared_ptr<const GatewaySettings> settings, FileSystem& files,
                 const Clock& clock, Logger& logger, OrphanTable& table, Errands* errands);
    ~OrphanSurvey();

    // Looks around if it is time to: once a minute, or once a second while a slot that may
    // hold orphans is in use.
    void step();

  private:
    class Place;
    struct Found {
        std::vector<Orphan> orphans;
        bool in_use = false;  // a slot was, when it was last looked at
    };
    struct Surveyed {
        std::shared_ptr<Place> place;
        bool is_looking = false;
        bool was_seen = false;
        int64_t next_us = INT64_MIN;  // steady clock
        int64_t first_us = 0;         // when the first look began
        std::vector<Orphan> orphans;  // found by the last one
    };

    void look(const std::string& path, Surveyed& spool);
    void publish();
    void report(const std::vector<Orphan>& found);

    const std::shared_ptr<const GatewaySettings> settings_;
    FileSystem& files_;
    const Clock& clock_;
    Logger& logger_;
    OrphanTable& table_;
    Errands* const errands_;
    const uint64_t configuration_;  // in effect when this began

    std::map<std::string, Surveyed> spools_;  // by path
    bool has_news_ = false;                   // a look has ended since publish()
};

}  // namespace momento
