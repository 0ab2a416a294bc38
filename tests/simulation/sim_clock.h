// Simulated time. The machine's wall clock may be wrong, and is stepped; true time is what
// everybody else goes by.
#pragma once

#include "base/clock.h"

namespace momento::sim {

class SimClock final : public Clock {
  public:
    int64_t wall_ms() const override { return true_ms() + wrong_by_ms_; }
    int64_t steady_us() const override { return now_us_; }

    int64_t true_ms() const { return start_ms + now_us_ / 1000; }

    void advance(int64_t us) { now_us_ += us; }
    void step_wall(int64_t wrong_by_ms) { wrong_by_ms_ = wrong_by_ms; }

  private:
    static constexpr int64_t start_ms = 1'795'000'000'000;

    int64_t now_us_ = 1'000'000;
    int64_t wrong_by_ms_ = 0;
};

}  // namespace momento::sim
