#include "http/header_lines.h"

#include <algorithm>

#include "base/ascii.h"

namespace momento {

namespace {

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    for (char c : text) {
        bool fits = is_alphanumeric(c) || marks.find(c) != marks.npos;
        if (!fits) return false;
    }
    return !text.empty();
}

bool has_control_character(std::string_view text) {
    bool found = false;  // not returned early: so compilers look at many bytes at once
    for (unsigned char c : text) found |= (c < ' ' && c != '\t') || c == 0x7f;
    return found;
}

}  // namespace

Status check_request(const HttpRequest& request) {
    if (!is_token(request.method)) {
        return Error{"\"" + request.method + "\" is not an HTTP method"};
    }
    for (const auto& [name, value] : request.headers) {
        if (!is_token(name)) return Error{"a header's name is malformed"};
        if (has_control_character(value)) {
            return Error{"the value of header \"" + name + "\" holds a control character"};
        }
    }
    return {};
}

HeaderLines::HeaderLines(const HttpRequest& request) {
    // "Expect" would cost up to a second on large bodies; the others nobody asked for.
    for (std::string_view own : {"accept", "content-type", "expect"}) {
        const bool given =
            std::any_of(request.headers.begin(), request.headers.end(),
                        [&](const auto& h) { return equals_ignoring_case(h.first, own); });
        if (!given) append(own, ":", "");
    }
    for (const auto& [name, value] : request.headers) {
        const bool blank = value.find_first_not_of(" \t") == value.npos;
        append(name, blank ? ";" : ": ", blank ? "" : std::string_view(value));
    }
    nodes_.resize(offsets_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
        nodes_[i].data = text_.data() + offsets_[i];
        nodes_[i].next = i + 1 < nodes_.size() ? &nodes_[i + 1] : nullptr;
    }
}

void HeaderLines::append(std::string_view name, std::string_view mark, std::string_view value) {
    offsets_.push_back(text_.size());
    text_.append(name).append(mark).append(value).push_back('\0');
}

}  // namespace momento
