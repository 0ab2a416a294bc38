// PutEvents of EventBridge's classic API, as pure functions: records to a request body, an
// HTTP result to verdicts. Any thread.
// Source: "PutEvents" of the EventBridge API Reference, "Calculating PutEvents event entry
// size" of the EventBridge User Guide; AWS JSON protocol 1.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error_class.h"
#include "base/event_limits.h"
#include "destination/destination.h"
#include "http/client.h"

namespace momento {

inline constexpr char putevents_target[] = "AWSEvents.PutEvents";
inline constexpr char putevents_content_type[] = "application/x-amz-json-1.1";
inline constexpr size_t putevents_max_entries = 10;
inline constexpr size_t putevents_max_bytes = 1'000'000;  // the sum of a request's entries

// An entry beyond these fails for good. 1000 levels of Detail, and a DetailType (cache#topic)
// of 128 characters.
// Source: PutEventsRequestEntry, Amazon EventBridge API Reference.
inline constexpr EventLimits putevents_limits{128, 1000, true, "EventBridge"};

class PutEventsEncoder {
  public:
    // `source` and `bus` (a name or an ARN) are the same for every entry.
    PutEventsEncoder(std::string_view source, std::string_view bus);

    // What a record counts towards EventBridge's size limit.
    size_t entry_size(const Record& record) const;

    // The request body. Detail decodes to the record's body byte for byte.
    std::string encode(const std::vector<const Record*>& batch) const;

  private:
    void append_entry(std::string& json, const Record& record) const;

    size_t source_size_;
    std::string before_cache_;  // `{"Source":"…","DetailType":"`
    std::string behind_body_;   // `","EventBusName":"…","Time":`
};

struct PutEventsAnswer {
    BatchResult result;
    std::optional<aws::ErrorClass> error;  // of the request as a whole
};

// Verdicts for a request of `entries` entries. An answer that does not account for every
// one of them says nothing about any: all are tried again.
PutEventsAnswer read_putevents_answer(const HttpResult& http, size_t entries);

}  // namespace momento
