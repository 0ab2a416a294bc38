// Keeps the secrets of a store that is asked over the network: the current and the previous
// version of each source.
//
// Belongs to the delivery thread: step() once per turn, want() when a signature met no
// secret (its mailbox is the caller's business). Every source is asked at once, then every
// five minutes, earlier or later by chance, and early when wanted, but for that no more often
// than every five seconds, so that forged requests cannot drive the bill. What was fetched
// once stays until something newer is there, however long the store is out of order; nothing
// is ever made up in its place.
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
#include "ingest/secret_set.h"

namespace momento {

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

    // Asks the store for one version of the source with that index; answers exactly once,
    // not from inside the call, and not after the refresher's end.
    using Fetch = std::function<void(size_t source, SecretStage stage, FetchDone)>;

    // After every refresh, also when nothing is new: whoever waits hears of it.
    using Deliver = std::function<void(SecretOutcome)>;

    struct Tools {
        const Clock* clock = nullptr;
        Random* random = nullptr;
        Logger* logger = nullptr;
    };

    SecretRefresher(std::vector<SecretSource> sources, const Tools& tools, Fetch fetch,
                    Deliver deliver);
    ~SecretRefresher();

    void step();

    // The source's secrets matched no signature. A refresh that begins later than now will be
    // delivered: the next step's or, while one is under way or less than five seconds after
    // the last that was wanted, one after that.
    void want(size_t source);

    // When the current version of a source was made, as far as it is known here; 0: it is not.
    int64_t made_ms(size_t source) const;

    // When step() has something to do again, steady clock; a refresh that is under way needs
    // none.
    int64_t next_us() const;

    // The end: answers that are still to come change nothing and are not complained about.
    void stop() { stopped_ = true; }

  private:
    struct Slot;

    int64_t start_us(const Slot& slot) const;
    void start(size_t index);
    void take(size_t index, SecretStage stage, Fetched fetched);
    static Result<std::shared_ptr<const SecretSet>> read(const Slot& slot);
    void finish(size_t index, std::shared_ptr<const SecretSet> set);
    void fail(size_t index, const std::string& why);
    int64_t about(int64_t ms) const;

    const Tools tools_;
    const Fetch fetch_;
    const Deliver deliver_;
    std::vector<Slot> slots_;
    bool stopped_ = false;
};

}  // namespace momento
