// Whole requests to an nginx with the module in it. The first byte says how the rest is
// sent: bits 0-1 as HTTP/1, as HTTP/2, or as frames that get their right length; bits 2-4 in
// how many pieces; bit 5 whether the client leaves without waiting.
//
// "@now@xxxxxxxx" becomes the time, and "@sig@xxx..." (64 bytes) the signature of what stands
// between the next brace and the last one before the next signature: of the body, if it is
// in one place. Nobody without that may be answered "Success".
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "ingest/signature.h"
#include "nginx_process.h"

using namespace momento;

namespace {

// Not as fast as it could be: every way a body can take is in it.
constexpr const char* configuration = R"(
events { worker_connections 64; }
http {
    access_log %%DIR%%/access.log;
    client_body_temp_path %%DIR%%/body;
    proxy_temp_path %%DIR%%/proxy;
    fastcgi_temp_path %%DIR%%/fastcgi;
    uwsgi_temp_path %%DIR%%/uwsgi;
    scgi_temp_path %%DIR%%/scgi;
    lingering_close off;
    client_max_body_size 64k;

    momento_spool %%DIR%%/spool size=16m segment=1m sync=os;
    momento_destination bus { file %%DIR%%/bus.json; dead_letter file size=16m; }
    momento_destination audit { file %%DIR%%/audit.json; dead_letter file size=16m; }
    momento_webhook_secret hush-1234567890;
    momento_replay_zone signatures 64k;
    map $momento_topic $destination { volatile; default bus; ~^a audit; none none; }

    server {
        listen unix:%%DIR%%/http1;
        listen unix:%%DIR%%/http2 http2;
        location = /momento { momento_webhook bus; }
        location = /bound { momento_webhook bus; momento_webhook_secret hush-1234567890 cache=c
                            topic=t; momento_webhook_secret hush-1234567890-x cache=d; }
        location = /routed { momento_webhook $destination; }
        location = /file { momento_webhook bus; client_body_in_file_only clean; }
        location = /small { momento_webhook bus; momento_webhook_max_body 100;
                            client_body_buffer_size 64; }
        location = /delivered { momento_webhook bus; momento_webhook_ack delivered; }
        location = /once { momento_webhook bus; momento_webhook_replay signatures; }
        location = /gate { momento_webhook_verify on; momento_webhook_replay signatures;
                           root /nonexistent; }
        location = /dry { momento_webhook bus; momento_webhook_dry_run on; }
        location = /page { momento_webhook bus; error_page 403 400 413 = /momento; }
        location = /any { momento_webhook bus; satisfy any; allow all; auth_basic x;
                          auth_basic_user_file /dev/null; }
        location = /status { momento_status; }
        location / { return 404; }
    }
}
)";

constexpr std::string_view now_word = "@now@xxxxxxxx";
constexpr std::string_view signature_word = "@sig@";
constexpr std::string_view success = R"({"message":"Success"})";
constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view frame_mark = "\xFE\xED";  // between frames without a length

enum class Kind { http1, http2, frames };

std::string directory;
ngx_uint_t idle_connections;  // free ones of nginx while nobody is connected

// One turn of the event loop that does not wait for anything to happen.
void turn() {
    static ngx_event_t nudge;
    nudge.handler = [](ngx_event_t*) {};
    nudge.log = ngx_cycle->log;
    ngx_post_event(&nudge, &ngx_posted_next_events);
    ngx_process_events_and_timers(const_cast<ngx_cycle_t*>(ngx_cycle));
}

void fill_in_times(std::string& text) {
    const std::string now = std::to_string(system_clock().wall_ms());
    for (size_t at = 0; (at = text.find(now_word, at)) != std::string::npos;) {
        text.replace(at, now_word.size(), now);
    }
}

