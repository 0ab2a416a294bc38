#include "delivery/retry_policy.h"

#include <algorithm>

namespace momento {
namespace {

constexpr int64_t transient_base_ms = 50;
constexpr int64_t throttling_base_ms = 1'000;
constexpr int64_t max_prolongation_ms = 5'000;
constexpr uint32_t max_doublings = 30;  // beyond every max_delay; keeps the shift defined

}  // namespace

int64_t retry_delay_ms(const RetrySettings& settings, uint32_t attempts, bool throttled,
                       int64_t retry_after_ms, Random& random) {
    int64_t base = throttled ? throttling_base_ms : transient_base_ms;
    uint32_t doublings = std::min(attempts > 0 ? attempts - 1 : 0, max_doublings);
    int64_t bound = std::min(settings.max_delay_ms, base << doublings);
    auto delay = static_cast<int64_t>(random.unit() * static_cast<double>(bound));
    return std::max(delay, std::min(retry_after_ms, delay + max_prolongation_ms));
}

bool is_exhausted(const RetrySettings& settings, uint32_t attempts, int64_t age_ms) {
    return attempts >= settings.min_attempts && age_ms >= settings.give_up_after_ms;
}

}  // namespace momento
