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
    int64_t now_ms = 0;  // wall clock
    int64_t now_us = 0;  // steady clock
    std::string nginx;   // its version
    std::vector<ReplayNumbers> replay_zones;
};

std::string status_json(const SharedMetrics& metrics, const StatusContext& context);

// Prometheus text exposition format 0.0.4, as `promtool check metrics` likes it.
std::string status_prometheus(const SharedMetrics& metrics, const StatusContext& context);

// How the node is, for a load balancer.
struct HealthAnswer {
    bool is_failing = false;  // 503
    std::string json;
};
HealthAnswer status_health(const SharedMetrics& metrics, const StatusContext& context);

}  // namespace momento
