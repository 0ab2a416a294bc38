#include "base/doorbell.h"

#include <unistd.h>

#include <cstdint>

namespace momento {

// Every ring writes the state, even the same again: so whoever reads this state, or one that
// came of it, sees what was left before.
void Doorbell::ring() {
    State state = state_.load(std::memory_order_relaxed);
    State next;
    do {
        const bool sleeps = state == State::asleep || state == State::rung;
        next = sleeps ? State::rung : State::called;
    } while (!state_.compare_exchange_weak(state, next));
    if (state == State::asleep) make_readable();
}

void Doorbell::silence() {
    uint64_t count;
    (void)!read(event_.get(), &count, sizeof count);
    State state = State::rung;
    state_.compare_exchange_strong(state, State::called);
}

void Doorbell::stay_awake() {
    State state = State::asleep;
    if (state_.compare_exchange_strong(state, State::awake)) return;
    state = State::rung;
    state_.compare_exchange_strong(state, State::called);
}

void Doorbell::answer() {
    state_.exchange(State::awake);
}

bool Doorbell::fall_asleep() {
    State state = State::awake;
    return state_.compare_exchange_strong(state, State::asleep) || state != State::called;
}

void Doorbell::nap() {
    state_.exchange(State::rung);
    make_readable();
}

void Doorbell::make_readable() {
    const uint64_t one = 1;
    // Full means that it is readable already.
    (void)!write(event_.get(), &one, sizeof one);
}

}  // namespace momento
