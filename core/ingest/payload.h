// Reads what Momento posts: one JSON object that describes one message of one topic.
//
// Called by the event loop, for authentic bodies only. The parser keeps its buffers
// between calls; the Payload's views live until the next call. The body itself is never
// changed: it travels on exactly as it arrived, unknown members included.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/event_limits.h"
#include "base/result.h"

namespace momento {

struct Payload {
    std::string_view cache;
    std::string_view topic;
    int64_t publish_timestamp = 0;    // ms since the epoch
    std::optional<int64_t> sequence;  // topic_sequence_number
    std::string_view token_id;        // empty if absent or null
};

class PayloadParser {
  public:
    PayloadParser();
    ~PayloadParser();

    // `body` is followed by body_padding readable bytes (base/bytes.h). The error names what
    // is wrong, in the terms of the reference's "malformed"; it never quotes the body. Of the
    // limits those of entries are not looked at, and at most 1000 levels are read.
    Result<Payload> parse(std::string_view body, const EventLimits& limits);

    // An unverified look at `cache` and `topic`, only to choose which secrets to try.
    // Nothing if the body cannot be read; never an error, never believed.
    std::optional<Payload> peek(std::string_view body);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace momento
