// What an AWS service says when it refuses a request: one shape for the JSON protocols, for
// XML (STS, and emulators' authorization errors), and for answers of proxies and load
// balancers that are neither.
//
// Pure; used by every client on the delivery thread.
#pragma once

#include <string>
#include <string_view>

#include "http/client.h"

namespace momento::aws {

struct ServiceError {
    // "ThrottlingException"; empty if the answer names none: judge by the HTTP status then.
    // Letters, digits, ".", "_" and "-" only: safe as a metric's label.
    std::string code;

    // The older name of the same error, of services that once spoke another protocol
    // (x-amzn-query-error: "AWS.SimpleQueueService.NonExistentQueue"); empty if none.
    std::string query_code;

    // One line of at most 1024 bytes. A ValidationException quotes the request in it: such
    // a message must not be logged.
    std::string message;

    std::string request_id;

    bool is(std::string_view name) const { return code == name || query_code == name; }
};

ServiceError parse_service_error(const HttpResponse& response);

// AWS's own sentence about what is not permitted ("User: … is not authorized to perform: … on
// resource: …"), which quotes no event. Empty if it says something else.
std::string permission_sentence(const ServiceError& error);

// Whether somebody else answered: a proxy, a portal, another server. It bears no request id,
// and its body is a page, or nothing where AWS says something. Front ends of AWS that refuse a
// request unread say nothing either: of statuses like theirs it is not asked.
bool is_foreign(const HttpResponse& response);

// What to do about such an answer, for log lines; quotes none of it.
std::string foreign_advice(const HttpResponse& response);

}  // namespace momento::aws
