// libcurl's easy handles, kept from one request to the next with what they were told.
//
// Here is every option that is the same for all requests, or for all that are like one
// another: protocol, timeouts, TLS, proxy. libcurl copies each string and checks each option
// anew, which costs more than to compare what a handle was told before. What belongs to one
// transfer (its headers, its body, where the answer goes) is told by whoever takes a handle.
//
// Belongs to the client's thread.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "http/client.h"

namespace momento {

template <auto cleanup>
struct CurlCleanup {
    template <class T>
    void operator()(T* handle) const {
        cleanup(handle);
    }
};

// Of a request, what its handle is told before anything of one transfer.
struct RequestKind {
    std::string method;
    std::string url;
    std::string proxy;
    std::string trusted_certificate;
    int64_t connect_timeout_ms;
    int64_t total_timeout_ms;

    explicit RequestKind(const HttpRequest& request);
    bool fits(const HttpRequest& request) const;
};

struct EasyHandle {
    std::unique_ptr<CURL, CurlCleanup<curl_easy_cleanup>> easy;
    std::optional<RequestKind> kind;  // what it was told; nothing yet

    CURL* get() const { return easy.get(); }
};

// Whether its handle is told to GET; else it is told to send a body, if an empty one.
bool is_get(const HttpRequest& request);

class EasyHandles {
  public:
    // The handles use `share`, which lives longer than this, and call these, with the pointers
    // that are set for each transfer.
    EasyHandles(CURLSH* share, curl_prereq_callback begin, curl_write_callback write);

    // One for this request, in `handle`: of those that were told the same the last one that
    // was used. After an error it must not be given back. Throws std::bad_alloc.
    CURLcode take(const HttpRequest& request, EasyHandle& handle);

    // Takes one back, which is in no multi handle any more.
    void keep(EasyHandle handle) { idle_.push_back(std::move(handle)); }

  private:
    EasyHandle find_or_make(const HttpRequest& request);
    CURLcode configure(CURL* easy, const HttpRequest& request) const;

    CURLSH* const share_;
    const curl_prereq_callback begin_;
    const curl_write_callback write_;
    std::deque<EasyHandle> idle_;  // the last one used last; each with a kind
};

}  // namespace momento
