#include "gateway/orphans.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "spool/slot_reader.h"
#include "spool/slots.h"

namespace momento {
namespace {

constexpr int64_t survey_interval_us = 60'000'000;
constexpr int64_t in_use_interval_us = 1'000'000;

// What the first looks find is told together, but not for ever is one waited for.
constexpr int64_t first_looks_us = 5'000'000;

}  // namespace

// One spool, as its errand looks at it.
class OrphanSurvey::Place {
  public:
    Place(std::string path, std::shared_ptr<const GatewaySettings> settings, FileSystem& files,
          Logger& logger)
        : path_(std::move(path)),
          settings_(std::move(settings)),
          files_(files),
          logger_(logger) {}

    Found survey();

  private:
    void survey_spool(Found& found);
    void survey_slot(const SlotPlace& place, Found& found);
    bool is_known(const std::string& destination) const;
    void report_once(const std::string& path, const std::string& what);

    const std::string path_;
    const std::shared_ptr<const GatewaySettings> settings_;
    FileSystem& files_;
    Logger& logger_;
    std::set<std::string> reported_;
};

OrphanSurvey::Found OrphanSurvey::Place::survey() {
    Found found;
    survey_spool(found);
    return found;
}

void OrphanSurvey::Place::survey_spool(Found& found) {
    auto spool = files_.open_directory(path_, false);
    if (!spool) {
        // Not there any more, or not yet.
        if (spool.error().code != ENOENT) report_once(path_, spool.error().text);
        return;
    }
    auto names = (*spool)->list();
    if (!names) return report_once(path_, names.error().text);

    const bool is_configured = path_ == settings_->spool.path;
    std::sort(names->begin(), names->end());
    for (const std::string& name : *names) {
        // ".dead" is none, nor is what mke2fs puts into a volume's root.
        if (!is_destination_name(name) || (is_configured && is_known(name))) continue;
        auto places = find_slots(files_, path_, name);
        if (!places) {
            const int code = places.error().code;
            const bool is_nothing = code == ENOENT || code == ENOTDIR;
            if (!is_nothing) report_once(path_ + '/' + name, places.error().text);
            continue;
        }
        for (const SlotPlace& place : *places) survey_slot(place, found);
    }
}

void OrphanSurvey::Place::survey_slot(const SlotPlace& place, Found& found) {
    // For a moment only: whoever rescues orphans needs the lock.
    if (auto lock = place.directory->try_lock(slot_lock_file); lock && !*lock) {
        found.in_use = true;
        found.orphans.push_back({path_, place.destination, place.slot, 0, 0, true});
        return;
    }
    const std::string name = path_ + '/' + place.destination + '/' + place.slot;
    std::vector<std::string> findings;  // its next owner will say them
    const auto slot = look_at_slot(place, &findings);
    if (!slot) return report_once(name, slot.error().text);
    if (slot->foreign) return report_once(name, "it was written in another format version");
    const uint64_t events = slot->cursor.totals.pending();
    if (events == 0) return;
    const auto bytes = total_size(*place.directory);
    found.orphans.push_back(
        {path_, place.destination, place.slot, events, bytes ? *bytes : 0, false});
}

bool OrphanSurvey::Place::is_known(const std::string& destination) const {
    const auto& known = settings_->destinations;
    return std::any_of(known.begin(), known.end(), [&](const DestinationSettings& settings) {
        return settings.name == destination;
    });
}

void OrphanSurvey::Place::report_once(const std::string& path, const std::string& what) {
    if (!reported_.insert(path).second) return;
    logger_.write(Severity::alert,
                  "\"" + path + "\" may hold orphans and is left alone: " + what);
}

// --- all of them

OrphanSurvey::OrphanSurvey(std::shared_ptr<const GatewaySettings> settings, FileSystem& files,
                           const Clock& clock, Logger& logger, OrphanTable& table,
                           Errands* errands)
    : settings_(std::move(settings)),
      files_(files),
      clock_(clock),
      logger_(logger),
      table_(table),
      errands_(errands),
      configuration_(table.configuration()) {}

OrphanSurvey::~OrphanSurvey() = default;

void OrphanSurvey::step() {
    if (configuration_ != table_.configuration()) return;
    const int64_t now_us = clock_.steady_us();
    bool is_complete = true;
    for (const std::string& path : table_.spools()) {
        Surveyed& spool = spools_[path];
        if (!spool.place) {
            spool.place = std::make_shared<Place>(path, settings_, files_, logger_);
            spool.first_us = now_us;
        }
        if (!spool.is_looking && now_us >= spool.next_us) look(path, spool);
        if (!spool.was_seen && now_us - spool.first_us < first_looks_us) is_complete = false;
    }
    if (has_news_ && is_complete) publish();
}

void OrphanSurvey::look(const std::string& path, Surveyed& spool) {
    spool.is_looking = true;
    run_elsewhere<Found>(
        errands_,
        {"the survey of orphans", "a look at the spool \"" + path + '"',
         "events that wait there are not told of; look whether the file system is there"},
        [place = spool.place] { return place->survey(); },
        [this, &spool](Found found) {
            spool.is_looking = false;
            spool.was_seen = true;
            spool.orphans = std::move(found.orphans);
            spool.next_us =
                clock_.steady_us() + (found.in_use ? in_use_interval_us : survey_interval_us);
            has_news_ = true;
        });
}

void OrphanSurvey::publish() {
    has_news_ = false;
    std::vector<Orphan> found;
    for (const auto& [path, spool] : spools_) {
        found.insert(found.end(), spool.orphans.begin(), spool.orphans.end());
    }
    if (table_.publish(configuration_, found)) report(found);
}

void OrphanSurvey::report(const std::vector<Orphan>& found) {
    uint64_t events = 0;
    std::map<std::string, uint64_t> by_destination;
    for (const Orphan& orphan : found) {
        if (orphan.events == 0) continue;
        events += orphan.events;
        by_destination[orphan.spool + '/' + orphan.destination] += orphan.events;
    }
    if (events == 0) return;
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

}  // namespace momento
