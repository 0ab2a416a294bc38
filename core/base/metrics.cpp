#include "base/metrics.h"

#include <algorithm>
#include <iterator>

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

uint8_t dead_reason(std::string_view code) {
    auto known = std::find(dead_reasons.begin(), std::prev(dead_reasons.end()), code);
    return static_cast<uint8_t>(known - dead_reasons.begin());
}

void DestinationMetrics::count_dead(std::string_view code) {
    dead[dead_reason(code)].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace momento
