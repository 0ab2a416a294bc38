// Chance comes in through this interface, so that tests can play it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace momento {

class Random {
  public:
    virtual ~Random() = default;

    virtual void fill(void* data, size_t size) = 0;

    uint64_t number();
    double unit();  // in [0, 1)
};

// The system's generator (getrandom). Safe from every thread; lives as long as the process.
Random& system_random();

}  // namespace momento
