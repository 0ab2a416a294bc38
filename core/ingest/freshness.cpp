#include "ingest/freshness.h"

#include <limits>

namespace momento {

Freshness judge_freshness(int64_t publish_ms, int64_t now_ms, const FreshnessWindow& window) {
    int64_t age = age_ms(publish_ms, now_ms);
    if (age > window.max_age_ms) return Freshness::stale;
    if (age < -window.max_ahead_ms) return Freshness::early;
    return Freshness::fresh;
}

int64_t age_ms(int64_t publish_ms, int64_t now_ms) {
    using Limits = std::numeric_limits<int64_t>;
    if (publish_ms < 0 && now_ms > Limits::max() + publish_ms) return Limits::max();
    if (publish_ms > 0 && now_ms < Limits::min() + publish_ms) return Limits::min();
    return now_ms - publish_ms;
}

}  // namespace momento
