// Opens when a destination could not be reached several times in a row; then one batch at
// a time finds out whether it is back.
#pragma once

#include <cstdint>

#include "base/pause.h"

namespace momento {

class CircuitBreaker {
  public:
    static constexpr uint32_t opens_after = 5;

    CircuitBreaker(int64_t max_delay_ms, Random& random)
        : pause_(first_probe_ms, max_delay_ms, random) {}

    bool open() const { return pause_.active(); }
    const Pause& pause() const { return pause_; }

    // The result of a batch. While open only probes count: what was sent before says
    // nothing new. True if this opened or closed it.
    bool record(bool unreachable, bool probe, int64_t now_us) {
        if (open()) {
            if (!probe) return false;
            if (unreachable) {
                pause_.probe_failed(now_us);
                return false;
            }
            pause_.end(now_us);
            failures_ = 0;
            return true;
        }
        failures_ = unreachable ? failures_ + 1 : 0;
        if (failures_ < opens_after) return false;
        pause_.begin(now_us);
        return true;
    }

  private:
    static constexpr int64_t first_probe_ms = 1'000;

    Pause pause_;
    uint32_t failures_ = 0;  // in a row
};

}  // namespace momento
