// How a node is, as a load balancer reads it, and a person.
//
// Failing is what takes this node out (503): it refuses webhooks or soon will, or its delivery
// stands still. Degraded (200) is what needs a person and loses nothing: it waits, on this node
// or on all of them. A pure function of a Snapshot; called on the event loop.
//
// A reason is one line in a table of health.cpp, one in the reference's, and a test that makes
// it happen; its word is for scripts and stays.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/snapshot.h"
#include "gateway/status.h"

namespace momento {

enum class HealthLevel { ok, degraded, failing, count };

const char* health_name(HealthLevel level);  // "ok", "degraded", "failing"

struct HealthFinding {
    std::string_view reason;  // a literal
    HealthLevel level;
    std::string_view text;     // what it means; a literal
    std::string_view subject;  // "destination", "zone"; empty: the whole node
    std::string name;          // of the subject
};

struct Health {
    std::vector<HealthFinding> findings;

    HealthLevel level() const;  // of the worst
    bool has(std::string_view reason) const;
};

Health judge_health(const Snapshot& snapshot, const StatusContext& context);

// Every word there is, for metrics that are there before anything happens.
std::vector<std::string_view> health_reasons();

}  // namespace momento
