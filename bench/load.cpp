// Plays Momento under load: fresh, distinct, signed webhooks over kept-alive connections, at
// a constant rate or as fast as they are answered.
//
// Usage: load PORT [--rate=R] [--seconds=S] [--count=N] [--connections=C] [--size=BYTES]
//             [--secret=S]
//
// Ends after that many seconds, or that many webhooks. Open loop: at a constant rate latency
// counts from the moment a webhook was due, whether or not a connection was free for it.
// Without a rate each connection sends its next webhook when the last one is answered, and
// latency counts from there. Prints one JSON object. "void" means that the generator itself was
// the limit: nothing can be said about the peer.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "ingest/signature.h"
#include "message.h"

namespace momento {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

struct Options {
    uint16_t port = 0;
    double rate = 0;  // webhooks a second; 0: as fast as they are answered
    double seconds = 5;
    size_t count = SIZE_MAX;
    size_t connections = 32;
    size_t size = 400;
    std::string secret = "1234567890";
};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "load: %s\n", what.c_str());
    std::exit(2);
}

// Webhooks made ahead, while there is nothing else to do.
class Webhooks {
  public:
    explicit Webhooks(const Options& options)
        : size_(options.size), signer_(std::move(*Signer::create(options.secret))) {}

    bool is_full() const { return ready_.size() * (size_ + head_size) > most_ahead; }

    // A handful at a time: they are signed together.
    void make_some() {
        std::array<std::string, 16> bodies;
        std::array<SignRequest, 16> requests;
        for (size_t i = 0; i < bodies.size(); ++i) {
            bodies[i] = make_body();
            requests[i] = {&signer_, bodies[i]};
        }
        sign_all(requests.data(), requests.size());
        for (size_t i = 0; i < bodies.size(); ++i) {
            std::string text =
                "POST /momento HTTP/1.1\r\nHost: localhost\r\n"
                "User-Agent: Momento/1.0 (Webhooks; +https://docs.momentohq.com/topics/"
                "webhooks)\r\nContent-Type: application/json\r\nMomento-Signature: " +
                format_signature(requests[i].mac) +
                "\r\nContent-Length: " + std::to_string(bodies[i].size()) + "\r\n\r\n" +
                bodies[i];
            ready_.push_back({Clock::now(), std::move(text)});
        }
    }

    std::string take() {
        while (!ready_.empty() && Clock::now() - ready_.front().made > freshest) {
            ready_.pop_front();
        }
        if (ready_.empty()) make_some();
        std::string text = std::move(ready_.front().text);
        ready_.pop_front();
        return text;
    }

  private:
    static constexpr size_t head_size = 300;
    static constexpr size_t most_ahead = 64 << 20;       // bytes
    static constexpr std::chrono::seconds freshest{20};  // older ones are not sent

    struct Ready {
        Clock::time_point made;
        std::string text;
    };

    std::string make_body() {
        const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now().time_since_epoch());
        const std::string ms = std::to_string(now.count());
        std::string body = R"({"cache":"chat","topic":"room-281","event_timestamp":)" + ms +
                           R"(,"publish_timestamp":)" + ms + R"(,"topic_sequence_number":)" +
                           std::to_string(++sequence_) +
                           R"(,"token_id":"mo-the-squirrel","text":")";
        const size_t used = body.size() + 2;
        if (used < size_) body.append(size_ - used, 'x');
        return body += "\"}";
    }

    const size_t size_;
    const Signer signer_;
    std::deque<Ready> ready_;
    uint64_t sequence_ = 0;
};

