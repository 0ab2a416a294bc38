#include "loop_event.h"

#include <utility>

#include "boundary.h"

namespace momento {

LoopEvent::LoopEvent(std::function<void()> run) : run_(std::move(run)) {
    ident_.owner = this;
    ident_.fd = static_cast<ngx_socket_t>(-1);
    event_.data = &ident_;
    event_.handler = handle;
    event_.log = ngx_cycle->log;
}

LoopEvent::~LoopEvent() {
    cancel();
}

void LoopEvent::post() {
    ngx_post_event(&event_, &ngx_posted_events);
}

void LoopEvent::post_next() {
    ngx_post_event(&event_, &ngx_posted_next_events);
}

void LoopEvent::start_timer(int64_t delay_ms) {
    event_.cancelable = 0;
    ngx_add_timer(&event_, static_cast<ngx_msec_t>(delay_ms));
}

void LoopEvent::start_idle_timer(int64_t delay_ms) {
    event_.cancelable = 1;
    ngx_add_timer(&event_, static_cast<ngx_msec_t>(delay_ms));
}

void LoopEvent::cancel() {
    if (event_.timer_set) ngx_del_timer(&event_);
    if (event_.posted) {
        ngx_delete_posted_event(&event_);
    }
}

void LoopEvent::handle(ngx_event_t* event) noexcept {
    LoopEvent* self = static_cast<Ident*>(event->data)->owner;
    // `run_` may destroy *self.
    contain(ngx_cycle->log, 0, [self] {
        self->run_();
        return 0;
    });
}

}  // namespace momento
