// The freshness window around a publisher's clock, judged by the wall clock.
//
// An event exactly `max_age` old, or exactly `max_ahead` early, is inside.
#pragma once

#include <cstdint>

namespace momento {

enum class Freshness { fresh, stale, early };

struct FreshnessWindow {
    int64_t max_age_ms = 60'000;
    int64_t max_ahead_ms = 10'000;
};

// Any publish time is judged, also one at the ends of int64_t.
Freshness judge_freshness(int64_t publish_ms, int64_t now_ms, const FreshnessWindow& window);

// now - publish, saturated at the ends of int64_t. Negative if the publisher is ahead.
int64_t age_ms(int64_t publish_ms, int64_t now_ms);

}  // namespace momento