class Load {
  public:
    explicit Load(const Options& options)
        : options_(options), webhooks_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
        prctl(PR_SET_TIMERSLACK, 1);  // ns; the default makes bursts of a constant rate
        latencies_.reserve(4 << 20);
        connections_.resize(options.connections);
        for (size_t i = 0; i < connections_.size(); ++i) open(i);
    }

    void run() {
        while (!webhooks_.is_full()) webhooks_.make_some();
        const double cpu_before = cpu_seconds();
        start_ = Clock::now();
        end_ = start_ + std::chrono::duration_cast<nanoseconds>(
                            std::chrono::duration<double>(options_.seconds));
        while (!is_over() || (busy_ > 0 && Clock::now() < end_ + grace)) turn();
        const double elapsed = since_start();
        report(elapsed, (cpu_seconds() - cpu_before) / elapsed);
    }

  private:
    static constexpr std::chrono::seconds grace{5};

    struct Connection {
        int fd = -1;
        bool busy = false;
        Clock::time_point due;
        std::string received;
    };

    void open(size_t index) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(options_.port);
        if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
            fail(std::string("cannot connect: ") + std::strerror(errno));
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = index;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
        connections_[index].fd = fd;
        free_.push_back(index);
    }

    bool is_over() const { return Clock::now() >= end_ || sent_ == options_.count; }

    double since_start() const {
        return std::chrono::duration<double>(Clock::now() - start_).count();
    }

    static double cpu_seconds() {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    }

    // When the next webhook is due.
    Clock::time_point next_due() const {
        if (options_.rate == 0) return Clock::now();
        const std::chrono::duration<double> offset(static_cast<double>(sent_) / options_.rate);
        return start_ + std::chrono::duration_cast<nanoseconds>(offset);
    }

    void turn() {
        for (;;) {
            const Clock::time_point due = next_due();
            if (free_.empty() || due > Clock::now() || due >= end_ || is_over()) break;
            send_one(due);
        }
        std::array<epoll_event, 64> events;
        const timespec pause = pause_before_next();
        const int ready = epoll_pwait2(epoll_, events.data(), events.size(), &pause, nullptr);
        for (int i = 0; i < ready; ++i) receive(events[static_cast<size_t>(i)].data.u64);
        if (ready == 0 && !webhooks_.is_full()) webhooks_.make_some();
    }

    timespec pause_before_next() const {
        nanoseconds pause = std::chrono::milliseconds(10);
        if (options_.rate > 0 && !free_.empty()) {
            pause = std::clamp<nanoseconds>(next_due() - Clock::now(), nanoseconds(0), pause);
        }
        return {0, pause.count()};
    }

    void send_one(Clock::time_point due) {
        Connection& connection = connections_[free_.back()];
        free_.pop_back();
        const std::string text = webhooks_.take();
        connection.due = options_.rate == 0 ? Clock::now() : due;
        connection.busy = true;
        ++busy_;
        ++sent_;
        if (send(connection.fd, text.data(), text.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(text.size())) {
            fail("a connection was closed, or takes less than a webhook");
        }
    }

    void receive(size_t index) {
        Connection& connection = connections_[index];
        const ssize_t got = recv(connection.fd, block_.data(), block_.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {  // the peer ends connections now and then, as it may
            if (connection.busy) --busy_;
            errors_ += connection.busy ? 1 : 0;
            close(connection.fd);
            free_.erase(std::remove(free_.begin(), free_.end(), index), free_.end());
            connection = {};
            open(index);
            return;
        }
        connection.received.append(block_.data(), static_cast<size_t>(got));
        const Message answer = find_message(connection.received);
        if (answer.head.empty()) return;
        const bool is_success = answer.head.substr(8, 4) == " 200";
        ++(is_success ? accepted_ : refused_);
        latencies_.push_back(
            std::chrono::duration<float, std::micro>(Clock::now() - connection.due).count());
        connection.received.clear();
        connection.busy = false;
        --busy_;
        free_.push_back(index);
    }

    float percentile(double share) {
        if (latencies_.empty()) return 0;
        const auto place = static_cast<size_t>(share * static_cast<double>(latencies_.size()));
        return latencies_[std::min(place, latencies_.size() - 1)];
    }

    void report(double elapsed, double cpu) {
        std::sort(latencies_.begin(), latencies_.end());
        const double rate =
            static_cast<double>(accepted_) / std::min(options_.seconds, elapsed);
        // A due webhook that was never sent: nobody knows how long it would have waited.
        const double due =
            std::min(options_.rate * options_.seconds, static_cast<double>(options_.count));
        const bool is_late = options_.rate > 0 && static_cast<double>(sent_) < 0.99 * due;
        std::printf(
            "{\"accepted\":%zu,\"refused\":%zu,\"errors\":%zu,\"seconds\":%.3f,\"rate\":%.0f,"
            "\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,\"generator_cpu\":%.2f,"
            "\"late\":%s,\"void\":%s}\n",
            accepted_, refused_, errors_, elapsed, rate, percentile(0.5), percentile(0.99),
            percentile(0.999), cpu, is_late ? "true" : "false", cpu > 0.9 ? "true" : "false");
    }

    const Options options_;
    Webhooks webhooks_;
    const int epoll_;
    std::vector<Connection> connections_;
    std::vector<size_t> free_;
    std::vector<float> latencies_;  // us
    std::array<char, 16'384> block_;
    Clock::time_point start_;
    Clock::time_point end_;
    size_t sent_ = 0;
    size_t busy_ = 0;
    size_t accepted_ = 0;
    size_t refused_ = 0;
    size_t errors_ = 0;
};

Options read_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const size_t equals = argument.find('=');
        const std::string name = argument.substr(0, equals);
        const char* value = equals == std::string::npos ? "" : argv[i] + equals + 1;
        if (name == "--rate") {
            options.rate = std::atof(value);
        } else if (name == "--seconds") {
            options.seconds = std::atof(value);
        } else if (name == "--count") {
            options.count = static_cast<size_t>(std::atol(value));
        } else if (name == "--connections") {
            options.connections = static_cast<size_t>(std::atol(value));
        } else if (name == "--size") {
            options.size = static_cast<size_t>(std::atol(value));
        } else if (name == "--secret") {
            options.secret = value;
        } else if (name[0] != '-') {
            options.port = static_cast<uint16_t>(std::atoi(argv[i]));
        } else {
            fail("unknown option \"" + name + '"');
        }
    }
    if (options.port == 0 || options.connections == 0 || options.secret.empty()) {
        fail(
            "usage: load PORT [--rate=R] [--seconds=S] [--count=N] [--connections=C] "
            "[--size=BYTES] [--secret=S]");
    }
    return options;
}

}  // namespace
}  // namespace momento

int main(int argc, char** argv) {
    const auto load = std::make_unique<momento::Load>(momento::read_options(argc, argv));
    load->run();
}
