// Connections, opened by libcurl: names, proxies and their tunnels, TLS. What goes over them
// once they stand is their owner's (libcurl's CURLOPT_CONNECT_ONLY).
//
// Why not libcurl's own HTTP: it prints each header byte by byte and sets up each transfer
// anew, which costs more than all else that is done for a request (bench/README.md).
//
// Belongs to the client's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"
#include "http/curl_handles.h"
#include "http/poller.h"

namespace momento {

// What a connection is opened for, and how many there may be. Any request that has the same
// may go over it.
struct Route {
    std::string origin;               // "https://host:port"
    std::string proxy;                // empty: none; the environment's is never used
    std::string trusted_certificate;  // PEM file; empty: the system's
    int64_t connect_timeout_ms = 0;   // name, proxy and TLS included
    int max_connections = 1;

    // Of a request to this origin.
    bool fits(const HttpRequest& request) const;
};

class Connector;

class Connection final : private Poller::Listener {
  public:
    // Called from inside Poller::wait() and Connector::act_on_timer(). A listener may destroy
    // the connection in there.
    class Listener {
      public:
        virtual void opened() = 0;
        // To open. `is_setup`: HttpFailure's.
        virtual void failed(std::string why, bool is_setup) = 0;
        // There is room to send what was put off, or, if `readable`, something to receive.
        virtual void ready(bool readable) = 0;

      protected:
        ~Listener() = default;
    };

    enum class Io {
        done,     // some of it
        blocked,  // ready() tells when to go on
        ended,    // by the other end, in order
        broken,
    };

    ~Connection();  // closes it
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Of an open one. How many bytes it was is added to `sent`.
    Io send(std::string_view bytes, size_t& sent);
    Io receive(char* to, size_t most, size_t& received);

    // Why it is broken: for people.
    std::string trouble() const;

    // Of one that could not be opened: see HttpFailure.
    bool is_setup() const;

  private:
    friend class Connector;

    Connection(Connector& connector, Listener& listener, const Route& route);

    CURLcode configure(const Route& route, CURLSH* share);
    void complete(CURLcode code);
    void ready(int descriptor, uint32_t events) override;
    void watch(bool for_sending);
    Io outcome(CURLcode code);
    std::string remedy() const;

    Connector& connector_;
    Listener& listener_;
    const bool may_quote_error_;
    int connect_status_ = 0;  // of a proxy that was asked for a tunnel
    EasyHandle easy_;
    curl_socket_t socket_ = CURL_SOCKET_BAD;  // once it is open
    bool waits_to_send_ = false;
    CURLcode code_ = CURLE_OK;
    char error_[CURL_ERROR_SIZE] = "";
};

class Connector final : private Poller::Listener {
  public:
    // Throws std::bad_alloc.
    explicit Connector(Poller& poller);

    // Begins to open one, which must not outlive this; what comes of it `listener` hears.
    // Throws std::bad_alloc.
    Result<std::unique_ptr<Connection>> open(const Route& route,
                                             Connection::Listener& listener);

    // When act_on_timer() is to be called, in microseconds of the steady clock.
    int64_t due_us() const { return due_us_; }
    void act_on_timer();

  private:
    friend class Connection;

    static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
    static int on_timer(CURLM*, long timeout_ms, void* self);

    void ready(int descriptor, uint32_t events) override;
    void act(curl_socket_t socket, int events);

    Poller& poller_;
    int64_t due_us_;
    ShareHandle share_;  // TLS sessions; the multi handle itself shares names
    MultiHandle multi_;
};

}  // namespace momento
