#include "http/environment_proxy.h"

#include <algorithm>

#include "base/ascii.h"

namespace momento {
namespace {

bool is_or_is_below(std::string_view host, std::string_view name) {
    if (host.size() < name.size() || host.substr(host.size() - name.size()) != name) {
        return false;
    }
    return host.size() == name.size() || host[host.size() - name.size() - 1] == '.';
}

}  // namespace

bool is_without_proxy(const Url& url, std::string_view no_proxy) {
    if (no_proxy == "*") return true;
    while (!no_proxy.empty()) {
        const size_t comma = std::min(no_proxy.find(','), no_proxy.size());
        std::string name = lower_case(trim(no_proxy.substr(0, comma)));
        no_proxy.remove_prefix(std::min(comma + 1, no_proxy.size()));
        name.erase(0, std::min(name.find_first_not_of('.'), name.size()));
        if (name.empty()) continue;
        if (is_or_is_below(url.host, name) || is_or_is_below(url.authority(), name))
            return true;
    }
    return false;
}

std::string with_scheme(std::string_view proxy) {
    const bool has_scheme = proxy.find("://") != proxy.npos;
    if (has_scheme) return std::string(proxy);
    return (proxy.substr(0, 2) == "//" ? "http:" : "http://") + std::string(proxy);
}

}  // namespace momento
