// What the dead letter of an event says that was tried in vain for too long: written by
// delivery, read by whoever moves letters on. A record keeps a letter's reason as a code and a
// text; that it is this one is told by how the text begins. Pure; any thread.
// Source: "Using dead-letter queues", Amazon EventBridge User Guide.
#pragma once

#include <string>
#include <string_view>

#include "aws/sqs.h"

namespace momento {

// The one value that EventBridge's attribute of such a letter has here.
inline constexpr char exhausted_condition[] = "MaximumEventAgeInSeconds";

// `what`: how often and how long it was tried, and what was said last.
inline std::string exhausted_message(std::string_view what) {
    return std::string(aws::attribute_exhausted) + ' ' + exhausted_condition + ": " +
           std::string(what);
}

inline bool is_exhausted_message(std::string_view reason_message) {
    const std::string beginning = exhausted_message({});
    return reason_message.substr(0, beginning.size()) == beginning;
}

}  // namespace momento
