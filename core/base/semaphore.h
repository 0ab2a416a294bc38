// A POSIX semaphore. Cheaper than a condition variable: its waiter is woken with one system
// call and, having no lock to take again, makes none.
#pragma once

#include <semaphore.h>

#include <cstdint>

namespace momento {

class Semaphore {
  public:
    Semaphore() { sem_init(&semaphore_, 0, 0); }
    ~Semaphore() { sem_destroy(&semaphore_); }
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    void post() { sem_post(&semaphore_); }

    // For a post that nobody has waited for yet. False after `timeout_ms` of the steady clock
    // without one.
    bool wait(int64_t timeout_ms);

  private:
    sem_t semaphore_;
};

}  // namespace momento
