// What a source of secrets holds that may change while it is used, and what came of asking
// it. Made by whoever asks, on the delivery thread; used by the event loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ingest/secrets.h"

namespace momento {

// Of AWS Secrets Manager's versions those that may sign; of a file what it holds, and what it
// held before.
enum class SecretStage { current, previous, count };

// One version of a secret, ready to verify with.
struct KeptSecret {
    SecretValue value;
    std::string version;     // the store's name for it; empty: it has none
    int64_t created_ms = 0;  // wall clock; 0: not known
};

// What one source holds. Immutable; any thread may read it.
struct SecretSet {
    KeptSecret current;
    std::optional<KeptSecret> previous;  // counts for a while after `current` was made
};

// What a file holds now, which took the place of what it held before at `changed_ms` (wall
// clock) if it is something else. `before` may be null: nobody knows.
std::shared_ptr<const SecretSet> next_set(SecretValue value, int64_t created_ms,
                                          const SecretSet* before, int64_t changed_ms);

// What came of asking a source.
struct SecretOutcome {
    size_t source = 0;
    std::shared_ptr<const SecretSet> set;  // nullptr: nothing new, what was there still counts
    bool failed = false;                   // nobody knows what the source holds now
    int64_t asked_us = 0;                  // steady clock: it held this then, or later
    int64_t retry_us = 0;                  // of a failure, steady clock: when it is asked again
};

// How often signatures that match no secret make somebody ask a source, at most: forged
// requests drive neither a bill nor a disk.
inline constexpr int64_t store_wish_interval_us = 5'000'000;
inline constexpr int64_t file_wish_interval_us = 50'000;

}  // namespace momento
