// Somebody who runs in steps: in the product, a thread. The world picks who runs next.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace momento::sim {

class Actor {
  public:
    virtual ~Actor() = default;

    virtual int64_t due_us() const = 0;  // when it may run; INT64_MAX: when it is woken
    virtual void run() = 0;

    bool running = false;  // it may not run inside its own disk operations
};

// Thrown through the frames of a thread that ends by an exception.
struct ThreadEnd : std::runtime_error {
    ThreadEnd() : std::runtime_error("as the plan wants it") {}
};

// Thrown through a process's frames where it dies. Its files have no effect any more.
struct Killed {};

}  // namespace momento::sim
