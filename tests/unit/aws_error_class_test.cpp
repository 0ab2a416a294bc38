#include "aws/error_class.h"

#include <gtest/gtest.h>

namespace momento::aws {
namespace {

struct Case {
    const char* code;
    int status;
    ErrorClass meaning;
};

std::string name(const testing::TestParamInfo<Case>& info) {
    std::string text = std::to_string(info.index) + "_" + info.param.code;
    for (char& c : text) {
        if (c == '.') c = '_';
    }
    return text + "_" + std::to_string(info.param.status);
}

class ErrorTable : public testing::TestWithParam<Case> {};

TEST_P(ErrorTable, MeansWhatAwsSays) {
    EXPECT_EQ(classify_error(GetParam().code, GetParam().status), GetParam().meaning);
}

using E = ErrorClass;

// "PutEventsResultEntry": the codes of single entries.
INSTANTIATE_TEST_SUITE_P(
    Entries, ErrorTable,
    testing::Values(Case{"InternalFailure", 200, E::transient},
                    Case{"InternalException", 200, E::transient},
                    Case{"ServiceUnavailable", 200, E::transient},
                    Case{"ThrottlingException", 200, E::throttled},
                    Case{"AccessDeniedException", 200, E::permission},
                    Case{"InvalidAccountIdException", 200, E::refused},
                    Case{"InvalidArgument", 200, E::refused},
                    Case{"MalformedDetail", 200, E::refused},
                    Case{"RedactionFailure", 200, E::refused},
                    Case{"NotAuthorizedForSourceException", 200, E::refused},
                    Case{"NotAuthorizedForDetailTypeException", 200, E::refused},
                    Case{"NeverHeardOf", 200, E::unknown}),
    name);

// "Common Errors"; EventBridge was seen to answer 400 for several of them.
INSTANTIATE_TEST_SUITE_P(
    Requests, ErrorTable,
    testing::Values(
        Case{"AccessDeniedException", 403, E::permission},
        Case{"AccessDeniedException", 400, E::permission},
        Case{"ExpiredTokenException", 403, E::credentials},
        Case{"ExpiredTokenException", 400, E::credentials},
        Case{"ExpiredToken", 400, E::credentials}, Case{"InvalidToken", 403, E::credentials},
        Case{"UnrecognizedClientException", 403, E::credentials},
        Case{"InvalidClientTokenId", 403, E::credentials},
        Case{"SignatureDoesNotMatch", 403, E::clock},
        Case{"InvalidSignatureException", 400, E::clock}, Case{"RequestExpired", 400, E::clock},
        Case{"RequestTimeTooSkewed", 403, E::clock}, Case{"RequestInTheFuture", 403, E::clock},
        Case{"AuthFailure", 403, E::clock}, Case{"IncompleteSignature", 403, E::setup},
        Case{"NotAuthorized", 401, E::permission}, Case{"OptInRequired", 403, E::setup},
        Case{"ResourceNotFoundException", 400, E::setup},
        Case{"UnknownOperationException", 404, E::setup},
        Case{"KMSDisabledException", 400, E::setup}, Case{"KmsAccessDenied", 400, E::setup},
        Case{"InternalFailure", 500, E::transient},
        Case{"InternalException", 500, E::transient}, Case{"RequestAborted", 400, E::transient},
        Case{"RequestTimeoutException", 408, E::transient},
        Case{"RequestTimeout", 400, E::transient},
        Case{"ServiceUnavailable", 503, E::transient},
        Case{"ThrottlingException", 400, E::throttled},
        Case{"ThrottlingException", 429, E::throttled},
        Case{"MalformedHttpRequestException", 400, E::refused},
        Case{"RequestEntityTooLarge", 413, E::refused},
        Case{"ValidationError", 400, E::refused}, Case{"ValidationException", 400, E::refused},
        Case{"NeverHeardOf", 400, E::unknown}),
    name);

// botocore's retries/standard.py.
INSTANTIATE_TEST_SUITE_P(
    Throttling, ErrorTable,
    testing::Values(Case{"Throttling", 400, E::throttled},
                    Case{"ThrottledException", 400, E::throttled},
                    Case{"RequestThrottledException", 400, E::throttled},
                    Case{"RequestThrottled", 400, E::throttled},
                    Case{"TooManyRequestsException", 400, E::throttled},
                    Case{"ProvisionedThroughputExceededException", 400, E::throttled},
                    Case{"TransactionInProgressException", 400, E::throttled},
                    Case{"RequestLimitExceeded", 503, E::throttled},
                    Case{"BandwidthLimitExceeded", 400, E::throttled},
                    Case{"LimitExceededException", 400, E::throttled},
                    Case{"SlowDown", 503, E::throttled},
                    Case{"PriorRequestNotComplete", 400, E::throttled},
                    Case{"EC2ThrottledException", 400, E::throttled}),
    name);

// No code: front ends, proxies and load balancers.
INSTANTIATE_TEST_SUITE_P(
    Bare, ErrorTable,
    testing::Values(Case{"", 500, E::transient}, Case{"", 502, E::transient},
                    Case{"", 503, E::transient}, Case{"", 504, E::transient},
                    Case{"", 408, E::transient}, Case{"", 429, E::throttled},
                    Case{"", 413, E::refused}, Case{"", 301, E::setup}, Case{"", 401, E::setup},
                    Case{"", 403, E::permission}, Case{"", 404, E::setup},
                    Case{"", 407, E::setup}, Case{"", 400, E::unknown}),
    name);

}  // namespace
}  // namespace momento::aws
