#include "http/poller.h"

#include <sys/epoll.h>

#include <new>

namespace momento {
namespace {

constexpr int most_events = 128;  // of one wait

}  // namespace

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) throw std::bad_alloc();
}

// A closed descriptor leaves the set by itself, and another one may have its number by now: the
// system knows, so it is always asked.
bool Poller::watch(int descriptor, uint32_t events, Listener& listener) {
    const auto index = static_cast<size_t>(descriptor);
    if (index >= listeners_.size()) listeners_.resize(index + 1, nullptr);
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    const bool watched = epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event) == 0 ||
                         epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
    listeners_[index] = watched ? &listener : nullptr;
    return watched;
}

void Poller::forget(int descriptor) {
    const auto index = static_cast<size_t>(descriptor);
    if (index >= listeners_.size() || listeners_[index] == nullptr) return;
    listeners_[index] = nullptr;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void Poller::wait(int timeout_ms) {
    epoll_event events[most_events];
    const int count = epoll_wait(epoll_.get(), events, most_events, timeout_ms);
    for (int i = 0; i < count; ++i) {
        const int descriptor = events[i].data.fd;
        Listener* listener = listeners_[static_cast<size_t>(descriptor)];
        if (listener != nullptr) listener->ready(descriptor, events[i].events);
    }
}

}  // namespace momento
