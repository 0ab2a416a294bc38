// Time comes in through this interface, so that tests can play it.
//
// Called from every thread; implementations are stateless or synchronised.
#pragma once

#include <cstdint>
#include <limits>

namespace momento {

// Of a steady clock: nothing is due.
inline constexpr int64_t never_us = std::numeric_limits<int64_t>::max();

class Clock {
  public:
    virtual ~Clock() = default;

    // Milliseconds since the Unix epoch. May step, also backwards: never measure with it.
    virtual int64_t wall_ms() const = 0;

    // Microseconds of a clock that never goes back. Its zero means nothing.
    virtual int64_t steady_us() const = 0;
};

// The machine's clocks (CLOCK_REALTIME, CLOCK_MONOTONIC). Lives as long as the process.
const Clock& system_clock();

}  // namespace momento
