// HTTP for the delivery thread: many requests at once, connections kept.
//
// The network comes in through this interface, so that tests can play it. All methods but
// wake() belong to one thread. A request's callback runs exactly once, from inside run(),
// never from inside start(); destroying the client drops requests without callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace momento {

struct HttpRequest {
    std::string method = "POST";  // not HEAD or CONNECT, whose answers have no body
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;  // sent as they stand
    std::string body;
    int64_t connect_timeout_ms = 3'000;
    int64_t total_timeout_ms = 10'000;
    std::string proxy;                // empty: none; the environment's is never used
    std::string trusted_certificate;  // PEM file; empty: the system's
    // Of this client, for requests with the same host, proxy, certificate, connect timeout and
    // limit. Requests beyond that wait for a free one; their timeouts begin when they start.
    int max_connections = 64;
};

struct HttpResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;  // at most max_response_bytes; a longer one fails the transfer

    // The first header of that (lower-case) name; nullptr if absent.
    const std::string* header(std::string_view name) const;
};

inline constexpr size_t max_response_bytes = 4u << 20;

struct HttpFailure {
    enum class Stage {
        before_send,  // name, connection or TLS: the server has not seen the request
        after_send,   // the server may have acted on it
        cancelled,
    };
    Stage stage = Stage::before_send;
    std::string text;  // for people; holds no credential
    // A name, certificate, proxy or protocol is wrong, or whoever answers is somebody else: it
    // stays so until a person acts.
    bool is_setup = false;
};

struct HttpResult {
    bool failed = false;
    HttpResponse response;
    HttpFailure failure;
    int64_t elapsed_us = 0;
};

class HttpClient {
  public:
    using Done = std::function<void(HttpResult)>;

    virtual ~HttpClient() = default;

    virtual void start(HttpRequest request, Done done) = 0;

    // Drives transfers and runs callbacks; waits up to `timeout_ms` for something to do.
    // Never blocks longer, whatever resolver and network do.
    virtual void run(int64_t timeout_ms) = 0;

    // Under load run() looks at the network only once in so many microseconds, so that one
    // wake-up serves many answers; 0, as at first: they are handled as they come.
    virtual void gather_answers(int64_t us) = 0;

    // Ends run() early, unless it gathers. From any thread.
    virtual void wake() = 0;

    // Ends every transfer; their callbacks run in the next run(), with Stage::cancelled.
    virtual void cancel_all() = 0;

    virtual size_t in_flight() const = 0;
};

// Connections by libcurl, HTTP/1.1 over them by this room. curl_global_init must have been
// called in this process, after the fork, and SIGPIPE must be ignored or blocked (as nginx
// does): TLS writes to connections that the other end has closed.
std::unique_ptr<HttpClient> make_http_client();

}  // namespace momento
