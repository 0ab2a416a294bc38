// Where events go. A destination takes batches and says, for every entry, what became of
// it; it knows no spool, no retry and no dead letter.
//
// Belongs to the delivery thread. `done` runs exactly once per batch, from inside the
// delivery loop's turn (HttpClient::run, or step()), never from inside send().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "spool/record.h"

namespace momento {

struct EntryVerdict {
    enum class Kind {
        delivered,
        retry,    // throttled, internal failure, transport: try again, with backoff
        hold,     // credentials, permission, clock, endpoint, missing bus: nothing is
                  // wrong with the entry; no attempt is counted, no time limit runs
        refused,  // the destination will never take it: dead
        keep,     // nor this, but it stays where it is: of a queue that takes dead letters
    };
    Kind kind = Kind::retry;
    std::string code;     // the destination's own word, e.g. "ThrottlingException"
    std::string message;  // for the dead letter; may quote the event, so it is never logged

    // Of a hold: the reason may lie in this entry alone (permission, a filter's 403), so that
    // others may get through. Never of credentials, clock, endpoint or a missing bus.
    bool may_be_its_own = false;
};

struct BatchResult {
    std::vector<EntryVerdict> entries;  // one per entry, in order
    bool whole_request = false;         // the refusal is of the request, not of an entry: with
                                 // more than one entry it is bisected before it is believed
    bool throttled = false;      // slow down
    bool unreachable = false;    // counts for the circuit breaker
    int64_t retry_after_ms = 0;  // what the destination asked for; 0: nothing
    int64_t elapsed_us = 0;
    std::string request_id;  // what the destination calls this exchange, for log lines
    std::string trouble;     // why there was no answer, or what to do about it, for log
                             // lines: quotes no event
};

struct BatchLimits {
    size_t entries = 10;
    size_t bytes = 256u << 10;  // sum of entry_size(), at most
};

// What is worth knowing of a destination between batches.
struct DestinationState {
    int64_t clock_offset_ms = 0;                    // how far its clock is ahead of ours
    std::optional<int64_t> credentials_expires_ms;  // wall clock; nothing: they do not
};

class Destination {
  public:
    using Done = std::function<void(BatchResult)>;

    virtual ~Destination() = default;

    virtual BatchLimits limits() const = 0;

    // False: the record is somebody else's, and stays where it is.
    virtual bool accepts(const Record&) const { return true; }

    // What a record counts towards limits().bytes.
    virtual size_t entry_size(const Record& record) const = 0;

    // The records stay valid until `done` has run.
    virtual void send(std::vector<const Record*> batch, Done done) = 0;

    // Called once per turn of the delivery loop (credentials, files to reopen, ...).
    virtual void step() {}

    // From here on nothing new leaves: what send() was given and has not gone out yet comes
    // back as held.
    virtual void stop_sending() {}

    // For destinations that write to a file somebody else opens: a descriptor to use from
    // the next batch on, owned by the destination. From any thread; does not block.
    virtual void set_descriptor(int descriptor) { Descriptor unused(descriptor); }

    virtual DestinationState state() const { return {}; }

    // How many batches may be in flight at once.
    virtual size_t max_in_flight() const = 0;
};

}  // namespace momento
