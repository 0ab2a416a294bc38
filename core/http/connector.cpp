#include "http/connector.h"

#include <sys/epoll.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/ascii.h"
#include "base/clock.h"

namespace momento {
namespace {

// CURLMOPT_QUICK_EXIT, which headers have from libcurl 8.20 on: without it the end of a multi
// handle waits for the resolver's threads, which are its own since. By its number, because a
// libcurl may be newer than the headers; older ones do not know it and need none.
constexpr auto multi_quick_exit = static_cast<CURLMoption>(CURLOPTTYPE_LONG + 21);

uint32_t events_of(int what) {
    uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
    return events;
}

int selected_by(uint32_t events) {
    int selected = 0;
    if (events & (EPOLLIN | EPOLLHUP)) selected |= CURL_CSELECT_IN;
    if (events & EPOLLOUT) selected |= CURL_CSELECT_OUT;
    if (events & EPOLLERR) selected |= CURL_CSELECT_ERR;
    return selected;
}

}  // namespace

bool Route::fits(const HttpRequest& request) const {
    return proxy == request.proxy && trusted_certificate == request.trusted_certificate &&
           connect_timeout_ms == request.connect_timeout_ms &&
           max_connections == std::max(request.max_connections, 1);
}

Connection::Connection(Connector& connector, Listener& listener, const Route& route)
    : connector_(connector),
      listener_(listener),
      // libcurl may quote the proxy's URL, with the password in it.
      may_quote_error_(route.proxy.find('@') == std::string::npos),
      easy_(curl_easy_init()) {
    if (!easy_) throw std::bad_alloc();
}

// libcurl closes a connection of this kind when its handle leaves the multi handle.
Connection::~Connection() {
    if (socket_ != CURL_SOCKET_BAD) connector_.poller_.forget(socket_);
    curl_multi_remove_handle(connector_.multi_.get(), easy_.get());
}

CURLcode Connection::configure(const Route& route, CURLSH* share) {
    CURLcode code = CURLE_OK;
    auto set = [&](CURLoption option, auto value) {
        if (code == CURLE_OK) code = curl_easy_setopt(easy_.get(), option, value);
    };
    set(CURLOPT_URL, route.origin.c_str());
    set(CURLOPT_CONNECT_ONLY, 1L);
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_SHARE, share);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));

    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(route.connect_timeout_ms));
    set(CURLOPT_TCP_NODELAY, 1L);

    // Empty strings, not nullptr: these keep libcurl from asking the environment.
    set(CURLOPT_PROXY, route.proxy.c_str());
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!route.trusted_certificate.empty()) {
        set(CURLOPT_CAINFO, route.trusted_certificate.c_str());
        set(CURLOPT_CAPATH, static_cast<char*>(nullptr));  // nobody else is trusted
        set(CURLOPT_PROXY_CAINFO, route.trusted_certificate.c_str());
        set(CURLOPT_PROXY_CAPATH, static_cast<char*>(nullptr));
    }
    set(CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    return code;
}

void Connection::complete(CURLcode code) {
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket_);
        if (code == CURLE_OK && socket_ == CURL_SOCKET_BAD) code = CURLE_COULDNT_CONNECT;
    }
    code_ = code;
    if (code != CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &status);
        connect_status_ = static_cast<int>(status);
        listener_.failed(trouble() + remedy(), is_setup());
        return;
    }
    watch(false);
    listener_.opened();
}

void Connection::ready(int, uint32_t events) {
    listener_.ready((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0);
}

void Connection::watch(bool for_sending) {
    waits_to_send_ = for_sending;
    const uint32_t events = for_sending ? EPOLLIN | EPOLLOUT : EPOLLIN;
    // One that nobody could watch ends by its request's timeout.
    (void)connector_.poller_.watch(socket_, events, *this);
}

Connection::Io Connection::outcome(CURLcode code) {
    if (code == CURLE_OK) return Io::done;
    if (code == CURLE_AGAIN) return Io::blocked;
    code_ = code;
    return Io::broken;
}

Connection::Io Connection::send(std::string_view bytes, size_t& sent) {
    size_t count = 0;
    const CURLcode code = curl_easy_send(easy_.get(), bytes.data(), bytes.size(), &count);
    if (code == CURLE_OK) sent += count;
    const bool waits = code == CURLE_AGAIN;
    if (waits != waits_to_send_) watch(waits);
    return outcome(code);
}

Connection::Io Connection::receive(char* to, size_t most, size_t& received) {
    size_t count = 0;
    const CURLcode code = curl_easy_recv(easy_.get(), to, most, &count);
    if (code == CURLE_OK && count == 0) return Io::ended;
    if (code == CURLE_OK) received += count;
    return outcome(code);
}

// Whose tunnel ends with what lies behind it: a gateway's own statuses pass.
bool Connection::is_setup() const {
    if (connect_status_ >= 300) {
        return connect_status_ < 500 && connect_status_ != 408 && connect_status_ != 429;
    }
    switch (code_) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
            return true;
        case CURLE_SSL_CONNECT_ERROR: {
            // Of OpenSSL, about what the other end says; a connection that ended passes.
            const std::string_view said = error_;
            return said.find("SSL routines") != said.npos &&
                   said.find("unexpected eof") == said.npos;
        }
        default:
            return false;
    }
}

