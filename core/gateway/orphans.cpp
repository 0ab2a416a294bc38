#include "gateway/orphans.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "spool/recovery.h"
#include "spool/slot_reader.h"

namespace momento {
namespace {

constexpr int64_t survey_interval_us = 60'000'000;

// What recovery has to say of a slot, its owner will hear.
class Silence final : public Logger {
  public:
    void write(Severity, std::string) override {}
};

}  // namespace

OrphanSurvey::OrphanSurvey(std::shared_ptr<const GatewaySettings> settings, FileSystem& files,
                           const Clock& clock, Logger& logger, Counter& orphaned)
    : settings_(std::move(settings)),
      files_(files),
      clock_(clock),
      logger_(logger),
      orphaned_(orphaned) {}

void OrphanSurvey::step() {
    const int64_t now = clock_.steady_us();
    if (now < next_us_) return;
    next_us_ = now + survey_interval_us;

    const auto places = find_slots(files_, settings_->spool.path);
    if (!places) return;  // no spool yet, or one that its writers complain of
    Silence silence;
    uint64_t pending = 0;
    std::set<std::string> names;
    for (const SlotPlace& place : *places) {
        if (is_known(place.destination)) continue;
        const auto slot = recover_slot(*place.directory, silence);
        if (!slot || slot->foreign || slot->cursor.totals.pending() == 0) continue;
        pending += slot->cursor.totals.pending();
        names.insert(place.destination);
    }

    if (orphaned_.exchange(pending) == pending || pending == 0) return;
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "\"" : ", \"") + name + '"';
    logger_.write(Severity::alert, "orphans: " + std::to_string(pending) +
                                       " events wait for destinations that the configuration "
                                       "no longer names (" +
                                       list +
                                       "): name them again, or use \"momentoctl spool move\"");
}

bool OrphanSurvey::is_known(const std::string& destination) const {
    const auto& known = settings_->destinations;
    return std::any_of(known.begin(), known.end(), [&](const DestinationSettings& settings) {
        return settings.name == destination;
    });
}

}  // namespace momento
