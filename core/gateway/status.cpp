#include "gateway/status.h"

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/enum_table.h"
#include "base/json.h"
#include "base/version.h"
#include "destination/bus_guard.h"
#include "destination/dead_reasons.h"
#include "gateway/health.h"
#include "gateway/prometheus_text.h"
#include "gateway/snapshot.h"

namespace momento {
namespace {

constexpr auto outcome_names = enum_table<DeliveryOutcome, const char*>({
    {DeliveryOutcome::ok, "ok"},
    {DeliveryOutcome::partial, "partial"},
    {DeliveryOutcome::throttled, "throttled"},
    {DeliveryOutcome::refused, "refused"},
    {DeliveryOutcome::held, "held"},
    {DeliveryOutcome::unreachable, "unreachable"},
    {DeliveryOutcome::failed, "failed"},
});

constexpr auto stage_names = enum_table<SecretStage, const char*>({
    {SecretStage::current, "current"},
    {SecretStage::previous, "previous"},
});

uint64_t value(const Counter& counter) {
    return counter.load(std::memory_order_relaxed);
}

double clock_offset_seconds(const Told& told) {
    return static_cast<double>(told.clock_offset_ms) / 1e3;
}

// Below 0 once they have expired.
double credentials_expiry_seconds(const Told& told, int64_t now_ms) {
    return static_cast<double>(told.credentials_expires_ms - now_ms) / 1e3;
}

double oldest_pending_seconds(const DestinationNumbers& numbers, int64_t now_ms) {
    if (numbers.oldest_pending_ms == 0 || now_ms <= numbers.oldest_pending_ms) return 0;
    return static_cast<double>(now_ms - numbers.oldest_pending_ms) / 1e3;
}

double uptime_seconds(const SharedMetrics& metrics, int64_t now_ms) {
    const int64_t started = metrics.started_ms.load(std::memory_order_relaxed);
    return now_ms > started ? static_cast<double>(now_ms - started) / 1e3 : 0;
}

// Calls use(name, stage, version) for each version of a secret that has ever counted, and the
// current one of every secret.
template <class Use>
void for_each_version(const SharedMetrics& metrics, Use use) {
    metrics.secrets.for_each([&](std::string_view name, const SecretMetrics& secret) {
        for (const SecretStage stage : each<SecretStage>()) {
            const SecretMetrics::Version& version = secret.versions[stage];
            const bool has_counted = value(version.made_ms) != 0 || value(version.matches) != 0;
            if (stage == SecretStage::current || has_counted) {
                use(name, stage_names[stage], version);
            }
        }
    });
}

double age_seconds(const SecretMetrics::Version& version, int64_t now_ms) {
    const auto made_ms = static_cast<int64_t>(value(version.made_ms));
    return now_ms > made_ms ? static_cast<double>(now_ms - made_ms) / 1e3 : 0;
}

// --- JSON

Json counted(uint64_t number) {
    return Json::integer(static_cast<int64_t>(number));
}

Json webhook_json(std::string_view location, const WebhookMetrics& webhook) {
    Json verdicts = Json::object();
    for (const Verdict verdict : each<Verdict>()) {
        verdicts.set(verdict_name(verdict), counted(value(webhook.requests[verdict])));
    }
    verdicts.set("dry_run", counted(value(webhook.dry_run)));
    return Json::object().set("location", Json::string(location)).set("requests", verdicts);
}

// Nothing: there is none, or nobody knows yet.
Json bus_json(BusGuard::State state) {
    switch (state) {
        case BusGuard::State::present:
            return Json::string("present");
        case BusGuard::State::missing:
            return Json::string("missing");
        case BusGuard::State::unwatched:
            return Json::string("unwatched");
        case BusGuard::State::unasked:
        case BusGuard::State::unknown:
            break;
    }
    return {};
}

Json destination_json(const Told& told, int64_t now_ms) {
    const DestinationNumbers& numbers = told.numbers;
    const DestinationMetrics& own = *told.own;
    Json reasons = Json::object();
    for (size_t i = 0; i < dead_reasons().size(); ++i) {
        if (told.dead[i] == 0) continue;
        reasons.set(std::string(dead_reasons()[i]).c_str(), counted(told.dead[i]));
    }
    Json requests = Json::object();
    for (const DeliveryOutcome outcome : each<DeliveryOutcome>()) {
        requests.set(outcome_names[outcome], counted(value(own.requests[outcome])));
    }
    return Json::object()
        .set("name", Json::string(told.name))
        .set("appended", counted(numbers.appended))
        .set("recovered", counted(numbers.recovered))
        .set("redriven", counted(numbers.redriven))
        .set("delivered", counted(numbers.delivered))
        .set("dead", counted(numbers.dead))
        .set("dead_reasons", reasons)
        .set("pending", counted(numbers.pending))
        .set("unreadable", counted(numbers.unreadable))
        .set("held", counted(told.held))
        .set("retried", counted(value(own.retried)))
        .set("late", counted(value(own.late)))
        .set("oldest_pending_seconds", Json::real(oldest_pending_seconds(numbers, now_ms)))
        .set("delivery_requests", requests)
        .set("breaker_open", counted(told.breaker_open))
        .set("bus", bus_json(told.bus_state()))
        .set("credentials_expiry_seconds",
             told.credentials_expires_ms == 0
                 ? Json()
                 : Json::real(credentials_expiry_seconds(told, now_ms)))
        .set("clock_offset_seconds", Json::real(clock_offset_seconds(told)))
        .set("spool_bytes", counted(numbers.bytes))
        .set("spool_limit_bytes", counted(numbers.limit))
        .set("spool_poisoned", counted(numbers.poisoned))
        .set("spool_damaged", counted(numbers.damaged))
        .set("spool_failing", Json::boolean(numbers.failing));
}

Json health_json(const Health& health) {
    Json json = Json::object().set("status", Json::string(health_name(health.level())));
    if (health.findings.empty()) return json;
    Json reasons = Json::array();
    for (const HealthFinding& finding : health.findings) {
        Json reason = Json::object().set("reason", Json::string(finding.reason));
        if (!finding.subject.empty()) {
            reason.set(std::string(finding.subject).c_str(), Json::string(finding.name));
        }
        reasons.append(reason.set("text", Json::string(finding.text)));
    }
    return json.set("reasons", reasons);
}

Json orphans_json(const SharedMetrics& metrics) {
    Json orphans = Json::array();
    for (const Orphan& orphan : metrics.orphans.list()) {
        orphans.append(Json::object()
                           .set("spool", Json::string(orphan.spool))
                           .set("destination", Json::string(orphan.destination))
                           .set("slot", Json::string(orphan.slot))
                           .set("events", counted(orphan.events))
                           .set("bytes", counted(orphan.bytes)));
    }
    return orphans;
}

// --- Prometheus

// A metric with one sample a destination.
struct DestinationFamily {
    const char* name;
    const char* type;
    const char* help;
    std::function<double(const Told&)> read;
};

std::vector<DestinationFamily> destination_families(int64_t now_ms) {
    const auto of = [](auto member) {
        return [member](const Told& told) { return static_cast<double>(told.numbers.*member); };
    };
    const auto own = [](Counter DestinationMetrics::*member) {
        return [member](const Told& told) {
            return static_cast<double>(value(told.own->*member));
        };
    };
    const auto gauge = [](uint64_t Told::*member) {
        return [member](const Told& told) { return static_cast<double>(told.*member); };
    };
    using N = DestinationNumbers;
    using M = DestinationMetrics;
    return {
        {"momento_events_appended_total", "counter", "Events made durable.", of(&N::appended)},
        {"momento_events_recovered_total", "counter",
         "Events found pending when a log was opened.", of(&N::recovered)},
        {"momento_events_redriven_total", "counter",
         "Dead letters that were given back to their destination.", of(&N::redriven)},
        {"momento_events_delivered_total", "counter", "Events the destination took.",
         of(&N::delivered)},
        {"momento_events_retried_total", "counter", "Deliveries that will be tried again.",
         own(&M::retried)},
        {"momento_events_late_total", "counter",
         "Events that became durable after they were answered 503.", own(&M::late)},
        {"momento_events_pending", "gauge", "Events still to be delivered.", of(&N::pending)},
        {"momento_unreadable_events", "gauge", "Pending events that cannot be read now.",
         of(&N::unreadable)},
        {"momento_events_held", "gauge", "Pending events on hold.", gauge(&Told::held)},
        {"momento_oldest_pending_seconds", "gauge", "Age of the oldest pending event.",
         [now_ms](const Told& told) { return oldest_pending_seconds(told.numbers, now_ms); }},
        {"momento_delivery_breaker_open", "gauge", "Workers whose circuit breaker is open.",
         gauge(&Told::breaker_open)},
        {"momento_bus_missing", "gauge", "1 if the event bus does not exist.",
         [](const Told& told) {
             return told.bus_state() == BusGuard::State::missing ? 1.0 : 0.0;
         }},
        {"momento_clock_offset_seconds", "gauge",
         "How far the destination's clock is ahead; 0 while too little to matter.",
         clock_offset_seconds},
        {"momento_spool_bytes", "gauge", "Disk in use by the logs.", of(&N::bytes)},
        {"momento_spool_limit_bytes", "gauge", "Bounds of the logs together.", of(&N::limit)},
        {"momento_spool_poisoned_total", "counter",
         "Segments given up after a failed write or sync.", of(&N::poisoned)},
        {"momento_spool_damaged_total", "counter", "Records lost to damage on disk.",
         of(&N::damaged)},
    };
}

void append_webhooks(PrometheusText& text, const SharedMetrics& metrics,
                     const Snapshot& snapshot) {
    text.family("momento_webhook_requests_total", "counter", "Webhooks received, by verdict.");
    metrics.webhooks.for_each([&](std::string_view location, const WebhookMetrics& webhook) {
        for (const Verdict verdict : each<Verdict>()) {
            text.sample({{"location", location}, {"verdict", verdict_name(verdict)}},
                        value(webhook.requests[verdict]));
        }
        text.sample({{"location", location}, {"verdict", "dry_run"}}, value(webhook.dry_run));
    });
    text.family("momento_webhook_parked", "gauge",
                "Requests held back, for a secret or until they are durable.");
    text.sample({}, snapshot.parked());
}

void append_destinations(PrometheusText& text, const Snapshot& snapshot, int64_t now_ms) {
    for (const DestinationFamily& family : destination_families(now_ms)) {
        text.family(family.name, family.type, family.help);
        for (const Told& told : snapshot.destinations()) {
            text.sample({{"destination", told.name}}, family.read(told));
        }
    }

    text.family("momento_credentials_expiry_seconds", "gauge",
                "Until the credentials in use expire, if they do.");
    for (const Told& told : snapshot.destinations()) {
        if (told.credentials_expires_ms == 0) continue;
        text.sample({{"destination", told.name}}, credentials_expiry_seconds(told, now_ms));
    }

    text.family("momento_bus_watched", "gauge",
                "1 if it is known whether the event bus exists; 0: if it is deleted, events "
                "are lost.");
    for (const Told& told : snapshot.destinations()) {
        const BusGuard::State bus = told.bus_state();
        if (bus == BusGuard::State::unasked) continue;
        const bool is_watched =
            bus == BusGuard::State::present || bus == BusGuard::State::missing;
        text.sample({{"destination", told.name}}, uint64_t{is_watched});
    }

    text.family("momento_events_dead_total", "counter", "Events that became dead letters.");
    for (const Told& told : snapshot.destinations()) {
        for (size_t i = 0; i < dead_reasons().size(); ++i) {
            text.sample({{"destination", told.name}, {"reason", dead_reasons()[i]}},
                        told.dead[i]);
        }
    }

    text.family("momento_delivery_requests_total", "counter",
                "Requests to the destination, by outcome.");
    for (const Told& told : snapshot.destinations()) {
        for (const DeliveryOutcome outcome : each<DeliveryOutcome>()) {
            text.sample({{"destination", told.name}, {"outcome", outcome_names[outcome]}},
                        value(told.own->requests[outcome]));
        }
    }

    text.family("momento_delivery_seconds", "histogram",
                "Time of requests to the destination.");
    for (const Told& told : snapshot.destinations()) {
        text.histogram({{"destination", told.name}}, told.own->delivery);
    }
    text.family("momento_sync_seconds", "histogram", "Time of making records durable.");
    for (const Told& told : snapshot.destinations()) {
        text.histogram({{"destination", told.name}}, told.own->sync);
    }
}

void append_replay_zones(PrometheusText& text, const std::vector<ReplayNumbers>& zones) {
    struct Family {
        const char* name;
        const char* type;
        const char* help;
        uint64_t ReplayNumbers::*number;
    };
    for (const Family& family :
         {Family{"momento_replay_entries", "gauge", "Signatures that are remembered.",
                 &ReplayNumbers::entries},
          Family{"momento_replay_capacity", "gauge", "Entries there are.",
                 &ReplayNumbers::capacity},
          Family{"momento_replay_full_total", "counter",
                 "Signatures there was no room for: their webhooks were answered 503.",
                 &ReplayNumbers::full}}) {
        text.family(family.name, family.type, family.help);
        for (const ReplayNumbers& zone : zones) {
            text.sample({{"zone", zone.zone}}, zone.*family.number);
        }
    }
}

void append_secrets(PrometheusText& text, const SharedMetrics& metrics, int64_t now_ms) {
    text.family("momento_secret_matches_total", "counter", "Signatures a secret matched.");
    for_each_version(metrics, [&](std::string_view name, const char* stage,
                                  const SecretMetrics::Version& secret) {
        text.sample({{"secret", name}, {"version", stage}}, value(secret.matches));
    });
    text.family("momento_secret_age_seconds", "gauge",
                "Time since this version of the secret was made.");
    for_each_version(metrics, [&](std::string_view name, const char* stage,
                                  const SecretMetrics::Version& secret) {
        if (value(secret.made_ms) == 0) return;
        text.sample({{"secret", name}, {"version", stage}}, age_seconds(secret, now_ms));
    });
}

void append_health(PrometheusText& text, const Health& health) {
    text.family("momento_health", "gauge", "1 while this is a reason not to be well.");
    for (const std::string_view reason : health_reasons()) {
        text.sample({{"reason", reason}}, uint64_t{health.has(reason)});
    }
}

}  // namespace

std::string status_json(const SharedMetrics& metrics, const StatusContext& context) {
    const Snapshot snapshot(metrics);
    Json webhooks = Json::array();
    metrics.webhooks.for_each([&](std::string_view location, const WebhookMetrics& webhook) {
        webhooks.append(webhook_json(location, webhook));
    });
    Json destinations = Json::array();
    for (const Told& told : snapshot.destinations()) {
        destinations.append(destination_json(told, context.now_ms));
    }
    Json secrets = Json::array();
    for_each_version(metrics, [&](std::string_view name, const char* stage,
                                  const SecretMetrics::Version& secret) {
        Json json = Json::object()
                        .set("name", Json::string(name))
                        .set("version", Json::string(stage))
                        .set("matches", counted(value(secret.matches)));
        if (value(secret.made_ms) != 0) {
            json.set("age_seconds", Json::real(age_seconds(secret, context.now_ms)));
        }
        secrets.append(json);
    });
    Json replay_zones = Json::array();
    for (const ReplayNumbers& zone : context.replay_zones) {
        replay_zones.append(Json::object()
                                .set("name", Json::string(zone.zone))
                                .set("entries", counted(zone.entries))
                                .set("capacity", counted(zone.capacity))
                                .set("full", counted(zone.full)));
    }
    return Json::object()
        .set("version", Json::string(version))
        .set("nginx", Json::string(context.nginx))
        .set("uptime_seconds", Json::real(uptime_seconds(metrics, context.now_ms)))
        .set("restart_needed", Json::boolean(snapshot.is_build_stale()))
        .set("health", health_json(judge_health(snapshot, context)))
        .set("webhooks", webhooks)
        .set("parked", counted(snapshot.parked()))
        .set("destinations", destinations)
        .set("replay_zones", replay_zones)
        .set("secrets", secrets)
        .set("dead_letter_bytes", counted(snapshot.letters().bytes))
        .set("orphaned_events", counted(snapshot.orphaned_events()))
        .set("orphans", orphans_json(metrics))
        .dump();
}

std::string status_prometheus(const SharedMetrics& metrics, const StatusContext& context) {
    const Snapshot snapshot(metrics);
    PrometheusText text;
    text.family("momento_build_info", "gauge", "The running module, and the nginx around it.");
    text.sample({{"version", version}, {"nginx", context.nginx}}, uint64_t{1});
    text.family("momento_build_stale", "gauge",
                "1: the module's file is another build by now; nginx needs a restart.");
    text.sample({}, uint64_t{snapshot.is_build_stale()});
    append_health(text, judge_health(snapshot, context));
    append_webhooks(text, metrics, snapshot);
    append_destinations(text, snapshot, context.now_ms);
    text.family("momento_dead_letter_bytes", "gauge", "Disk in use by dead letters.");
    text.sample({}, snapshot.letters().bytes);
    text.family("momento_orphaned_events", "gauge",
                "Pending events that no configured destination will deliver.");
    text.sample({}, snapshot.orphaned_events());
    append_replay_zones(text, context.replay_zones);
    append_secrets(text, metrics, context.now_ms);
    return text.take();
}

HealthAnswer status_health(const SharedMetrics& metrics, const StatusContext& context) {
    const Health health = judge_health(Snapshot(metrics), context);
    return {health.level() == HealthLevel::failing, health_json(health).dump()};
}

}  // namespace momento
