#include "http/easy_handles.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

// CURLOPT_QUICK_EXIT: without it a transfer that ends while its name is being resolved
// waits for the resolver.
static_assert(LIBCURL_VERSION_NUM >= 0x075700, "libcurl 7.87 or later is needed");

namespace momento {

namespace {

// An idle connection older than this is not used again: servers drop idle ones early, and
// a request that meets such a close has an unknown outcome.
constexpr long max_idle_s = 20;
// Afterwards a new connection, so that changes in DNS are followed under steady load.
constexpr long max_lifetime_s = 300;

}  // namespace

RequestKind::RequestKind(const HttpRequest& request)
    : method(request.method),
      url(request.url),
      proxy(request.proxy),
      trusted_certificate(request.trusted_certificate),
      connect_timeout_ms(request.connect_timeout_ms),
      total_timeout_ms(request.total_timeout_ms) {}

bool RequestKind::fits(const HttpRequest& request) const {
    return method == request.method && url == request.url && proxy == request.proxy &&
           trusted_certificate == request.trusted_certificate &&
           connect_timeout_ms == request.connect_timeout_ms &&
           total_timeout_ms == request.total_timeout_ms;
}

bool is_get(const HttpRequest& request) {
    return request.method == "GET" && request.body.empty();
}

EasyHandles::EasyHandles(CURLSH* share, curl_prereq_callback begin, curl_write_callback write)
    : share_(share), begin_(begin), write_(write) {}

CURLcode EasyHandles::take(const HttpRequest& request, EasyHandle& handle) {
    handle = find_or_make(request);
    if (handle.kind) return CURLE_OK;
    const CURLcode code = configure(handle.get(), request);
    if (code == CURLE_OK) handle.kind.emplace(request);
    return code;
}

// The last one that was told the same, or else any.
EasyHandle EasyHandles::find_or_make(const HttpRequest& request) {
    const auto like_this =
        std::find_if(idle_.rbegin(), idle_.rend(),
                     [&](const EasyHandle& idle) { return idle.kind->fits(request); });
    EasyHandle handle;
    if (like_this != idle_.rend()) {
        handle = std::move(*like_this);
        idle_.erase(std::next(like_this).base());
    } else if (!idle_.empty()) {
        handle.easy = std::move(idle_.front().easy);
        idle_.pop_front();
        curl_easy_reset(handle.get());  // keeps the share
    } else {
        handle.easy.reset(curl_easy_init());
        if (!handle.easy) throw std::bad_alloc();
        curl_easy_setopt(handle.get(), CURLOPT_SHARE, share_);
    }
    return handle;
}

CURLcode EasyHandles::configure(CURL* easy, const HttpRequest& request) const {
    CURLcode code = CURLE_OK;
    auto set = [&](CURLoption option, auto value) {
        if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value);
    };
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));

    if (is_get(request)) {
        set(CURLOPT_HTTPGET, 1L);
    } else {
        set(CURLOPT_POST, 1L);
        set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    set(CURLOPT_PREREQFUNCTION, begin_);
    set(CURLOPT_WRITEFUNCTION, write_);

    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_ms));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout_ms));
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_MAXAGE_CONN, max_idle_s);
    set(CURLOPT_MAXLIFETIME_CONN, max_lifetime_s);

    // Empty strings, not nullptr: these keep libcurl from asking the environment.
    set(CURLOPT_PROXY, request.proxy.c_str());
    set(CURLOPT_NOPROXY, "");
    // A tunnelling proxy must not see our headers, credentials among them.
    set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!request.trusted_certificate.empty()) {
        set(CURLOPT_CAINFO, request.trusted_certificate.c_str());
        set(CURLOPT_CAPATH, static_cast<char*>(nullptr));  // nobody else is trusted
    }
    return code;
}

}  // namespace momento
