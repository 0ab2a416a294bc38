#include "gateway/snapshot.h"

#include <algorithm>
#include <cstdlib>

#include "destination/dead_reasons.h"
#include "spool/slots.h"

namespace momento {
namespace {

int64_t signed_part(const Gauge& gauge, size_t process) {
    return static_cast<int64_t>(gauge.parts[process].load(std::memory_order_relaxed));
}

void count_dead(Told& told) {
    uint64_t from_log = 0;
    uint64_t never_in_log = 0;
    for (size_t i = 0; i < dead_reasons().size(); ++i) {
        told.dead[i] = told.own->dead[i].load(std::memory_order_relaxed);
        (was_in_log(i) ? from_log : never_in_log) += told.dead[i];
    }
    // A crash may have come between a release and its count; the log knows better.
    if (told.numbers.dead > from_log)
        told.dead[dead_reasons().size() - 1] += told.numbers.dead - from_log;
    told.numbers.appended += never_in_log;
    told.numbers.dead += never_in_log;
}

}  // namespace

Snapshot::Snapshot(const SharedMetrics& metrics)
    : metrics_(metrics),
      living_(metrics.processes.living()),
      letters_(metrics.slots.sum(dead_letter_directory, living_)) {
    metrics.destinations.for_each([this](std::string_view name, const DestinationMetrics& own) {
        destinations_.push_back(tell(name, own));
    });
}

size_t Snapshot::stalled_deliveries(int64_t now_us) const {
    return static_cast<size_t>(
        std::count_if(living_.begin(), living_.end(), [&](size_t process) {
            const int64_t stepped_us = signed_part(metrics_.delivery_stepped_us, process);
            return stepped_us != 0 && now_us - stepped_us > stalled_us;
        }));
}

Told Snapshot::tell(std::string_view name, const DestinationMetrics& own) const {
    Told told;
    told.name = name;
    told.own = &own;
    told.numbers = metrics_.slots.sum(name, living_);
    if (own.unopened.sum(living_) > 0) told.numbers.failing = true;
    count_dead(told);
    told.held = own.held.sum(living_);
    told.breaker_open = own.breaker_open.sum(living_);
    for (const size_t process : living_) {
        const int64_t offset = signed_part(own.clock_offset_ms, process);
        if (std::abs(offset) > std::abs(told.clock_offset_ms)) told.clock_offset_ms = offset;
        told.credentials_expires_ms = std::max(
            told.credentials_expires_ms, signed_part(own.credentials_expires_ms, process));
    }
    return told;
}

}  // namespace momento
