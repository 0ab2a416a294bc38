// AWS Signature Version 4, for POST requests whose body is in memory.
// Source: "Create a signed AWS API request", AWS Identity and Access Management User Guide.
//
// Our own because libcurl 7.88's signer cannot be combined with clock correction, proxies
// or a suppressed Expect header. One Sigv4Signer per (region, service) and thread: it keeps
// the day's signing key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/credentials.h"
#include "base/digest.h"

namespace momento::aws {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct SignableRequest {
    std::string_view method = "POST";
    std::string_view host;  // as sent: lower case, port only if it is not the scheme's own
    std::string_view path = "/";       // percent-encoded as sent
    std::string_view query;            // without '?', as sent
    const Headers* headers = nullptr;  // all that will be sent, without Host
    std::string_view body;
};

class Sigv4Signer {
  public:
    Sigv4Signer(std::string region, std::string service);
    ~Sigv4Signer();  // cleanses the cached key

    // Headers to add: X-Amz-Date, X-Amz-Security-Token (if there is one), Authorization.
    // `now_ms` is wall-clock time, corrected by the caller for clock skew.
    Headers sign(const SignableRequest& request, const Credentials& credentials,
                 int64_t now_ms);

    // The steps, as the published test suite checks them.
    static std::string canonical_request(const SignableRequest& request, const Headers& added,
                                         std::string* signed_headers);

  private:
    std::string region_;
    std::string service_;
    std::string key_scope_;  // date, access key and secret the cached key belongs to
    std::optional<Hmac> signing_key_;
};

}  // namespace momento::aws
