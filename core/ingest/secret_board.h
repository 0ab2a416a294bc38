// What the event loop knows of the sources that may change: the last set of each, and
// whether it is worth waiting for another.
//
// Belongs to the event loop. Whoever asks the sources does so on another thread: take()
// hears what came of it, `ask` passes a wish on and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "ingest/secret_set.h"

namespace momento {

class SecretBoard {
  public:
    using Ask = std::function<void(size_t source)>;

    // A source, which is being asked for the first time.
    struct Source {
        std::shared_ptr<const SecretSet> first;  // known already; nullptr: nothing is
        // Wishes that follow the last one sooner are not passed on, as it would take too long
        // to grant them.
        int64_t wish_interval_us = 0;
    };
    SecretBoard(std::vector<Source> sources, const Clock& clock, Ask ask);

    void take(const SecretOutcome& outcome);

    // nullptr: nothing was there so far.
    const SecretSet* find(size_t source) const { return states_.at(source).set.get(); }

    // For somebody who came at `since_us` with a signature that none of this source's secrets
    // gives, and may wait until `until_us` (steady clock). True: an outcome is to be expected
    // that may change that, asked for by this call if nobody has yet. False: the source was
    // asked since, or too recently to be asked again.
    bool expects_news(size_t source, int64_t since_us, int64_t until_us);

  private:
    struct State {
        std::shared_ptr<const SecretSet> set;
        int64_t wish_interval_us = 0;
        bool under_way = true;
        bool failed = false;
        int64_t asked_us = 0;   // of the last outcome
        int64_t retry_us = 0;   // if that failed
        int64_t wanted_us = 0;  // by the last wish
        bool was_wanted = false;
    };

    const Clock& clock_;
    const Ask ask_;
    std::vector<State> states_;
};

}  // namespace momento
