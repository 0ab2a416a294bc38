// What AWS's error codes mean for an event: the one table of them.
//
// By the code (`__type`), never by the HTTP status alone: EventBridge answers 400 where its
// documentation says 403 or 429. Pure; any thread.
// Sources: "Common Errors" and "PutEventsResultEntry" of the EventBridge API Reference, and
// the retry rules of the AWS SDKs (botocore retries/standard.py,
// @smithy/service-error-classification).
#pragma once

#include <string_view>

namespace momento::aws {

enum class ErrorClass {
    throttled,    // slow down
    transient,    // try again
    credentials,  // held; fresh credentials may help at once
    clock,        // held; a corrected clock or fresh credentials may help at once
    permission,   // held; perhaps of one entry's content only: a policy's condition, a filter
    setup,        // held: endpoint, key or bus; a person has to act
    refused,      // will never be taken
    unknown,
};

// `status` is the answer's; it decides where the code is empty or unknown. Of one entry's
// error in an accepted request it is 200, and says nothing.
ErrorClass classify_error(std::string_view code, int status);

}  // namespace momento::aws
