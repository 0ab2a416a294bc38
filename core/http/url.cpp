#include "http/url.h"

#include <arpa/inet.h>

#include <charconv>

#include "base/ascii.h"

namespace momento {
namespace {

constexpr int http_port = 80;
constexpr int https_port = 443;

int own_port(const std::string& scheme) {
    return scheme == "https" ? https_port : http_port;
}

Error refusal(std::string_view text, const char* why) {
    return {"\"" + std::string(text) + "\" is not an http or https URL: " + why};
}

bool is_name(std::string_view host) {
    for (char c : host) {
        bool fits = is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
        if (!fits) return false;
    }
    return !host.empty();
}

bool is_bracketed_ipv6(const std::string& host) {
    in6_addr address;
    return host.size() > 2 && host.front() == '[' && host.back() == ']' &&
           inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address) == 1;
}

// Splits "host:port", "[v6]:port"; an absent port leaves `port` as it is.
bool parse_authority(std::string_view authority, std::string& host, int& port) {
    size_t bracket = authority.find(']');
    size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
    host = lower_case(authority.substr(0, colon));
    if (!is_name(host) && !is_bracketed_ipv6(host)) return false;
    if (colon == authority.npos) return true;

    std::string_view digits = authority.substr(colon + 1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc() && end == digits.data() + digits.size() && port > 0 &&
           port <= 65'535;
}

bool is_printable(std::string_view text) {
    for (char c : text) {
        if (c <= ' ' || c > '~') return false;
    }
    return true;
}

}  // namespace

std::string Url::authority() const {
    return port == own_port(scheme) ? host : host + ':' + std::to_string(port);
}

std::string Url::text() const {
    return origin() + path + (query.empty() ? "" : '?' + query);
}

Result<Url> parse_url(std::string_view text) {
    Url url;
    size_t colon = text.find("://");
    url.scheme = lower_case(text.substr(0, colon));
    if (colon == text.npos || (url.scheme != "http" && url.scheme != "https")) {
        return refusal(text, "it must begin with \"http://\" or \"https://\"");
    }
    if (!is_printable(text)) return refusal(text, "percent-encode blanks and other characters");
    if (text.find('#') != text.npos) return refusal(text, "remove the part behind \"#\"");

    std::string_view rest = text.substr(colon + 3);
    std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    rest.remove_prefix(authority.size());
    if (authority.find('@') != authority.npos) {
        return refusal(text.substr(text.find('@') + 1), "remove the user name before it");
    }
    url.port = own_port(url.scheme);
    if (!parse_authority(authority, url.host, url.port)) {
        return refusal(text, "its host or port is malformed");
    }

    size_t question = rest.find('?');
    url.path = rest.substr(0, question);
    if (url.path.empty()) url.path = "/";
    if (question != rest.npos) url.query = rest.substr(question + 1);
    return url;
}

Status check_proxy_url(std::string_view text) {
    std::string bare(text);
    size_t colon = bare.find("://");
    size_t at = bare.rfind('@');
    if (at != bare.npos) {
        // Everything before the last '@', so that a password with one is not quoted either.
        size_t user = colon < at ? colon + 3 : 0;
        bare.erase(user, at + 1 - user);
    }
    Result<Url> url = parse_url(bare);
    if (!url) return url.error();
    if (url->path != "/" || !url->query.empty()) {
        return Error{"\"" + bare + "\" is not a proxy: remove the path behind its host"};
    }
    return {};
}

void append_percent_encoded(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    for (char c : text) {
        if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
}

}  // namespace momento
