#include "momento/api_key.h"

#include <utility>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/cleanse.h"
#include "base/json.h"
#include "http/url.h"

namespace momento {
namespace {

// "Regions", Momento documentation: the HTTP API of an endpoint.
constexpr char endpoint_prefix[] = "https://api.cache.";

Error refusal(const char* why) {
    return Error{std::string("the API key ") + why};
}

Status check_characters(std::string_view key) {
    if (key.empty()) return refusal("is empty");
    if (key.size() > max_api_key_bytes) return refusal("is longer than 16 KB");
    if (key.front() == '{' || key.front() == '[') {
        return refusal("is JSON: name the member that holds the key, as source#member");
    }
    for (char c : key) {
        if (c == ' ') return refusal("holds a blank: give it alone, without \"Bearer\"");
        if (c > 0 && c < ' ') return refusal("holds a control character or a line end");
        if (c <= 0 || c > '~') return refusal("holds a character that is not ASCII's");
        if (c == '"' || c == '\'') return refusal("holds a quote: give it without quotes");
    }
    const size_t equals = key.find('=');
    if (equals != key.npos && key.find_first_not_of('=', equals) != key.npos) {
        return refusal("holds \"=\" before its end: give it without a name before it");
    }
    return {};
}

// The JSON object behind base64; absent if it is none.
Json decode_object(std::string_view text) {
    std::optional<std::string> decoded = from_base64(text);
    if (!decoded) return {};
    Result<Json> json = Json::parse(*decoded);
    cleanse(*decoded);
    return json && json->is_object() ? *json : Json();
}

// The claims of a JSON Web Token (RFC 7519); absent if it is none.
Json claims_of(std::string_view token) {
    const size_t first = token.find('.');
    const size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
    if (second == token.npos || token.find('.', second + 1) != token.npos) return {};
    if (!decode_object(token.substr(0, first))) return {};
    return decode_object(token.substr(first + 1, second - first - 1));
}

std::optional<int64_t> expiry_of(const Json& claims) {
    if (auto whole = claims.get("exp").as_integer()) return whole;
    constexpr double most = 1e15;  // NumericDate may have a fraction
    auto real = claims.get("exp").as_real();
    if (!real || *real < 0 || *real > most) return std::nullopt;
    return static_cast<int64_t>(*real);
}

Result<std::string> read_endpoint(std::string_view host) {
    Result<Url> url = parse_url(endpoint_prefix + std::string(host));
    if (!url || host.find_first_of("/?") != host.npos) {
        return refusal("names an endpoint that is no host");
    }
    return url->origin();
}

Status read_v1(const Json& document, ApiKey& key) {
    auto host = document.get("endpoint").as_string();
    auto token = document.get("api_key").as_string();
    if (!host || host->empty() || !token || token->empty()) {
        return refusal("is base64 of JSON without \"endpoint\" and \"api_key\": copy it whole");
    }
    Result<std::string> endpoint = read_endpoint(*host);
    if (!endpoint) return endpoint.error();
    key.kind = ApiKey::Kind::v1;
    key.endpoint = *endpoint;
    key.expires_s = expiry_of(claims_of(*token));
    return {};
}

}  // namespace

ApiKey& ApiKey::operator=(ApiKey other) noexcept {
    std::swap(kind, other.kind);
    std::swap(text, other.text);
    std::swap(endpoint, other.endpoint);
    std::swap(expires_s, other.expires_s);
    return *this;
}

ApiKey::~ApiKey() {
    cleanse(text);
}

Result<ApiKey> parse_api_key(std::string_view source) {
    const std::string_view text = trim(source);
    if (Status characters = check_characters(text); !characters) return characters.error();
    ApiKey key;
    key.text = std::string(text);
    if (Json document = decode_object(text)) {
        if (Status v1 = read_v1(document, key); !v1) return v1.error();
    } else if (Json claims = claims_of(text)) {
        key.kind = ApiKey::Kind::v2;
        key.expires_s = expiry_of(claims);
    }
    return key;
}

}  // namespace momento
