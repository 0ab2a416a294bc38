#include "aws/sigv4.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <new>

#include "aws/timestamp.h"
#include "base/ascii.h"
#include "base/cleanse.h"
#include "base/digest.h"
#include "base/hex.h"
#include "http/url.h"

namespace momento::aws {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view terminator = "aws4_request";
constexpr size_t date_length = 8;  // of a basic timestamp

// Headers that proxies and HTTP libraries add, drop or change on the way. The union of
// what botocore and aws-c-auth leave unsigned.
constexpr std::string_view unsigned_headers[] = {
    "authorization", "connection",        "expect",     "keep-alive",      "te", "trailer",
    "upgrade",       "transfer-encoding", "user-agent", "x-amzn-trace-id",
};
constexpr std::string_view unsigned_prefixes[] = {"proxy-", "sec-websocket-"};

bool is_signed(std::string_view name) {
    for (std::string_view prefix : unsigned_prefixes) {
        if (name.substr(0, prefix.size()) == prefix) return false;
    }
    return std::find(std::begin(unsigned_headers), std::end(unsigned_headers), name) ==
           std::end(unsigned_headers);
}

// Blanks around the value dropped, runs of them inside made one.
std::string collapse(std::string_view value) {
    std::string collapsed;
    bool gap = false;
    for (char c : value) {
        if (is_blank(c)) {
            gap = !collapsed.empty();
            continue;
        }
        if (gap) collapsed += ' ';
        gap = false;
        collapsed += c;
    }
    return collapsed;
}

std::string_view text_of(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Hmac absorb(std::string_view key) {
    std::optional<Hmac> hmac = Hmac::create("SHA256", key);
    if (!hmac) throw std::bad_alloc();
    return *std::move(hmac);
}

Hmac derive_signing_key(const std::string& secret, std::string_view date,
                        std::string_view region, std::string_view service) {
    std::string start = "AWS4" + secret;
    Hmac derived = absorb(start);
    cleanse(start);
    for (std::string_view part : {date, region, service, terminator}) {
        Sha256 key = derived.sign(part);
        derived = absorb(text_of(key));
        OPENSSL_cleanse(key.data(), key.size());
    }
    return derived;
}

// All services but S3 sign the path without ".", ".." and empty segments, and encode it
// once more: "%20" as sent is "%2520" here.
std::string canonical_path(std::string_view path) {
    std::vector<std::string_view> segments;
    bool trailing_slash = true;
    while (!path.empty()) {
        std::string_view segment = path.substr(0, path.find('/'));
        trailing_slash = segment.size() < path.size();
        path.remove_prefix(std::min(segment.size() + 1, path.size()));
        if (segment.empty() || segment == ".") continue;
        if (segment != "..") {
            segments.push_back(segment);
        } else if (!segments.empty()) {
            segments.pop_back();
        }
    }

    std::string canonical;
    for (std::string_view segment : segments) {
        canonical += '/';
        append_percent_encoded(canonical, segment);
    }
    if (trailing_slash || segments.empty()) canonical += '/';
    return canonical;
}

// Parameters as sent, sorted by name, then by value; one without '=' gets it.
std::string canonical_query(std::string_view query) {
    if (query.empty()) return {};
    std::vector<std::pair<std::string_view, std::string_view>> parameters;
    while (true) {
        std::string_view parameter = query.substr(0, query.find('&'));
        size_t equals = std::min(parameter.find('='), parameter.size());
        parameters.emplace_back(parameter.substr(0, equals),
                                parameter.substr(std::min(equals + 1, parameter.size())));
        if (parameter.size() == query.size()) break;
        query.remove_prefix(parameter.size() + 1);
    }
    std::sort(parameters.begin(), parameters.end());

    std::string canonical;
    for (const auto& [name, value] : parameters) {
        if (!canonical.empty()) canonical += '&';
        canonical.append(name).append("=").append(value);
    }
    return canonical;
}

}  // namespace

Sigv4Signer::Sigv4Signer(std::string region, std::string service)
    : region_(std::move(region)), service_(std::move(service)) {}

Sigv4Signer::~Sigv4Signer() {
    cleanse(key_scope_);
}

Headers Sigv4Signer::sign(const SignableRequest& request, const Credentials& credentials,
                          int64_t now_ms) {
    std::string timestamp = basic_timestamp(now_ms);
    std::string date = timestamp.substr(0, date_length);

    Headers added = {{"X-Amz-Date", timestamp}};
    if (!credentials.session_token.empty()) {
        added.emplace_back("X-Amz-Security-Token", credentials.session_token);
    }

    std::string signed_headers;
    std::string canonical = canonical_request(request, added, &signed_headers);
    std::string scope = date;
    for (std::string_view part :
         {std::string_view(region_), std::string_view(service_), terminator}) {
        scope.append("/").append(part);
    }

    std::string to_sign(algorithm);
    to_sign.append("\n").append(timestamp).append("\n").append(scope);
    to_sign.append("\n").append(to_hex(sha256(canonical)));

    std::string key_scope =
        date + '/' + credentials.access_key_id + '/' + credentials.secret_access_key;
    if (key_scope != key_scope_) {
        signing_key_ =
            derive_signing_key(credentials.secret_access_key, date, region_, service_);
        key_scope_.swap(key_scope);
    }
    cleanse(key_scope);

    const Sha256 signature = signing_key_->sign(to_sign);
    std::string authorization(algorithm);
    authorization.append(" Credential=").append(credentials.access_key_id);
    authorization.append("/").append(scope);
    authorization.append(", SignedHeaders=").append(signed_headers);
    authorization.append(", Signature=").append(to_hex(signature));
    added.emplace_back("Authorization", std::move(authorization));
    return added;
}

std::string Sigv4Signer::canonical_request(const SignableRequest& request, const Headers& added,
                                           std::string* signed_headers) {
    Headers fields = {{"host", std::string(request.host)}};
    for (const Headers* headers : {request.headers, &added}) {
        if (!headers) continue;
        for (const auto& [name, value] : *headers) {
            std::string lower = lower_case(name);
            if (is_signed(lower)) fields.emplace_back(std::move(lower), collapse(value));
        }
    }
    // By name alone, never by "name:value": "x-amz-target-extra" sorts behind
    // "x-amz-target" although '-' sorts before ':'. Repeated headers keep their order.
    std::stable_sort(fields.begin(), fields.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });

    std::string names;
    std::string lines;
    for (size_t i = 0; i < fields.size(); ++i) {
        const auto& [name, value] = fields[i];
        if (i > 0 && name == fields[i - 1].first) {
            lines.append(",").append(value);
            continue;
        }
        if (i > 0) {
            lines += '\n';
            names += ';';
        }
        lines.append(name).append(":").append(value);
        names += name;
    }

    std::string canonical(request.method);
    canonical.append("\n").append(canonical_path(request.path));
    canonical.append("\n").append(canonical_query(request.query));
    canonical.append("\n").append(lines).append("\n");
    canonical.append("\n").append(names);
    canonical.append("\n").append(to_hex(sha256(request.body)));
    if (signed_headers) *signed_headers = std::move(names);
    return canonical;
}

}  // namespace momento::aws
