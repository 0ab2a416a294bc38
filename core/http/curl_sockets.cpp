#include "http/curl_sockets.h"

#include <sys/epoll.h>

#include <algorithm>
#include <climits>
#include <limits>
#include <new>

#include "base/clock.h"

namespace momento {
namespace {

constexpr int64_t never_us = std::numeric_limits<int64_t>::max();
constexpr int most_events = 64;  // of one wait

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

CurlSockets::CurlSockets() : epoll_(epoll_create1(EPOLL_CLOEXEC)), due_us_(never_us) {
    if (!epoll_) throw std::bad_alloc();
}

void CurlSockets::attach(CURLM* multi) {
    multi_ = multi;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &CurlSockets::on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &CurlSockets::on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
}

void CurlSockets::add(int descriptor) {
    own_ = descriptor;
    if (!watch(descriptor, EPOLLIN)) throw std::bad_alloc();
}

// No exception may pass through libcurl, and an error would end all its transfers: one whose
// socket nobody could watch ends by its timeout.
int CurlSockets::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    auto* sockets = static_cast<CurlSockets*>(self);
    try {
        if (what != CURL_POLL_REMOVE) {
            (void)sockets->watch(socket, events_of(what));
        } else if (const auto known = sockets->wanted_.find(socket);
                   known != sockets->wanted_.end()) {
            known->second = 0;
        }
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return 0;
}

int CurlSockets::on_timer(CURLM*, long timeout_ms, void* self) {
    static_cast<CurlSockets*>(self)->due_us_ =
        timeout_ms < 0 ? never_us : system_clock().steady_us() + timeout_ms * int64_t{1000};
    return 0;
}

// A closed socket leaves the set by itself, and another one may have its number by now: the
// system knows, so it is always asked.
bool CurlSockets::watch(int socket, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = socket;
    wanted_[socket] = events;
    return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket, &event) == 0 ||
           epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) == 0;
}

void CurlSockets::act_on_timer() {
    if (due_us_ == never_us || system_clock().steady_us() < due_us_) return;
    due_us_ = never_us;
    int running;
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
}

// Rounded up: a timer that is not due yet must not be polled for.
int CurlSockets::bounded_wait_ms(int64_t timeout_ms) const {
    timeout_ms = std::clamp<int64_t>(timeout_ms, 0, INT_MAX);
    if (due_us_ == never_us) return static_cast<int>(timeout_ms);
    const int64_t left_us = std::max<int64_t>(due_us_ - system_clock().steady_us(), 0);
    return static_cast<int>(std::min(timeout_ms, (left_us + 999) / 1000));
}

bool CurlSockets::wait(int64_t timeout_ms) {
    epoll_event events[most_events];
    const int count =
        epoll_wait(epoll_.get(), events, most_events, bounded_wait_ms(timeout_ms));
    bool own = false;
    for (int i = 0; i < count; ++i) {
        const int socket = events[i].data.fd;
        if (socket == own_) {
            own = true;
            continue;
        }
        const auto known = wanted_.find(socket);
        if (known == wanted_.end() || known->second == 0) {
            // Most likely the server closes it; libcurl looks before it uses it again.
            epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
            if (known != wanted_.end()) wanted_.erase(known);
            continue;
        }
        int running;
        curl_multi_socket_action(multi_, socket, selected_by(events[i].events), &running);
    }
    act_on_timer();
    return own;
}

}  // namespace momento
