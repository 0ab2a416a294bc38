#include "gateway/health.h"

#include <algorithm>

#include "base/enum_table.h"
#include "destination/bus_guard.h"

namespace momento {
namespace {

constexpr double log_limit = 0.8;    // of a log's bound: said before it is full
constexpr double zone_limit = 0.95;  // of a replay zone's entries: here it begins to refuse

// Of what can be said of every T there is.
template <class T>
struct Reason {
    std::string_view word;
    HealthLevel level;
    std::string_view text;
    bool (*is_so)(const T&);
};

struct Node {
    const Snapshot& snapshot;
    const StatusContext& context;
};

constexpr HealthLevel failing = HealthLevel::failing;
constexpr HealthLevel degraded = HealthLevel::degraded;

bool is_full(const DestinationNumbers& log) {
    return log.full || log.fullest > log_limit;
}

// clang-format off
constexpr Reason<Node> node_reasons[] = {
    {"no_secret", failing, "a webhook has no secret yet",
     [](const Node& node) { return node.snapshot.without_secret() > 0; }},
    {"delivery_stalled", failing, "a worker's delivery has made no step for 30 s",
     [](const Node& node) { return node.snapshot.stalled_deliveries(node.context.now_us) > 0; }},
    {"thread_ended", failing, "threads of a worker have ended, and it refuses webhooks",
     [](const Node& node) { return node.snapshot.closed_processes() > 0; }},
    {"slot_set_aside", degraded, "a thread ended while it was at work on a slot: its events wait",
     [](const Node& node) { return node.snapshot.slots_set_aside() > 0; }},
    {"dead_letters_full", degraded, "a log of dead letters is nearly full: see momentoctl dead ls",
     [](const Node& node) { return is_full(node.snapshot.letters()); }},
    {"orphans", degraded, "events wait that no configured destination will deliver",
     [](const Node& node) { return node.snapshot.orphaned_events() > 0; }},
};

constexpr Reason<Told> destination_reasons[] = {
    {"disk_failing", failing, "nothing can be stored in a log",
     [](const Told& told) { return told.numbers.failing; }},
    {"log_full", failing, "a log is nearly full",
     [](const Told& told) { return is_full(told.numbers); }},
    {"on_hold", degraded, "events are on hold: the error log tells why",
     [](const Told& told) { return told.held > 0; }},
    {"unreadable", degraded, "events wait that cannot be read: the error log names the file",
     [](const Told& told) { return told.numbers.unreadable > 0; }},
    {"unreachable", degraded, "delivery fails, and is tried again",
     [](const Told& told) { return told.breaker_open > 0; }},
    {"bus_missing", degraded, "the event bus does not exist",
     [](const Told& told) { return told.bus_state() == BusGuard::State::missing; }},
    {"clock_wrong", degraded, "this machine's clock and the destination's differ by minutes",
     [](const Told& told) { return told.clock_offset_ms != 0; }},
};

constexpr Reason<ReplayNumbers> zone_reasons[] = {
    {"replay_zone_full", failing, "a replay zone has no room for new signatures",
     [](const ReplayNumbers& zone) {
         return static_cast<double>(zone.entries) > zone_limit * static_cast<double>(zone.capacity);
     }},
};
// clang-format on

template <class T, size_t size>
void judge(Health& health, const Reason<T> (&reasons)[size], const T& about,
           std::string_view subject = {}, std::string_view name = {}) {
    for (const Reason<T>& reason : reasons) {
        if (!reason.is_so(about)) continue;
        health.findings.push_back(
            {reason.word, reason.level, reason.text, subject, std::string(name)});
    }
}

}  // namespace

const char* health_name(HealthLevel level) {
    constexpr auto names = enum_table<HealthLevel, const char*>({
        {HealthLevel::ok, "ok"},
        {HealthLevel::degraded, "degraded"},
        {HealthLevel::failing, "failing"},
    });
    return names[level];
}

HealthLevel Health::level() const {
    HealthLevel worst = HealthLevel::ok;
    for (const HealthFinding& finding : findings) worst = std::max(worst, finding.level);
    return worst;
}

bool Health::has(std::string_view reason) const {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const HealthFinding& finding) { return finding.reason == reason; });
}

Health judge_health(const Snapshot& snapshot, const StatusContext& context) {
    Health health;
    judge(health, node_reasons, {snapshot, context});
    for (const Told& told : snapshot.destinations()) {
        judge(health, destination_reasons, told, "destination", told.name);
    }
    for (const ReplayNumbers& zone : context.replay_zones) {
        judge(health, zone_reasons, zone, "zone", zone.zone);
    }
    return health;
}

std::vector<std::string_view> health_reasons() {
    std::vector<std::string_view> words;
    for (const auto& reason : node_reasons) words.push_back(reason.word);
    for (const auto& reason : destination_reasons) words.push_back(reason.word);
    for (const auto& reason : zone_reasons) words.push_back(reason.word);
    return words;
}

}  // namespace momento
