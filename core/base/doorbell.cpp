#include "base/doorbell.h"

#include <unistd.h>

#include <cstdint>

namespace momento {

// Always writes the state, even the same again: what was left before is seen by whoever finds
// this state or a later one.
void Doorbell::ring() {
    State state = state_.load(std::memory_order_relaxed);
    State next;
    do {
        const bool sleeps = state == State::asleep || state == State::rung;
        next = sleeps ? State::rung : State::called;
    } while (!state_.compare_exchange_weak(state, next));
    if (state != State::asleep) return;
    const uint64_t one = 1;
    // Full means that it is readable already.
    (void)!write(event_.get(), &one, sizeof one);
}

void Doorbell::wake_up() {
    uint64_t count;
    (void)!read(event_.get(), &count, sizeof count);
    stay_awake();
}

void Doorbell::stay_awake() {
    State state = state_.load(std::memory_order_relaxed);
    do {
        if (state == State::awake || state == State::called) return;
    } while (!state_.compare_exchange_weak(state, State::awake));
}

bool Doorbell::fall_asleep() {
    State state = State::awake;
    if (state_.compare_exchange_strong(state, State::asleep)) return true;
    if (state != State::called) return true;  // asleep already
    state_.exchange(State::awake);
    return false;
}

}  // namespace momento
