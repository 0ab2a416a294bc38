// How many batches may be in flight: halved when the destination says slow down, raised by
// one per round of successes (additive increase, multiplicative decrease).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace momento {

class Concurrency {
  public:
    explicit Concurrency(size_t max) : max_(static_cast<double>(max)), allowed_(max_) {}

    size_t allowed() const { return static_cast<size_t>(allowed_); }

    void succeeded() { allowed_ = std::min(max_, allowed_ + 1 / allowed_); }

    // Batches that were already out when the number was cut say nothing new.
    void throttled(int64_t sent_us, int64_t now_us) {
        if (sent_us < cut_us_) return;
        cut_us_ = now_us;
        allowed_ = std::max(1.0, allowed_ / 2);
    }

  private:
    const double max_;
    double allowed_;
    int64_t cut_us_ = INT64_MIN;
};

}  // namespace momento
