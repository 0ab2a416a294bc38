#include "worker_webhooks.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "ngx.h"

namespace momento {

namespace {

// What the master could read.
std::vector<SecretBoard::Source> known_secrets(const GatewaySettings& settings) {
    std::vector<SecretBoard::Source> sources;
    for (const SecretSettings& secret : settings.secrets) {
        const bool is_stored = secret.source.kind == SecretSource::Kind::secrets_manager;
        sources.push_back({secret.known, is_stored ? store_wish_interval_us : 0});
    }
    return sources;
}

}  // namespace

void WorkerWebhook::count_match(int key) const {
    const LocationSecrets::Version version = secrets.version(key);
    if (SecretMetrics* secret = metrics[version.secret]) {
        secret->versions[version.stage].matches.fetch_add(1, std::memory_order_relaxed);
    }
}

WorkerWebhooks::WorkerWebhooks(const GatewaySettings& settings, SharedMetrics& shared,
                               SecretBoard::Ask ask)
    : shared_(shared), board_(known_secrets(settings), system_clock(), std::move(ask)) {}

void WorkerWebhooks::add(const LocationConf& location, const std::vector<EventLimits>& limits) {
    const size_t quarter = std::max<size_t>(ngx_cycle->connection_n / 4, 1);
    const bool is_known = location.is_webhook() && location.destination_value == nullptr;
    const Rules rules{location.window(),
                      is_known ? limits[location.destination] : common_limits()};
    webhooks_.push_back({{location.secrets, board_},
                         rules,
                         location.destination,
                         location.parked > 0 ? static_cast<size_t>(location.parked) : quarter,
                         {},
                         false});
    for (const LocationSecret& secret : *location.secrets) {
        webhooks_.back().metrics.push_back(shared_.secrets.find_or_add(secret.name));
    }
    update_secrets(webhooks_.back(), system_clock().wall_ms());
}

void WorkerWebhooks::take(const SecretOutcome& outcome) {
    board_.take(outcome);
    if (!outcome.set) return;
    const int64_t now_ms = system_clock().wall_ms();
    for (WorkerWebhook& webhook : webhooks_) {
        if (webhook.secrets.uses(outcome.source)) update_secrets(webhook, now_ms);
    }
}

void WorkerWebhooks::retire_secrets(int64_t now_ms) {
    for (WorkerWebhook& webhook : webhooks_) {
        if (now_ms >= webhook.secrets.retires_ms()) update_secrets(webhook, now_ms);
    }
}

bool WorkerWebhooks::have_secrets() const {
    return std::all_of(webhooks_.begin(), webhooks_.end(), [](const WorkerWebhook& webhook) {
        return webhook.is_ready && webhook.secrets.has_value();
    });
}

void WorkerWebhooks::update_secrets(WorkerWebhook& webhook, int64_t now_ms) {
    const Status updated = webhook.secrets.update(now_ms);
    if (!updated) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "momento: %s",
                      updated.error().text.c_str());
        return;
    }
    webhook.is_ready = true;
    for (size_t i = 0; i < webhook.metrics.size(); ++i) {
        if (webhook.metrics[i] == nullptr) continue;
        for (const SecretStage stage : each<SecretStage>()) {
            webhook.metrics[i]->versions[stage].made_ms.store(
                static_cast<uint64_t>(webhook.secrets.made_ms({i, stage})),
                std::memory_order_relaxed);
        }
    }
}

}  // namespace momento
