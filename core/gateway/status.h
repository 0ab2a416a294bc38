// What `momento_status` tells, from the counters all processes share.
//
// Pure functions of a snapshot; called on the event loop. The text holds names and
// numbers, never a secret, and nothing a client sent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/shared_metrics.h"

namespace momento {

struct ReplayNumbers {
    std::string zone;
    uint64_t entries = 0;
    uint64_t capacity = 0;
    uint64_t full = 0;  // how often there was no room
};

struct StatusContext {
    int64_t now_ms = 0;      // wall clock
    std::string nginx;       // its version
    bool no_secret = false;  // a location has none yet
    std::vector<ReplayNumbers> replay_zones;
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
