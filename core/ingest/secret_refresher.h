// Keeps the secrets of a store that is asked over the network: the current and the previous
// version of each source.
//
// Belongs to the delivery thread: step() once per turn, want() when a signature met no
// secret (its mailbox is the caller's business). Every source is asked again every five
// minutes, earlier or later by chance, and early when wanted, but no more often than every
// five seconds, so that forged requests cannot drive the bill. What was fetched once stays
// until something newer is there, however long the store is out of order; nothing is ever
// made up in its place.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logger.h"
#include "base/random.h"
#include "base/result.h"
#include "ingest/secrets.h"

namespace momento {

// One version of a secret, ready to verify with.
struct KeptSecret {
    SecretValue value;
    std::string version;     // the store's name for it
    int64_t created_ms = 0;  // 0: the store does not say
};

// What one source holds. Immutable; any thread may read it.
struct SecretSet {
    KeptSecret current;
    std::optional<KeptSecret> previous;  // counts for a while after `current` was made
    int64_t fetched_ms = 0;
};

class SecretRefresher {
  public:
    // What the store says of one version. A missing one is not an error of the store.
    struct Fetched {
        enum class State { found, missing, failed };
        State state = State::failed;
        std::string content;  // whoever reads it cleanses it
        std::string version;
        int64_t created_ms = 0;
        std::string error;
    };
    using FetchDone = std::function<void(Fetched)>;

    // Asks the store for a source's current or previous version; answers exactly once, not
    // from inside the call, and not after the refresher's end.
    using Fetch = std::function<void(const SecretSource& source, bool previous, FetchDone)>;

    // A whole new set of the source with that index. Also when nothing but `fetched_ms` is
    // new: whoever waits for the outcome of a refresh hears of it. nullptr: it failed, and
    // what was there before still counts.
    using Deliver = std::function<void(size_t source, std::shared_ptr<const SecretSet>)>;

    struct Tools {
        const Clock* clock = nullptr;
        Random* random = nullptr;
        Logger* logger = nullptr;
    };

    SecretRefresher(std::vector<SecretSource> sources, const Tools& tools, Fetch fetch,
                    Deliver deliver);
    ~SecretRefresher();

    void step();

    // The source's secrets matched no signature. True if a refresh is under way or begins
    // with the next step: its outcome will be delivered. False: it was refreshed too
    // recently, or failed and waits.
    bool want(size_t source);

  private:
    struct Slot;

    void start(size_t index);
    void take_current(size_t index, Fetched fetched);
    void take_previous(size_t index, Fetched fetched);
    void finish(size_t index);
    void fail(size_t index, const std::string& why);
    int64_t about(int64_t ms) const;

    const Tools tools_;
    const Fetch fetch_;
    const Deliver deliver_;
    std::vector<Slot> slots_;
};

}  // namespace momento
