#include "aws/error_class.h"

namespace momento::aws {
namespace {

struct Row {
    std::string_view code;
    ErrorClass meaning;
};

constexpr Row table[] = {
    {"BandwidthLimitExceeded", ErrorClass::throttled},
    {"EC2ThrottledException", ErrorClass::throttled},
    {"LimitExceededException", ErrorClass::throttled},
    {"PriorRequestNotComplete", ErrorClass::throttled},
    {"ProvisionedThroughputExceededException", ErrorClass::throttled},
    {"RequestLimitExceeded", ErrorClass::throttled},
    {"RequestThrottled", ErrorClass::throttled},
    {"RequestThrottledException", ErrorClass::throttled},
    {"SlowDown", ErrorClass::throttled},
    {"ThrottledException", ErrorClass::throttled},
    {"Throttling", ErrorClass::throttled},
    {"ThrottlingException", ErrorClass::throttled},
    {"TooManyRequestsException", ErrorClass::throttled},
    {"TransactionInProgressException", ErrorClass::throttled},

    {"InternalException", ErrorClass::transient},
    {"InternalFailure", ErrorClass::transient},
    {"InternalServerError", ErrorClass::transient},
    {"InternalServiceError", ErrorClass::transient},
    {"RequestAborted", ErrorClass::transient},
    {"RequestTimeout", ErrorClass::transient},
    {"RequestTimeoutException", ErrorClass::transient},
    {"ServiceUnavailable", ErrorClass::transient},
    {"ServiceUnavailableException", ErrorClass::transient},

    {"ExpiredToken", ErrorClass::credentials},
    {"ExpiredTokenException", ErrorClass::credentials},
    {"InvalidClientTokenId", ErrorClass::credentials},
    {"InvalidToken", ErrorClass::credentials},
    {"UnrecognizedClientException", ErrorClass::credentials},

    {"AuthFailure", ErrorClass::clock},
    {"InvalidSignatureException", ErrorClass::clock},
    {"RequestExpired", ErrorClass::clock},
    {"RequestInTheFuture", ErrorClass::clock},
    {"RequestTimeTooSkewed", ErrorClass::clock},
    {"SignatureDoesNotMatch", ErrorClass::clock},

    {"AccessDenied", ErrorClass::permission},
    {"AccessDeniedException", ErrorClass::permission},
    {"NotAuthorized", ErrorClass::permission},

    {"EndpointDisabled", ErrorClass::setup},
    {"IncompleteSignature", ErrorClass::setup},
    {"IncompleteSignatureException", ErrorClass::setup},
    {"InvalidAction", ErrorClass::setup},
    {"MissingAuthenticationToken", ErrorClass::setup},
    {"MissingAuthenticationTokenException", ErrorClass::setup},
    {"OptInRequired", ErrorClass::setup},
    {"QueueDoesNotExist", ErrorClass::setup},
    {"ResourceNotFoundException", ErrorClass::setup},
    {"UnknownOperationException", ErrorClass::setup},

    {"InvalidAccountIdException", ErrorClass::refused},
    {"InvalidArgument", ErrorClass::refused},
    {"MalformedDetail", ErrorClass::refused},
    {"MalformedHttpRequestException", ErrorClass::refused},
    {"NotAuthorizedForDetailTypeException", ErrorClass::refused},
    {"NotAuthorizedForSourceException", ErrorClass::refused},
    {"RedactionFailure", ErrorClass::refused},
    {"RequestEntityTooLarge", ErrorClass::refused},
    {"RequestEntityTooLargeException", ErrorClass::refused},
    {"SerializationException", ErrorClass::refused},
    {"ValidationError", ErrorClass::refused},
    {"ValidationException", ErrorClass::refused},
};

// KMSAccessDeniedException, KMSDisabledException, ...: the bus's key.
constexpr std::string_view key_prefixes[] = {"KMS", "Kms"};

ErrorClass classify_code(std::string_view code) {
    for (const Row& row : table) {
        if (row.code == code) return row.meaning;
    }
    for (std::string_view prefix : key_prefixes) {
        if (code.substr(0, prefix.size()) == prefix) return ErrorClass::setup;
    }
    return ErrorClass::unknown;
}

// Answers of what stands between us and AWS, and of front ends that refuse a request
// unread: their bodies are empty, HTML or XML.
ErrorClass classify_status(int status) {
    if (status >= 500 || status == 408) return ErrorClass::transient;
    if (status == 429) return ErrorClass::throttled;
    if (status == 413) return ErrorClass::refused;
    if (status == 403) return ErrorClass::permission;
    if (status >= 300 && status < 400) return ErrorClass::setup;
    switch (status) {
        case 401:
        case 404:
        case 405:
        case 407:
            return ErrorClass::setup;
        default:
            return ErrorClass::unknown;
    }
}

}  // namespace

ErrorClass classify_error(std::string_view code, int status) {
    ErrorClass by_code = classify_code(code);
    return by_code == ErrorClass::unknown ? classify_status(status) : by_code;
}

}  // namespace momento::aws
