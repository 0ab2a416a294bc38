#include "signature_readings.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace momento {

namespace {

// How often a worker looks whether another one has filled a replay zone.
constexpr int64_t look_interval_ms = 20;

}  // namespace

SignatureReadings::SignatureReadings(std::deque<ReplayZone>& zones, bool has_spool, Start start,
                                     std::function<void()> wake)
    : zones_(zones),
      has_spool_(has_spool),
      start_(std::move(start)),
      wake_(std::move(wake)),
      look_event_([this] { look_at_awaited(); }) {}

bool SignatureReadings::is_filled(ReplayZone& zone) {
    if (zone.is_filled()) return true;
    if (!has_spool_) {
        zone.end_filling(true);
        return true;
    }
    const auto is_ours = [&](const Filling& filling) { return filling.zone == &zone; };
    if (std::any_of(filling_.begin(), filling_.end(), is_ours)) return false;
    if (zone.begin_filling()) {
        filling_.push_back({&zone, begun_ + 1});
        read();
        return false;
    }
    if (std::find(awaited_.begin(), awaited_.end(), &zone) == awaited_.end()) {
        awaited_.push_back(&zone);
        look_event_.start_timer(look_interval_ms);
    }
    return false;
}

void SignatureReadings::look_at_awaited() {
    const std::vector<ReplayZone*> awaited = std::exchange(awaited_, {});
    const auto filled = std::count_if(awaited.begin(), awaited.end(),
                                      [this](ReplayZone* zone) { return is_filled(*zone); });
    if (filled > 0) wake_();
}

uint64_t SignatureReadings::read() {
    if (begun_ > ended_) {
        read_again_ = true;
        return begun_ + 1;
    }
    ++begun_;
    int64_t longest_ms = 0;
    for (const ReplayZone& zone : zones_) longest_ms = std::max(longest_ms, zone.window_ms());
    const int64_t since_ms = system_clock().wall_ms() - longest_ms;
    const bool patiently = !filling_.empty();
    if (!start_(since_ms, patiently)) end(true);
    return begun_;
}

void SignatureReadings::take(const SignatureBatch& batch) {
    const int64_t now_ms = system_clock().wall_ms();
    for (ReplayZone& zone : zones_) {
        if (zone.is_filled()) zone.settle_abandoned(batch.signatures, now_ms);
    }
    for (const Filling& filling : filling_) {
        if (filling.reading == begun_) filling.zone->fill(batch.signatures, now_ms);
    }
    if (batch.is_last) end(batch.failed);
}

void SignatureReadings::end(bool failed) {
    ended_ = begun_;
    std::vector<Filling> later;
    for (const Filling& filling : filling_) {
        if (filling.reading > ended_) {
            later.push_back(filling);
        } else {
            filling.zone->end_filling(!failed);
        }
    }
    filling_ = std::move(later);
    if (std::exchange(read_again_, false)) read();
    // What failed is tried again by the next webhook: these wait until their time is over.
    if (!failed) wake_();
}

}  // namespace momento
