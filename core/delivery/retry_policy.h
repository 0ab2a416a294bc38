// When a record is tried again, and when it is given up. Pure, but for chance.
// Source: "Retry behavior", AWS SDKs and Tools Reference Guide (standard mode, full jitter).
#pragma once

#include <cstdint>

#include "base/random.h"

namespace momento {

struct RetrySettings {
    int64_t give_up_after_ms = 24LL * 3'600'000;  // from the first attempt, held time excluded
    int64_t max_delay_ms = 20'000;
    uint32_t min_attempts = 10;  // nothing dies of age with fewer
};

// The delay before the next attempt after `attempts` of them: anything from 0 to a bound
// that doubles each time. `retry_after_ms` is what the destination asked for (0: nothing);
// it may prolong the delay by five seconds at most.
int64_t retry_delay_ms(const RetrySettings& settings, uint32_t attempts, bool throttled,
                       int64_t retry_after_ms, Random& random);

// `age_ms`: time since the first attempt that was not spent held.
bool is_exhausted(const RetrySettings& settings, uint32_t attempts, int64_t age_ms);

}  // namespace momento
