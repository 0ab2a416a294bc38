// Tells of webhooks that were refused for what they are (forged, unsigned, stale, early,
// malformed): by location, at once and then once a minute at most, with what may be the cause.
// One worker of the machine tells, whichever comes first: what was told stands with the
// counters, in shared memory.
//
// On the delivery thread, once a second; reads counters only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logger.h"
#include "gateway/settings.h"
#include "gateway/shared_metrics.h"

namespace momento {

class Refusals {
  public:
    // All outlive it. Locations that find no room in the table are not told of.
    Refusals(const std::vector<WebhookSettings>& webhooks, WebhookTable& table,
             const Clock& clock, Logger& logger);

    void step();

  private:
    struct Watched {
        const WebhookSettings* settings;
        WebhookMetrics* metrics;
    };

    bool claim(WebhookMetrics& metrics) const;
    void tell(const Watched& webhook, bool dry_run);
    std::string describe(const Watched& webhook, Verdict verdict, bool dry_run,
                         uint64_t fresh) const;

    std::vector<Watched> webhooks_;
    const Clock& clock_;
    Logger& logger_;
};

}  // namespace momento
