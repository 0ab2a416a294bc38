#include "gateway/orphans.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

namespace momento {
namespace {

constexpr int64_t survey_interval_us = 60'000'000;
constexpr int64_t in_use_interval_us = 1'000'000;

}  // namespace

OrphanSurvey::OrphanSurvey(std::shared_ptr<const GatewaySettings> settings, FileSystem& files,
                           const Clock& clock, Logger& logger, OrphanTable& table)
    : settings_(std::move(settings)),
      files_(files),
      clock_(clock),
      logger_(logger),
      table_(table),
      configuration_(table.configuration()) {}

void OrphanSurvey::step() {
    const int64_t now = clock_.steady_us();
    if (now < next_us_ || configuration_ != table_.configuration()) return;

    in_use_ = false;
    std::vector<Orphan> found;
    for (const std::string& path : table_.spools()) survey_spool(path, found);
    if (table_.publish(configuration_, found) && !found.empty()) report(found);
    next_us_ = now + (in_use_ ? in_use_interval_us : survey_interval_us);
}

void OrphanSurvey::survey_spool(const std::string& path, std::vector<Orphan>& found) {
    auto spool = files_.open_directory(path, false);
    if (!spool) {
        // Not there any more, or not yet.
        if (spool.error().code != ENOENT) report_once(path, spool.error().text);
        return;
    }
    auto names = (*spool)->list();
    if (!names) return report_once(path, names.error().text);

    const bool is_configured = path == settings_->spool.path;
    std::sort(names->begin(), names->end());
    for (const std::string& name : *names) {
        if (name[0] == '.' || (is_configured && is_known(name))) continue;
        auto places = find_slots(files_, path, name);
        if (!places) {
            const int code = places.error().code;
            const bool is_nothing = code == ENOENT || code == ENOTDIR;
            if (!is_nothing) report_once(path + '/' + name, places.error().text);
            continue;
        }
        for (const SlotPlace& place : *places) survey_slot(path, place, found);
    }
}

void OrphanSurvey::survey_slot(const std::string& path, const SlotPlace& place,
                               std::vector<Orphan>& found) {
    // For a moment only: whoever rescues orphans needs the lock.
    if (auto lock = place.directory->try_lock(slot_lock_file); lock && !*lock) {
        in_use_ = true;
        return;
    }
    const std::string name = path + '/' + place.destination + '/' + place.slot;
    std::vector<std::string> findings;  // its next owner will say them
    const auto slot = look_at_slot(*place.directory, &findings);
    if (!slot) return report_once(name, slot.error().text);
    if (slot->foreign) return report_once(name, "it was written in another format version");
    const uint64_t events = slot->cursor.totals.pending();
    if (events == 0) return;
    const auto bytes = total_size(*place.directory);
    found.push_back({path, place.destination, place.slot, events, bytes ? *bytes : 0});
}

bool OrphanSurvey::is_known(const std::string& destination) const {
    const auto& known = settings_->destinations;
    return std::any_of(known.begin(), known.end(), [&](const DestinationSettings& settings) {
        return settings.name == destination;
    });
}

void OrphanSurvey::report(const std::vector<Orphan>& found) {
    uint64_t events = 0;
    std::map<std::string, uint64_t> by_destination;
    for (const Orphan& orphan : found) {
        events += orphan.events;
        by_destination[orphan.spool + '/' + orphan.destination] += orphan.events;
    }
    std::string list;
    for (const auto& [path, count] : by_destination) {
        list += (list.empty() ? "\"" : ", \"") + path + "\" (" + std::to_string(count) + ')';
    }
    const std::string& spool = settings_->spool.path;
    logger_.write(
        Severity::alert,
        "orphans: " + std::to_string(events) +
            " events wait where the configuration names no destination any more: " + list +
            "; name it again, or use \"momentoctl spool move " + by_destination.begin()->first +
            ' ' + (spool.empty() ? "SPOOL" : spool) + "/DESTINATION\"");
}

void OrphanSurvey::report_once(const std::string& path, const std::string& what) {
    if (!reported_.insert(path).second) return;
    logger_.write(Severity::alert,
                  "\"" + path + "\" may hold orphans and is left alone: " + what);
}

}  // namespace momento
