// A state in which nothing is tried but a probe now and then, further apart each time one
// fails. The circuit breaker, a destination on hold and dead letters that cannot be stored
// are pauses.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/random.h"

namespace momento {

class Pause {
  public:
    Pause(int64_t first_ms, int64_t longest_ms, Random& random)
        : first_us_(first_ms * 1000), longest_us_(longest_ms * 1000), random_(random) {}

    bool active() const { return active_; }
    bool may_probe(int64_t now_us) const { return now_us >= next_probe_us_; }
    int64_t next_probe_us() const { return next_probe_us_; }

    void begin(int64_t now_us) {
        active_ = true;
        since_us_ = now_us;
        gap_us_ = std::min(first_us_, longest_us_);
        schedule(now_us);
    }

    void probe_failed(int64_t now_us) {
        gap_us_ = std::min(2 * gap_us_, longest_us_);
        schedule(now_us);
    }

    void end(int64_t now_us) {
        ended_us_ += lasted_us(now_us);
        active_ = false;
        next_probe_us_ = 0;
    }

    int64_t lasted_us(int64_t now_us) const { return active_ ? now_us - since_us_ : 0; }

    // All time spent paused, up to now.
    int64_t total_us(int64_t now_us) const { return ended_us_ + lasted_us(now_us); }

  private:
    // Between half the gap and all of it: workers that fail together do not probe together.
    void schedule(int64_t now_us) {
        double part = 0.5 + 0.5 * random_.unit();
        next_probe_us_ = now_us + static_cast<int64_t>(part * static_cast<double>(gap_us_));
    }

    const int64_t first_us_;
    const int64_t longest_us_;
    Random& random_;
    bool active_ = false;
    int64_t since_us_ = 0;
    int64_t gap_us_ = 0;
    int64_t next_probe_us_ = 0;
    int64_t ended_us_ = 0;
};

}  // namespace momento
