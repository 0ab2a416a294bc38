// AWS Signature Version 4, for POST requests whose body is in memory.
// Source: "Create a signed AWS API request", AWS Identity and Access Management User Guide.
//
// Our own because libcurl 7.88's signer cannot be combined with clock correction, proxies
// or a suppressed Expect header. One Sigv4Signer per (region, service) and thread: it keeps
// the day's signing key. One CanonicalForm per operation: what is the same in all of its
// requests is composed once.
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
    const Headers* headers = nullptr;  // all that will be sent, without Host and sign()'s
};

// The canonical request of all requests that differ in time, session token and body only:
// composed once, with room for those.
class CanonicalForm {
  public:
    explicit CanonicalForm(const SignableRequest& request);

    // `token` may be empty: then there is no such header.
    void append_request(std::string& out, std::string_view timestamp, std::string_view token,
                        std::string_view body) const;

    const std::string& signed_headers(bool with_token) const {
        return with_token ? names_with_token_ : names_;
    }

  private:
    std::string before_date_;   // method, path, query, headers up to X-Amz-Date's value
    std::string behind_date_;   // from there to where X-Amz-Security-Token would stand
    std::string behind_token_;  // headers behind that
    std::string names_;
    std::string names_with_token_;
};

inline constexpr size_t sigv4_headers = 3;  // that sign() appends, at most

class Sigv4Signer {
  public:
    Sigv4Signer(std::string region, std::string service);
    ~Sigv4Signer();  // cleanses what it keeps

    // Appends X-Amz-Date, X-Amz-Security-Token (if there is one) and Authorization.
    // `now_ms` is wall-clock time, corrected by the caller for clock skew.
    void sign(const CanonicalForm& form, std::string_view body, const Credentials& credentials,
              int64_t now_ms, Headers& headers);

  private:
    const std::string& timestamp_of(int64_t now_ms);
    const Hmac& key_of(std::string_view date, const std::string& secret);

    const std::string region_;
    const std::string service_;
    const std::string scope_;  // of a credential, behind the date
    std::string timestamp_;    // of second_
    int64_t second_ = INT64_MIN;
    std::string key_date_;  // of key_
    std::string key_secret_;
    std::optional<Hmac> key_;
    std::string text_;  // what is hashed; kept for its capacity
};

}  // namespace momento::aws
