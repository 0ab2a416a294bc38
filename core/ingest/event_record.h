// From a judged webhook to the record that the spool keeps. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/dead_reasons.h"
#include "ingest/signature.h"
#include "ingest/verifier.h"
#include "spool/record.h"

namespace momento {

// What a signature is remembered by: the first bytes of the SHA-256 of the MAC, so that a
// spool that is read tells no signatures.
ReplayId make_replay_id(const Mac& mac);

// What a record says of the zone that remembers its signature: never 0.
uint32_t replay_zone_key(std::string_view zone);

// Whether an X-Amzn-Trace-Id header may travel as an entry's TraceHeader: fields
// "name=value" with ';' between them, one of them "Root=1-<8 hex>-<24 hex>", at most 500
// characters. One that EventBridge does not take would fail its whole request.
// Source: "Tracing header" of the AWS X-Ray Developer Guide; PutEventsRequestEntry.
bool is_trace_header(std::string_view value);

// The parts of an event's record; the body is where it was received (RecordBuffer). Views
// live as long as the judgement's payload and `trace_header`.
Record make_event(const Judgement& judgement, const ReplayId& id, int64_t accepted_ms,
                  std::string_view trace_header);

// As make_event, for what was authentic and goes to no destination: it was malformed, or its
// destination is not one.
Record make_letter(const Judgement& judgement, const ReplayId& id, int64_t accepted_ms,
                   std::string_view trace_header, std::string_view destination,
                   OwnReason reason, std::string_view reason_message);

}  // namespace momento