// How many there were.
size_t fill_in_signatures(std::string& text) {
    static const auto signer = Signer::create(fuzz::secret);
    size_t count = 0;
    for (size_t at = 0; (at = text.find(signature_word, at)) != std::string::npos;) {
        const size_t begin = text.find('{', at);
        const size_t next = text.find(signature_word, at + 1);
        if (begin == std::string::npos || begin > next || at + signature_length > begin) {
            ++at;
            continue;
        }
        const size_t end = text.rfind('}', std::min(next, text.size()));
        std::string_view body;
        if (end > begin) body = std::string_view(text).substr(begin, end + 1 - begin);
        text.replace(at, signature_length, format_signature(signer->sign(body)));
        ++count;
    }
    return count;
}

// Puts lengths before the frames: kind, flags, stream, payload.
std::string make_frames(std::string_view rest) {
    std::string frames(preface);
    while (!rest.empty()) {
        const size_t end = rest.find(frame_mark);
        const std::string_view frame = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size()
                                                         : end + frame_mark.size());
        if (frame.size() < 6) continue;
        const size_t length = frame.size() - 6;
        frames += {static_cast<char>(length >> 16), static_cast<char>(length >> 8),
                   static_cast<char>(length)};
        frames += frame;
    }
    return frames;
}

class Client {
  public:
    explicit Client(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        fuzz::require(
            connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
            "nginx listens");
    }
    ~Client() { leave(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // False once the other side has closed.
    bool send(std::string_view data) {
        while (!data.empty()) {
            const ssize_t sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) return false;
            if (sent > 0) data.remove_prefix(static_cast<size_t>(sent));
            turn();
            receive();
        }
        return true;
    }

    void receive() {
        std::array<char, 16'384> piece;
        for (ssize_t got; (got = recv(socket_, piece.data(), piece.size(), 0)) > 0;) {
            received_.append(piece.data(), static_cast<size_t>(got));
        }
    }

    void end_sending() { shutdown(socket_, SHUT_WR); }
    void leave() {
        if (socket_ >= 0) close(socket_);
        socket_ = -1;
    }
    const std::string& received() const { return received_; }

  private:
    int socket_;
    std::string received_;
};

size_t count_accepted(std::string_view answers) {
    size_t count = 0;
    for (size_t at = 0; (at = answers.find(success, at)) != std::string_view::npos; ++at) {
        ++count;
    }
    return count;
}

// What comes out would fill the disk in half an hour.
void empty_files() {
    for (const char* name : {"/bus.json", "/audit.json", "/access.log"}) {
        fuzz::require(truncate((directory + name).c_str(), 0) == 0, "a file can be emptied");
    }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {  // NOLINT
    directory = fuzz::start_nginx(configuration);
    turn();
    idle_connections = ngx_cycle->free_connection_n;
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    static size_t runs = 0;
    if (++runs % 16'384 == 0) empty_files();
    if (size < 2) return 0;
    const auto kind = static_cast<Kind>(data[0] % 4 % 3);
    const size_t pieces = 1 + (data[0] >> 2) % 8;
    const bool leaves = (data[0] & 0x20) != 0;

    std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (fuzz::holds_secret(text)) return 0;
    fill_in_times(text);
    const size_t signatures = fill_in_signatures(text);
    if (kind == Kind::frames) text = make_frames(text);
    if (kind == Kind::http2) text.insert(0, preface);

    Client client(directory + (kind == Kind::http1 ? "/http1" : "/http2"));
    const size_t step = text.size() / pieces + 1;
    for (size_t at = 0; at < text.size(); at += step) {
        if (!client.send(std::string_view(text).substr(at, step))) break;
    }
    if (leaves) {
        client.leave();
    } else {
        client.end_sending();
    }
    turn();  // it may not even have been accepted yet
    while (ngx_cycle->free_connection_n != idle_connections) {
        ngx_process_events_and_timers(const_cast<ngx_cycle_t*>(ngx_cycle));
        if (!leaves) client.receive();
    }
    if (!leaves) client.receive();

    const size_t accepted = count_accepted(client.received());
    // Within HTTP/2 a table of headers may name one signature again and again.
    fuzz::require(accepted == 0 || signatures > 0, "who has no secret gets nothing");
    fuzz::require(kind != Kind::http1 || accepted <= signatures, "an answer is for one event");
    return 0;
}
