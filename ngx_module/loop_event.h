// An event of nginx's loop that runs a C++ function: posted, or after some time.
//
// Event loop only. Destroying it takes it back from wherever it waits.
#pragma once

#include <cstdint>
#include <functional>

#include "ngx.h"

namespace momento {

class LoopEvent {
  public:
    explicit LoopEvent(std::function<void()> run);
    ~LoopEvent();
    LoopEvent(const LoopEvent&) = delete;
    LoopEvent& operator=(const LoopEvent&) = delete;

    // Runs at the end of this turn of the loop, once however often it was posted.
    void post();

    // Runs in the next turn, which then does not wait.
    void post_next();

    // Runs after `delay_ms`. A worker that is to quit waits for it.
    void start_timer(int64_t delay_ms);
    void start_idle_timer(int64_t delay_ms);  // a worker that is to quit does not wait

    void cancel();

  private:
    // nginx's debug log takes an event's data for a connection and reads its descriptor.
    struct Ident {
        LoopEvent* owner;
        void* unused[2];
        ngx_socket_t fd;
    };
    static_assert(offsetof(Ident, fd) == offsetof(ngx_connection_t, fd));

    static void handle(ngx_event_t* event) noexcept;

    ngx_event_t event_{};
    Ident ident_{};
    std::function<void()> run_;
};

}  // namespace momento
