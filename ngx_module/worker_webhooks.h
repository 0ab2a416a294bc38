// The webhooks and gates of the configuration as one worker process serves them: the keys that
// each verifies with now, which change as their sources do, and the metrics of its secrets.
//
// Belongs to the worker's event loop. A location whose keys could not be prepared (there is no
// memory) is not served at all; one that had keys before goes on with them. Either is logged.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "directives.h"
#include "gateway/settings.h"
#include "gateway/shared_metrics.h"
#include "ingest/location_secrets.h"
#include "ingest/secret_board.h"
#include "ingest/verifier.h"

namespace momento {

// A location as this worker serves it.
struct WorkerWebhook {
    LocationSecrets secrets;
    Rules rules;
    size_t destination = 0;  // unless variables name it
    size_t max_parked = 0;
    std::vector<SecretMetrics*> metrics;  // by configured secret; nullptr: not counted
    bool is_ready = false;                // its keys could be prepared

    // `key`: the one of secrets.keyring() that a signature matched.
    void count_match(int key) const;
};

class WorkerWebhooks {
  public:
    // `ask` passes on, without blocking, that a source's secrets are wanted now.
    WorkerWebhooks(const GatewaySettings& settings, SharedMetrics& shared,
                   SecretBoard::Ask ask);
    WorkerWebhooks(const WorkerWebhooks&) = delete;
    WorkerWebhooks& operator=(const WorkerWebhooks&) = delete;

    // In the order of LocationConf::webhook. `limits`: by destination.
    void add(const LocationConf& location, const std::vector<EventLimits>& limits);

    // nullptr if its keys could not be prepared.
    const WorkerWebhook* find(size_t webhook) const {
        return webhooks_[webhook].is_ready ? &webhooks_[webhook] : nullptr;
    }

    // Something came of asking a source.
    void take(const SecretOutcome& outcome);

    // Drops the previous versions whose time is over.
    void retire_secrets(int64_t now_ms);

    bool have_secrets() const;  // each of them one at least

  private:
    static void update_secrets(WorkerWebhook& webhook, int64_t now_ms);

    SharedMetrics& shared_;
    SecretBoard board_;
    std::deque<WorkerWebhook> webhooks_;
};

}  // namespace momento
