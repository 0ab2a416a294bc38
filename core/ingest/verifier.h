// The verdict on one webhook, in the order that never bends: signature, then payload, then
// freshness, then size. Nothing the body says is believed before its signature matched.
//
// Called by the event loop, which owns the Verifier; nothing here knows HTTP or nginx.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/event_limits.h"
#include "ingest/freshness.h"
#include "ingest/payload.h"
#include "ingest/secrets.h"
#include "ingest/signature.h"

namespace momento {

// What $momento_verdict says.
enum class Verdict {
    accepted,
    unsigned_,  // no signature, or more than one
    forged,     // not a signature, or one that no secret gives
    stale,
    early,
    malformed,    // authentic, but no event can be made of it
    overloaded,   // it could not be made durable
    unavailable,  // there is no secret
    duplicate,    // this signature was accepted already
    verified,     // the gate let it through
    count
};

const char* verdict_name(Verdict verdict);

// What a location and its destination ask of an event.
struct Rules {
    FreshnessWindow window;
    EventLimits limits;
};

struct Judgement {
    Verdict verdict = Verdict::forged;
    int secret = -1;                 // index of the one that matched; -1: not authentic
    std::optional<Payload> payload;  // if authentic and readable; lives until the next call
    int64_t age_ms = 0;              // with a payload
    std::string reason;              // of `malformed`; for people, never quotes the body
};

// Why an entry of this payload and body does not fit; empty if it does.
std::string check_entry_size(const Payload& payload, std::string_view body,
                             const EventLimits& limits);

class Verifier {
  public:
    // Finds out which of these claims are authentic, computing their MACs together. Each
    // body is followed by body_padding readable bytes.
    void match(Claim* claims, size_t count);

    // Judges a claim that went through match(). Gives accepted, forged, stale, early or
    // malformed.
    Judgement judge(const Claim& claim, const Rules& rules, int64_t now_ms);

    // Both, for one body.
    Judgement judge(const Keyring& keyring, std::string_view body, const Mac& mac,
                    const Rules& rules, int64_t now_ms);

  private:
    PayloadParser parser_;
};

}  // namespace momento