// What to do about it, behind libcurl's words.
std::string Connection::remedy() const {
    if (connect_status_ == 407) {
        return "; the proxy answers 407 to CONNECT: it wants a user and a password in its URL";
    }
    if (connect_status_ >= 300) {
        return "; the proxy answers " + std::to_string(connect_status_) +
               " to CONNECT: may it connect to there?";
    }
    if (!is_setup()) return {};
    switch (code_) {
        case CURLE_COULDNT_RESOLVE_HOST:
            return ": is the endpoint's name right, and the name server there?";
        case CURLE_COULDNT_RESOLVE_PROXY:
            return ": is the proxy's name right, and the name server there?";
        case CURLE_SSL_CONNECT_ERROR:
            return ": is it http?";
        default:
            return ": is it the right host, and its certificate trusted "
                   "(\"trusted_certificate\")?";
    }
}

std::string Connection::trouble() const {
    // Of a timeout libcurl counts the milliseconds, so that whoever logs a reason once would
    // log every one.
    const bool quotes = may_quote_error_ && error_[0] && code_ != CURLE_OPERATION_TIMEDOUT;
    std::string reason = quotes ? error_ : curl_easy_strerror(code_);
    const bool is_acronym = reason.size() > 1 && reason[1] >= 'A' && reason[1] <= 'Z';
    if (!is_acronym) reason[0] = lower_case(reason[0]);
    return reason;
}

Connector::Connector(Poller& poller)
    : poller_(poller), due_us_(never_us), share_(curl_share_init()), multi_(curl_multi_init()) {
    if (!share_ || !multi_) throw std::bad_alloc();
    curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(multi_.get(), multi_quick_exit, 1L);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &Connector::on_socket);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &Connector::on_timer);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
}

Result<std::unique_ptr<Connection>> Connector::open(const Route& route,
                                                    Connection::Listener& listener) {
    std::unique_ptr<Connection> connection(new Connection(*this, listener, route));
    CURLcode code = connection->configure(route, share_.get());
    if (code == CURLE_OK &&
        curl_multi_add_handle(multi_.get(), connection->easy_.get()) != CURLM_OK) {
        code = CURLE_FAILED_INIT;
    }
    connection->code_ = code;
    if (code != CURLE_OK) return Error{connection->trouble()};
    return connection;
}

// No exception may pass through libcurl, and an error would end all it does: a connection whose
// socket nobody could watch ends by its timeout.
int Connector::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    auto* connector = static_cast<Connector*>(self);
    try {
        if (what == CURL_POLL_REMOVE) {
            connector->poller_.forget(socket);
        } else {
            (void)connector->poller_.watch(socket, events_of(what), *connector);
        }
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return 0;
}

int Connector::on_timer(CURLM*, long timeout_ms, void* self) {
    static_cast<Connector*>(self)->due_us_ =
        timeout_ms < 0 ? never_us : system_clock().steady_us() + timeout_ms * int64_t{1000};
    return 0;
}

void Connector::act_on_timer() {
    if (due_us_ == never_us || system_clock().steady_us() < due_us_) return;
    due_us_ = never_us;
    act(CURL_SOCKET_TIMEOUT, 0);
}

void Connector::ready(int descriptor, uint32_t events) {
    act(descriptor, selected_by(events));
}

void Connector::act(curl_socket_t socket, int events) {
    int count;
    curl_multi_socket_action(multi_.get(), socket, events, &count);
    while (CURLMsg* message = curl_multi_info_read(multi_.get(), &count)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;  // gone with the connection
        Connection* connection = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &connection);
        connection->complete(code);
    }
}

}  // namespace momento
