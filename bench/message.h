// The little of HTTP/1.1 that the load generator and the sink speak with each other's
// peers: messages with a Content-Length on kept-alive connections.
#pragma once

#include <strings.h>

#include <cstdlib>
#include <string_view>

namespace momento {

struct Message {
    std::string_view head;  // with its blank line; empty: not there yet
    std::string_view body;
    size_t size() const { return head.size() + body.size(); }
};

// A header's value; empty if it is not there. `name` with its colon.
inline std::string_view find_field(std::string_view head, std::string_view name) {
    for (size_t line = head.find("\r\n"); line + 2 < head.size();) {
        const size_t start = line + 2;
        line = head.find("\r\n", start);
        std::string_view text = head.substr(start, line - start);
        if (text.size() < name.size() ||
            strncasecmp(text.data(), name.data(), name.size()) != 0) {
            continue;
        }
        text.remove_prefix(name.size());
        while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
        return text;
    }
    return "";
}

// The first message of what was received, once it is whole.
inline Message find_message(std::string_view received) {
    const size_t end = received.find("\r\n\r\n");
    if (end == std::string_view::npos) return {};
    const std::string_view head = received.substr(0, end + 4);
    const size_t length = std::strtoul(find_field(head, "content-length:").data(), nullptr, 10);
    if (received.size() - head.size() < length) return {};
    return {head, received.substr(head.size(), length)};
}

}  // namespace momento
