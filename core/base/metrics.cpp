#include "base/metrics.h"

#include <algorithm>

namespace momento {

void Histogram::observe(uint64_t us) {
    auto bound = std::lower_bound(histogram_bounds_us.begin(), histogram_bounds_us.end(), us);
    buckets[static_cast<size_t>(bound - histogram_bounds_us.begin())].fetch_add(
        1, std::memory_order_relaxed);
    sum_us.fetch_add(us, std::memory_order_relaxed);
}

uint64_t Gauge::sum(const std::vector<size_t>& places) const {
    uint64_t sum = 0;
    for (const size_t place : places) sum += parts[place].load(std::memory_order_relaxed);
    return sum;
}

void DestinationMetrics::count_dead(OwnReason reason) {
    dead[static_cast<size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace momento
