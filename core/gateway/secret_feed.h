// Keeps the secrets up to date that may change: asks AWS Secrets Manager, looks at files. A
// source that several locations name is asked once. What one process learns of a rotation
// makes the others ask, too.
//
// want() and collect() belong to the event loop, the rest to the delivery thread. Sources
// are indexes into GatewaySettings::secrets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/mailbox.h"
#include "base/metrics.h"
#include "gateway/secret_store.h"
#include "gateway/settings.h"
#include "ingest/secret_file_watcher.h"
#include "ingest/secret_refresher.h"
#include "ingest/secret_set.h"

namespace momento {

class SecretFeed {
  public:
    // By source: when its current version was made, as the process says that learnt it last.
    // Left out, or nullptr: nobody says.
    using MadeElsewhere = std::vector<const Counter*>;

    // By source: what was said of it last, by whichever process. Left out, or nullptr: each
    // process says it.
    using SaidOnce = std::vector<Counter*>;

    // `wake_event_loop`: collect() has something. Wakes the delivery thread by the
    // HttpClient.
    SecretFeed(std::shared_ptr<const GatewaySettings> settings, const SecretStore::Tools& tools,
               MadeElsewhere made_elsewhere, std::function<void()> wake_event_loop,
               SaidOnce said_once = {});

    void want(size_t source);  // a signature met none of its secrets
    void collect(const std::function<void(const SecretOutcome&)>& use);

    void step();
    int64_t wait_ms(int64_t max_wait_ms) const;  // until step() has something to do
    void stop();                                 // nothing is asked any more

  private:
    // One kind of sources, and which of the settings each of them is.
    using Indexes = std::vector<size_t>;

    void follow_others();
    void fetch(size_t source, SecretStage stage, SecretRefresher::FetchDone done);
    SecretRefresher make_refresher(const SecretStore::Tools& tools);
    SecretFileWatcher make_watcher(const SecretStore::Tools& tools);
    Indexes indexes_of(SecretSource::Kind kind) const;
    std::vector<SecretSource> sources_of(const Indexes& indexes) const;

    const std::shared_ptr<const GatewaySettings> settings_;
    const Clock& clock_;
    const MadeElsewhere made_elsewhere_;
    const SaidOnce said_once_;
    int64_t follow_us_ = 0;  // steady clock
    Mailbox<size_t> wanted_;
    Mailbox<SecretOutcome> outcomes_;
    std::vector<SecretOutcome> collected_;

    std::vector<std::unique_ptr<SecretStore>> stores_;
    const Indexes in_store_;
    const Indexes in_files_;
    SecretRefresher refresher_;
    SecretFileWatcher watcher_;
    std::vector<size_t> taken_;
};

}  // namespace momento
