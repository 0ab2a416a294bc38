// A bus that takes everything: answers PutEvents as EventBridge would, at once or after some
// time, and counts. One thread; more than 200,000 entries a second in full batches.
//
// Usage: sink PORT [DELAY_MS [REFUSED]]
//
// Entries whose text holds REFUSED fail, as if for a moment, and always do. GET answers
// {"requests":n,"entries":n,"refused":n}: entries are those that were taken.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <simdjson.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "message.h"

namespace momento {
namespace {

using Clock = std::chrono::steady_clock;

class Sink {
  public:
    Sink(uint16_t port, std::chrono::milliseconds delay, std::string refused)
        : delay_(delay),
          refused_text_(std::move(refused)),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          listener_(listen_on(port)) {
        watch(listener_);
    }

    [[noreturn]] void run() {
        for (;;) {
            std::array<epoll_event, 64> events;
            const int ready = epoll_wait(epoll_, events.data(), events.size(), wait_ms());
            for (int i = 0; i < ready; ++i) {
                const int fd = events[static_cast<size_t>(i)].data.fd;
                fd == listener_ ? accept_one() : receive(fd);
            }
            while (!later_.empty() && later_.front().due <= Clock::now()) {
                send_all(later_.front().fd, later_.front().answer);
                later_.pop_front();
            }
        }
    }

  private:
    struct Later {
        Clock::time_point due;
        int fd;
        std::string answer;
    };

    static int listen_on(uint16_t port) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
            listen(fd, 1024) != 0) {
            std::perror("sink");
            std::exit(2);
        }
        return fd;
    }

    void watch(int fd) const {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    int wait_ms() const {
        if (later_.empty()) return -1;
        const auto left = later_.front().due - Clock::now();
        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
        return static_cast<int>(std::max<int64_t>(ms, 0));
    }

    void accept_one() {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd == -1) return;
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        watch(fd);
    }

    void receive(int fd) {
        const ssize_t got = recv(fd, block_.data(), block_.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            for (Later& each : later_) {
                if (each.fd == fd) each.fd = -1;  // the number may be another's soon
            }
            received_.erase(fd);
            close(fd);
            return;
        }
        std::string& received = received_[fd];
        received.append(block_.data(), static_cast<size_t>(got));
        for (;;) {
            const Message message = find_message(received);
            if (message.head.empty()) return;
            answer(fd, message);
            received.erase(0, message.size());
        }
    }

    void answer(int fd, const Message& message) {
        if (message.head.substr(0, 4) == "GET ") {
            send_all(fd, make_answer("{\"requests\":" + std::to_string(requests_) +
                                     ",\"entries\":" + std::to_string(entries_) +
                                     ",\"refused\":" + std::to_string(refused_) + '}'));
            return;
        }
        std::string text = put_events(message.body);
        if (delay_.count() == 0) {
            send_all(fd, text);
        } else {
            later_.push_back({Clock::now() + delay_, fd, std::move(text)});
        }
    }

    std::string put_events(std::string_view body) {
        simdjson::dom::array entries;
        if (parser_.parse(body.data(), body.size())["Entries"].get(entries) !=
            simdjson::SUCCESS) {
            return make_answer(R"({"__type":"ValidationException"})", "400 Bad Request");
        }
        ++requests_;
        size_t failed = 0;
        std::string results;
        for (const simdjson::dom::element entry : entries) {
            if (!results.empty()) results += ',';
            if (is_refused(entry)) {
                ++failed;
                results += R"({"ErrorCode":"InternalFailure","ErrorMessage":"Always."})";
                continue;
            }
            std::array<char, 64> result;
            const int size = std::snprintf(result.data(), result.size(),
                                           R"({"EventId":"00000000-0000-4000-8000-%012llx"})",
                                           static_cast<unsigned long long>(++entries_));
            results.append(result.data(), static_cast<size_t>(size));
        }
        refused_ += failed;
        return make_answer("{\"FailedEntryCount\":" + std::to_string(failed) +
                           ",\"Entries\":[" + results + "]}");
    }

    bool is_refused(const simdjson::dom::element& entry) const {
        if (refused_text_.empty()) return false;
        std::string_view detail;
        return entry["Detail"].get(detail) == simdjson::SUCCESS &&
               detail.find(refused_text_) != std::string_view::npos;
    }

    static std::string make_answer(const std::string& json, const char* status = "200 OK") {
        return std::string("HTTP/1.1 ") + status +
               "\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: " +
               std::to_string(json.size()) + "\r\n\r\n" + json;
    }

    // Answers are small: what a socket does not take at once is a peer that does not read.
    static void send_all(int fd, const std::string& text) {
        if (fd != -1) static_cast<void>(send(fd, text.data(), text.size(), MSG_NOSIGNAL));
    }

    const std::chrono::milliseconds delay_;
    const std::string refused_text_;
    const int epoll_;
    const int listener_;
    std::map<int, std::string> received_;
    std::deque<Later> later_;  // all wait equally long
    simdjson::dom::parser parser_;
    std::array<char, 262'144> block_;
    uint64_t requests_ = 0;
    uint64_t entries_ = 0;
    uint64_t refused_ = 0;
};

}  // namespace
}  // namespace momento

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: sink PORT [DELAY_MS [REFUSED]]\n", stderr);
        return 2;
    }
    const auto port = static_cast<uint16_t>(std::atoi(argv[1]));
    const std::chrono::milliseconds delay(argc > 2 ? std::atoi(argv[2]) : 0);
    const auto sink = std::make_unique<momento::Sink>(port, delay, argc > 3 ? argv[3] : "");
    sink->run();
}
