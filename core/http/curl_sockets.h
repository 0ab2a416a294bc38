// What a libcurl multi handle waits for, in an epoll set: its sockets, its timer, and one
// descriptor of the caller's. Each event reaches the one transfer that it is for, where
// curl_multi_perform() would look at every socket of every transfer, each time.
//
// Belongs to the thread of the multi handle. Destroyed after it: it takes leave.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <unordered_map>

#include "base/descriptor.h"

namespace momento {

class CurlSockets {
  public:
    // Throws std::bad_alloc if the system has no descriptor left.
    CurlSockets();
    CurlSockets(const CurlSockets&) = delete;
    CurlSockets& operator=(const CurlSockets&) = delete;

    // Takes over the multi handle's socket and timer callbacks.
    void attach(CURLM* multi);

    // A descriptor that ends wait() as long as it can be read. Throws std::bad_alloc.
    void add(int descriptor);

    // Lets libcurl do what it has put off until now: what was added to the multi handle
    // begins with this.
    void act_on_timer();

    // Waits for the first event or timer, at most `timeout_ms`, and lets libcurl act on it.
    // True if the descriptor that was added can be read.
    bool wait(int64_t timeout_ms);

  private:
    static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
    static int on_timer(CURLM*, long timeout_ms, void* self);

    bool watch(int socket, uint32_t events);
    int bounded_wait_ms(int64_t timeout_ms) const;

    Descriptor epoll_;
    CURLM* multi_ = nullptr;
    int own_ = -1;
    int64_t due_us_;  // of libcurl's timer

    // The sockets in the set, and what libcurl wants to hear of each. Between two requests
    // on a kept connection that is nothing: it stays in the set, where a new request finds
    // it, until it has something to say.
    std::unordered_map<int, uint32_t> wanted_;
};

}  // namespace momento
