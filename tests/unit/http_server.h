// A server for one test: real sockets on 127.0.0.1, one thread a connection, scripted by
// the test. It speaks just enough HTTP/1.1 to watch a client closely.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/ascii.h"

namespace momento {

struct ReceivedRequest {
    std::string head;  // request line and headers, with the empty line
    std::string body;

    std::string line() const { return head.substr(0, head.find("\r\n")); }

    // Exact match of one header line, the name in any case.
    bool has_header(const std::string& name) const {
        return lower_case(head).find("\r\n" + lower_case(name) + ":") != std::string::npos;
    }
    bool has_line(const std::string& line) const {
        return head.find("\r\n" + line + "\r\n") != std::string::npos;
    }
};

class ServerConnection {
  public:
    ServerConnection(int fd, SSL_CTX* tls) : fd_(fd), tls_(tls ? SSL_new(tls) : nullptr) {
        if (tls_) SSL_set_fd(tls_, fd_);
    }
    ~ServerConnection() { SSL_free(tls_); }

    bool handshake() { return !tls_ || SSL_accept(tls_) == 1; }

    // False at the end of the connection.
    bool read_request(ReceivedRequest& request) {
        size_t end;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
            if (!fill()) return false;
        }
        request.head = buffer_.substr(0, end + 4);
        buffer_.erase(0, end + 4);
        size_t length = 0;
        std::string lower = lower_case(request.head);
        size_t at = lower.find("\r\ncontent-length:");
        if (at != std::string::npos) length = std::stoul(lower.substr(at + 17));
        while (buffer_.size() < length) {
            if (!fill()) return false;
        }
        request.body = buffer_.substr(0, length);
        buffer_.erase(0, length);
        return true;
    }

    // At least a byte.
    bool read_some() { return fill(); }

    bool send(const std::string& data) {
        if (tls_) return SSL_write(tls_, data.data(), static_cast<int>(data.size())) > 0;
        for (size_t sent = 0; sent < data.size();) {
            ssize_t n = ::send(fd_, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) return false;
            sent += static_cast<size_t>(n);
        }
        return true;
    }

    bool answer(const std::string& body, const std::string& status = "200 OK",
                const std::string& headers = "") {
        return send("HTTP/1.1 " + status + "\r\n" + headers +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }

    // In one packet with the connection's end.
    void answer_and_end(const std::string& body) {
        const int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
        answer(body);
        shutdown(fd_, SHUT_WR);
    }

    // The connection's end will be a reset.
    void reset() {
        linger hard = {1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }

  private:
    bool fill() {
        char data[65536];
        ssize_t n = tls_ ? SSL_read(tls_, data, sizeof data) : recv(fd_, data, sizeof data, 0);
        if (n <= 0) return false;
        buffer_.append(data, static_cast<size_t>(n));
        return true;
    }

    int fd_;
    SSL* tls_;
    std::string buffer_;
};

class HttpServer {
  public:
    using Script = std::function<void(ServerConnection&)>;

    explicit HttpServer(Script script, SSL_CTX* tls = nullptr)
        : script_(std::move(script)), tls_(tls), listener_(listen_on_loopback(port_)) {
        signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
        acceptor_ = std::thread([this] { accept_all(); });
    }

    ~HttpServer() {
        shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        {
            std::lock_guard lock(mutex_);
            for (int fd : open_) shutdown(fd, SHUT_RDWR);
        }
        for (auto& thread : threads_) thread.join();
        close(listener_);
    }

    int port() const { return port_; }
    int connections() const { return connections_; }
    void wait_until_closed(int connections) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return closed_ >= connections; });
    }
    std::string url(const std::string& path = "/") const {
        return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) +
               path;
    }

    // Answers every request of every connection the same way.
    static Script always(std::function<void(ServerConnection&, const ReceivedRequest&)> reply) {
        return [reply](ServerConnection& connection) {
            ReceivedRequest request;
            while (connection.read_request(request)) reply(connection, request);
        };
    }

    static int listen_on_loopback(int& port) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (fd < 0 || bind(fd, generic, size) != 0 || listen(fd, 64) != 0 ||
            getsockname(fd, generic, &size) != 0) {
            throw std::runtime_error("cannot listen on 127.0.0.1");
        }
        port = ntohs(address.sin_port);
        return fd;
    }

  private:
    void accept_all() {
        int fd;
        while ((fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
            ++connections_;
            std::lock_guard lock(mutex_);
            open_.push_back(fd);
            threads_.emplace_back([this, fd] {
                {
                    ServerConnection connection(fd, tls_);
                    if (connection.handshake()) script_(connection);
                }
                std::lock_guard closing(mutex_);
                for (int& open : open_) {
                    if (open == fd) open = -1;
                }
                close(fd);
                ++closed_;
                changed_.notify_all();
            });
        }
    }

    Script script_;
    SSL_CTX* tls_;
    int port_ = 0;
    int listener_;
    std::atomic<int> connections_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    int closed_ = 0;
    std::vector<int> open_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace momento
