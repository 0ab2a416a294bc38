// What `momento_status` tells, from the counters all processes share.
//
// Pure functions of a snapshot; called on the event loop. The text holds names and
// numbers, never a secret, and nothing a client sent.
#pragma once

#include <cstdint>
#include <string>

#include "gateway/shared_metrics.h"

namespace momento {

struct StatusContext {
    int64_t now_ms = 0;      // wall clock
    std::string nginx;       // its version
    bool no_secret = false;  // a location has none yet
};

std::string status_json(const SharedMetrics& metrics, const StatusContext& context);

// Prometheus text exposition format 0.0.4, as `promtool check metrics` likes it.
std::string status_prometheus(const SharedMetrics& metrics, const StatusContext& context);

struct Health {
    bool ok = true;
    std::string reason;  // of the first thing that is not
};

// Not ok before refusal begins: a log over 80 % of its bound, a disk that fails, no secret.
Health status_health(const SharedMetrics& metrics, const StatusContext& context);

}  // namespace momento
