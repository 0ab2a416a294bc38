#include "http/request_head.h"

#include <array>
#include <cstdint>
#include <memory>

#include "base/base64.h"
#include "http/curl_handles.h"

namespace momento {
namespace {

enum : uint8_t { in_token = 1, in_value = 2 };

// By character. Tables, because each byte of each request's headers is looked up here.
constexpr std::array<uint8_t, 256> make_kinds() {
    std::array<uint8_t, 256> kinds{};
    for (size_t c = 0; c < kinds.size(); ++c) {
        const bool is_control = (c < ' ' && c != '\t') || c == 0x7f;
        kinds[c] = is_control ? 0 : in_value;
    }
    for (char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
        kinds[static_cast<unsigned char>(c)] |= in_token;
    }
    return kinds;
}

constexpr std::array<uint8_t, 256> kinds = make_kinds();

bool consists_of(uint8_t kind, std::string_view text) {
    uint8_t common = kind;  // not returned early: most texts are all right
    for (unsigned char c : text) common &= kinds[c];
    return common != 0;
}

std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, CURLU_URLDECODE) != CURLUE_OK) return {};
    const std::unique_ptr<char, CurlCleanup<curl_free>> owned(text);
    return text;
}

// RFC 7617. Nothing if the proxy's URL names no user.
std::string basic_credentials(const std::string& proxy) {
    const std::unique_ptr<CURLU, CurlCleanup<curl_url_cleanup>> url(curl_url());
    if (!url || curl_url_set(url.get(), CURLUPART_URL, proxy.c_str(), 0) != CURLUE_OK)
        return {};
    const std::string user = part_of(url.get(), CURLUPART_USER);
    if (user.empty()) return {};
    return base64(user + ':' + part_of(url.get(), CURLUPART_PASSWORD));
}

}  // namespace

bool is_token(std::string_view text) {
    return !text.empty() && consists_of(in_token, text);
}

bool is_value(std::string_view text) {
    return consists_of(in_value, text);
}

Status check_request(const HttpRequest& request) {
    if (!is_token(request.method)) {
        return Error{"\"" + request.method + "\" is not an HTTP method"};
    }
    for (const auto& [name, value] : request.headers) {
        if (!is_token(name)) return Error{"a header's name is malformed"};
        if (!is_value(value)) {
            return Error{"the value of header \"" + name + "\" holds a control character"};
        }
    }
    return {};
}

std::string request_head(const HttpRequest& request, const Url& url, bool through_proxy) {
    const std::string authority = url.authority();
    size_t size =
        128 + request.method.size() + url.path.size() + url.query.size() + 2 * authority.size();
    for (const auto& [name, value] : request.headers) size += name.size() + value.size() + 4;
    std::string head;
    head.reserve(size);

    head.append(request.method).append(" ");
    if (through_proxy) head.append(url.origin());
    head.append(url.path);
    if (!url.query.empty()) head.append("?").append(url.query);
    head.append(" HTTP/1.1\r\nHost: ").append(authority).append("\r\n");
    if (through_proxy) {
        const std::string credentials = basic_credentials(request.proxy);
        if (!credentials.empty()) {
            head.append("Proxy-Authorization: Basic ").append(credentials).append("\r\n");
        }
    }
    for (const auto& [name, value] : request.headers) {
        const bool is_blank = value.find_first_not_of(" \t") == value.npos;
        head.append(name).append(is_blank ? ":" : ": ");
        head.append(is_blank ? std::string_view() : std::string_view(value)).append("\r\n");
    }
    const bool has_body = request.method != "GET" || !request.body.empty();
    if (has_body) {
        head.append("Content-Length: ").append(std::to_string(request.body.size()));
        head.append("\r\n");
    }
    return head.append("\r\n");
}

}  // namespace momento
