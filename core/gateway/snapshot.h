// Looks at everything in the shared metrics that is told more than once a single time, and
// sums it up over the processes that live.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "destination/bus_guard.h"
#include "gateway/shared_metrics.h"

namespace momento {

// A destination's numbers as they are told: those of its logs, plus the letters that never
// were in one (malformed ones), which count as appended and dead at once.
struct Told {
    std::string_view name;
    const DestinationMetrics* own = nullptr;
    DestinationNumbers numbers;
    std::array<uint64_t, max_dead_reasons> dead{};  // by dead_reasons()
    uint64_t held = 0;
    uint64_t breaker_open = 0;
    int64_t clock_offset_ms = 0;  // the largest of all workers, either way

    // Of the newest set in any worker, wall clock; 0: it does not. An idle worker keeps an
    // old one.
    int64_t credentials_expires_ms = 0;

    BusGuard::State bus_state() const {
        return static_cast<BusGuard::State>(own->bus.state.load());
    }
};

class Snapshot {
  public:
    // Views into `metrics`, which outlives it.
    explicit Snapshot(const SharedMetrics& metrics);

    const std::vector<Told>& destinations() const { return destinations_; }
    uint64_t parked() const { return metrics_.parked.sum(living_); }
    const DestinationNumbers& letters() const { return letters_; }  // of their logs together
    bool is_build_stale() const { return metrics_.other_build.load() != 0; }
    uint64_t orphaned_events() const { return metrics_.orphans.events(); }

    uint64_t without_secret() const { return metrics_.without_secret.sum(living_); }

    // Processes that refuse events since threads of them have ended, and slots that were set
    // aside for such an end.
    size_t closed_processes() const { return metrics_.thread_ends.closed_processes(living_); }
    size_t slots_set_aside() const {
        return metrics_.thread_ends.list(metrics_.orphans.configuration()).size();
    }

    // Processes whose delivery has not stepped for `stalled_us`. `now_us`: steady clock.
    size_t stalled_deliveries(int64_t now_us) const;
    static constexpr int64_t stalled_us = 30'000'000;

  private:
    Told tell(std::string_view name, const DestinationMetrics& own) const;

    const SharedMetrics& metrics_;
    const std::vector<size_t> living_;
    DestinationNumbers letters_;
    std::vector<Told> destinations_;
};

}  // namespace momento
