// The epoll set of the client: which descriptor has something to say, and who listens.
//
// Belongs to the client's thread. Level-triggered: what a listener leaves undone is said again.
#pragma once

#include <cstdint>
#include <vector>

#include "base/descriptor.h"

namespace momento {

class Poller {
  public:
    class Listener {
      public:
        // `events`: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. May come for what a descriptor of
        // the same number had to say before, so that reading and writing may find nothing to
        // do.
        virtual void ready(int descriptor, uint32_t events) = 0;

      protected:
        ~Listener() = default;
    };

    // Throws std::bad_alloc if the system has no descriptor left.
    Poller();

    // From now on `listener`, which must outlive it or forget() it, hears of these events.
    // False if the system cannot watch any more.
    bool watch(int descriptor, uint32_t events, Listener& listener);

    // Before the descriptor is closed, or after.
    void forget(int descriptor);

    // Waits for the first event, at most `timeout_ms`, and tells the listeners.
    void wait(int timeout_ms);

  private:
    Descriptor epoll_;
    std::vector<Listener*> listeners_;  // by descriptor; nullptr: nobody
};

}  // namespace momento
