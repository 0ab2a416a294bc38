#include "base/semaphore.h"

#include <time.h>

#include <cerrno>

namespace momento {

bool Semaphore::wait(int64_t timeout_ms) {
    constexpr long second_ns = 1'000'000'000;
    timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1'000'000;
    if (until.tv_nsec >= second_ns) {
        until.tv_nsec -= second_ns;
        ++until.tv_sec;
    }
    int waited;
    do {
        waited = sem_clockwait(&semaphore_, CLOCK_MONOTONIC, &until);
    } while (waited == -1 && errno == EINTR);
    return waited == 0;
}

}  // namespace momento
