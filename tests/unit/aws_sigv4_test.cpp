#include "aws/sigv4.h"

#include <gtest/gtest.h>

namespace momento::aws {
namespace {

constexpr int64_t suite_time_ms = 1'440'938'160'000;  // 20150830T123600Z

Credentials suite_credentials(std::string token = {}) {
    Credentials credentials;
    credentials.access_key_id = "AKIDEXAMPLE";
    credentials.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    credentials.session_token = std::move(token);
    return credentials;
}

std::string value_of(const Headers& headers, std::string_view name) {
    for (const auto& header : headers) {
        if (header.first == name) return header.second;
    }
    return "(absent)";
}

std::string behind(const std::string& text, const std::string& mark) {
    size_t at = text.find(mark);
    return at == text.npos ? "" : text.substr(at + mark.size());
}

// Constants of the published signing test suite (awslabs/aws-c-auth, v4).
struct SuiteCase {
    const char* name;
    const char* method;
    std::string path;
    std::string query;
    Headers headers;
    std::string body;
    std::string token;
    const char* signature;
};

const std::string unreserved =
    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const std::string form_sha256 =
    "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";

const SuiteCase suite[] = {
    {"get-vanilla",
     "GET",
     "/",
     "",
     {},
     "",
     "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-with-session-token",
     "GET",
     "/",
     "",
     {},
     "",
     "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {"get-header-key-duplicate",
     "GET",
     "/",
     "",
     {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
     "",
     "",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-order",
     "GET",
     "/",
     "",
     {{"My-Header1", "value4"},
      {"My-Header1", "value1"},
      {"My-Header1", "value3"},
      {"My-Header1", "value2"}},
     "",
     "",
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"get-header-value-trim",
     "GET",
     "/",
     "",
     {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     "",
     "",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"get-relative-relative-normalized",
     "GET",
     "/example1/example2/../..",
     "",
     {},
     "",
     "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slash-pointless-dot-normalized",
     "GET",
     "/./example",
     "",
     {},
     "",
     "",
     "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    {"get-slashes-normalized",
     "GET",
     "//example//",
     "",
     {},
     "",
     "",
     "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"get-space-normalized",
     "GET",
     "/example space/",
     "",
     {},
     "",
     "",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-unreserved",
     "GET",
     "/" + unreserved,
     "",
     {},
     "",
     "",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-utf8",
     "GET",
     "/\u1234",
     "",
     {},
     "",
     "",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-vanilla-empty-query-key",
     "GET",
     "/",
     "Param1=value1",
     {},
     "",
     "",
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-order-encoded",
     "GET",
     "/",
     "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
     {},
     "",
     "",
     "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     "Param2=value2&Param1=value1",
     {},
     "",
     "",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-unreserved",
     "GET",
     "/",
     unreserved + "=" + unreserved,
     {},
     "",
     "",
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"post-vanilla",
     "POST",
     "/",
     "",
     {},
     "",
     "",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-vanilla-query",
     "POST",
     "/",
     "Param1=value1",
     {},
     "",
     "",
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-header-key-sort",
     "POST",
     "/",
     "",
     {{"My-Header1", "value1"}},
     "",
     "",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"post-header-value-case",
     "POST",
     "/",
     "",
     {{"My-Header1", "VALUE1"}},
     "",
     "",
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"post-sts-header-before",
     "POST",
     "/",
     "",
     {},
     "",
     "AQoDYXdzEPT//////////"
     "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfp"
     "SPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"
     "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQ"
     "DYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
     "s"
     "cqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     "",
     {{"Content-Type", "application/x-www-form-urlencoded"},
      {"Content-Length", "13"},
      {"X-Amz-Content-Sha256", form_sha256}},
     "Param1=value1",
     "",
     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
    {"post-x-www-form-urlencoded-parameters",
     "POST",
     "/",
     "",
     {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
      {"Content-Length", "13"},
      {"X-Amz-Content-Sha256", form_sha256}},
     "Param1=value1",
     "",
     "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"},
};

TEST(Sigv4, SignsThePublishedSuite) {
    for (const SuiteCase& test : suite) {
        SCOPED_TRACE(test.name);
        SignableRequest request;
        request.method = test.method;
        request.host = "example.amazonaws.com";
        request.path = test.path;
        request.query = test.query;
        request.headers = &test.headers;
        Sigv4Signer signer("us-east-1", "service");
        Headers added;
        signer.sign(CanonicalForm(request), test.body, suite_credentials(test.token),
                    suite_time_ms, added);
        EXPECT_EQ(behind(value_of(added, "Authorization"), "Signature="), test.signature);
    }
}

SignableRequest put_events(const Headers& headers) {
    SignableRequest request;
    request.host = "events.us-east-1.amazonaws.com";
    request.headers = &headers;
    return request;
}

Headers sign_put_events(Sigv4Signer& signer, const Headers& headers,
                        const Credentials& credentials, int64_t now_ms = suite_time_ms) {
    Headers added;
    signer.sign(CanonicalForm(put_events(headers)), "{}", credentials, now_ms, added);
    return added;
}

std::string canonical_request(const SignableRequest& request, std::string_view token = {}) {
    std::string canonical;
    CanonicalForm(request).append_request(canonical, "20150830T123600Z", token, "{}");
    return canonical;
}

TEST(Sigv4, NamesCredentialScopeAndSignedHeaders) {
    Headers headers = {{"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", "AWSEvents.PutEvents"}};
    Sigv4Signer signer("us-east-1", "events");
    Headers added = sign_put_events(signer, headers, suite_credentials("token"));
    EXPECT_EQ(value_of(added, "X-Amz-Date"), "20150830T123600Z");
    EXPECT_EQ(value_of(added, "X-Amz-Security-Token"), "token");
    std::string authorization = value_of(added, "Authorization");
    EXPECT_EQ(authorization.substr(0, authorization.find("Signature=")),
              "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/events/aws4_request, "
              "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, ");
}

TEST(Sigv4, AddsNoTokenWhereThereIsNone) {
    Headers headers;
    Sigv4Signer signer("us-east-1", "events");
    Headers added = sign_put_events(signer, headers, suite_credentials());
    EXPECT_EQ(value_of(added, "X-Amz-Security-Token"), "(absent)");
}

TEST(Sigv4, LeavesHeadersUnsignedThatChangeOnTheWay) {
    Headers headers = {{"User-Agent", "x"},        {"Expect", ""},
                       {"Connection", "close"},    {"Keep-Alive", "1"},
                       {"TE", "trailers"},         {"Trailer", "x"},
                       {"Upgrade", "x"},           {"Transfer-Encoding", "chunked"},
                       {"Proxy-Connection", "x"},  {"Proxy-Authorization", "x"},
                       {"X-Amzn-Trace-Id", "x"},   {"Authorization", "x"},
                       {"Sec-WebSocket-Key", "x"}, {"x-amz-retry", "signed"}};
    EXPECT_EQ(CanonicalForm(put_events(headers)).signed_headers(false),
              "host;x-amz-date;x-amz-retry");
}

TEST(Sigv4, SortsByNameAlsoWhenOneIsThePrefixOfAnother) {
    Headers headers = {{"x-amz-target-extra", "2"}, {"x-amz-target", "1"}};
    std::string canonical = canonical_request(put_events(headers));
    EXPECT_NE(canonical.find("\nx-amz-target:1\nx-amz-target-extra:2\n"), canonical.npos);
}

TEST(Sigv4, CollapsesBlanksOfATokenToo) {
    std::string canonical = canonical_request(put_events({}), " a \t b ");
    EXPECT_NE(canonical.find("\nx-amz-security-token:a b\n"), canonical.npos);
}

TEST(Sigv4, OneFormFitsRequestsWithAndWithoutToken) {
    Headers headers = {{"a", "1"}, {"x-amz-e", "2"}, {"x-amz-target", "3"}};
    const CanonicalForm form(put_events(headers));
    for (const char* token : {"", "token", ""}) {
        Sigv4Signer kept("us-east-1", "events");
        Headers added;
        kept.sign(form, "{}", suite_credentials(token), suite_time_ms, added);
        Sigv4Signer fresh("us-east-1", "events");
        EXPECT_EQ(added, sign_put_events(fresh, headers, suite_credentials(token)));
    }
    EXPECT_EQ(form.signed_headers(true),
              "a;host;x-amz-date;x-amz-e;x-amz-security-token;x-amz-target");
    std::string canonical;
    form.append_request(canonical, "20150830T123600Z", "token", "");
    EXPECT_NE(canonical.find("\na:1\nhost:events.us-east-1.amazonaws.com\n"
                             "x-amz-date:20150830T123600Z\nx-amz-e:2\n"
                             "x-amz-security-token:token\nx-amz-target:3\n\n"),
              canonical.npos);
}

TEST(Sigv4, EncodesThePathOnceMoreThanItIsSent) {
    SignableRequest request;
    request.path = "/a%20b/";
    std::string canonical = canonical_request(request);
    EXPECT_EQ(canonical.substr(0, canonical.find("\n\n")), "POST\n/a%2520b/");
}

TEST(Sigv4, SortsParametersWithoutAValueToo) {
    SignableRequest request;
    request.query = "b&a=2&a=1&a-b=3";
    std::string canonical = canonical_request(request);
    EXPECT_EQ(canonical.substr(0, canonical.find("\nhost")), "POST\n/\na=1&a=2&a-b=3&b=");
}

TEST(Sigv4, KeyFollowsDateAndCredentials) {
    auto signature = [](Sigv4Signer& signer, const Credentials& credentials, int64_t now_ms) {
        Headers headers;
        return value_of(sign_put_events(signer, headers, credentials, now_ms), "Authorization");
    };
    Credentials other_secret = suite_credentials();
    other_secret.secret_access_key = "another";
    Credentials other_id = suite_credentials();
    other_id.access_key_id = "AKIDOTHER";
    constexpr int64_t day_ms = 86'400'000;

    Sigv4Signer kept("us-east-1", "events");
    for (const Credentials& credentials :
         {suite_credentials(), other_secret, suite_credentials(), other_id}) {
        for (int64_t now_ms : {suite_time_ms, suite_time_ms + day_ms, suite_time_ms}) {
            Sigv4Signer fresh("us-east-1", "events");
            EXPECT_EQ(signature(kept, credentials, now_ms),
                      signature(fresh, credentials, now_ms));
        }
    }
}

}  // namespace
}  // namespace momento::aws
