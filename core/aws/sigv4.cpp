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
constexpr size_t date_length = 8;             // of a basic timestamp
constexpr size_t authorization_around = 160;  // about what stands around the names in it
constexpr char date_name[] = "x-amz-date";
constexpr char token_name[] = "x-amz-security-token";

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

// A token is long, and has no blanks. Others than these two no header can hold.
void append_collapsed(std::string& out, std::string_view token) {
    const bool has_blank = token.find(' ') != token.npos || token.find('\t') != token.npos;
    if (has_blank) {
        out += collapse(token);
    } else {
        out += token;
    }
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

CanonicalForm::CanonicalForm(const SignableRequest& request) {
    Headers fields = {{"host", std::string(request.host)}, {date_name, ""}, {token_name, ""}};
    if (request.headers) {
        for (const auto& [name, value] : *request.headers) {
            std::string lower = lower_case(name);
            if (is_signed(lower)) fields.emplace_back(std::move(lower), collapse(value));
        }
    }
    // By name alone, never by "name:value": "x-amz-target-extra" sorts behind
    // "x-amz-target" although '-' sorts before ':'. Repeated headers keep their order.
    std::stable_sort(fields.begin(), fields.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });

    before_date_.append(request.method).append("\n");
    before_date_.append(canonical_path(request.path)).append("\n");
    before_date_.append(canonical_query(request.query)).append("\n");
    std::string* lines = &before_date_;
    for (size_t i = 0; i < fields.size(); ++i) {
        const auto& [name, value] = fields[i];
        if (i > 0 && name == fields[i - 1].first) {
            lines->insert(lines->size() - 1, "," + value);
            continue;
        }
        if (i > 0) names_with_token_ += ';';
        names_with_token_ += name;
        if (name == token_name) {
            lines = &behind_token_;
            continue;
        }
        if (i > 0) names_ += ';';
        names_ += name;
        lines->append(name).append(":").append(value);
        if (name == date_name) lines = &behind_date_;
        *lines += '\n';
    }
}

void CanonicalForm::append_request(std::string& out, std::string_view timestamp,
                                   std::string_view token, std::string_view body) const {
    out.append(before_date_).append(timestamp).append(behind_date_);
    if (!token.empty()) {
        out.append(token_name).append(":");
        append_collapsed(out, token);
        out += '\n';
    }
    out.append(behind_token_).append("\n");
    out.append(signed_headers(!token.empty())).append("\n");
    append_hex(out, sha256(body));
}

Sigv4Signer::Sigv4Signer(std::string region, std::string service)
    : region_(std::move(region)),
      service_(std::move(service)),
      scope_("/" + region_ + "/" + service_ + "/" + std::string(terminator)) {}

Sigv4Signer::~Sigv4Signer() {
    cleanse(key_secret_);
    cleanse(text_);
}

void Sigv4Signer::sign(const CanonicalForm& form, std::string_view body,
                       const Credentials& credentials, int64_t now_ms, Headers& headers) {
    const std::string& timestamp = timestamp_of(now_ms);
    const std::string_view date = std::string_view(timestamp).substr(0, date_length);
    const std::string& token = credentials.session_token;

    text_.clear();
    form.append_request(text_, timestamp, token, body);
    const Sha256 hash = sha256(text_);
    text_ = algorithm;
    text_.append("\n").append(timestamp).append("\n").append(date).append(scope_).append("\n");
    append_hex(text_, hash);
    const Sha256 signature = key_of(date, credentials.secret_access_key).sign(text_);

    const std::string& names = form.signed_headers(!token.empty());
    std::string authorization;
    authorization.reserve(authorization_around + credentials.access_key_id.size() +
                          scope_.size() + names.size());
    authorization.append(algorithm).append(" Credential=").append(credentials.access_key_id);
    authorization.append("/").append(date).append(scope_);
    authorization.append(", SignedHeaders=").append(names).append(", Signature=");
    append_hex(authorization, signature);

    headers.emplace_back("X-Amz-Date", timestamp);
    if (!token.empty()) headers.emplace_back("X-Amz-Security-Token", token);
    headers.emplace_back("Authorization", std::move(authorization));
}

const std::string& Sigv4Signer::timestamp_of(int64_t now_ms) {
    const int64_t second = now_ms / 1000;
    if (second != second_) {
        second_ = second;
        timestamp_ = basic_timestamp(now_ms);
    }
    return timestamp_;
}

const Hmac& Sigv4Signer::key_of(std::string_view date, const std::string& secret) {
    if (!key_ || date != key_date_ || secret != key_secret_) {
        key_ = derive_signing_key(secret, date, region_, service_);
        key_date_ = date;
        cleanse(key_secret_);
        key_secret_ = secret;
    }
    return *key_;
}

}  // namespace momento::aws
