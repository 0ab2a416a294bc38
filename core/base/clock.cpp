#include "base/clock.h"

#include <ctime>

namespace momento {

namespace {

class SystemClock final : public Clock {
  public:
    int64_t wall_ms() const override { return read_us(CLOCK_REALTIME) / 1000; }
    int64_t steady_us() const override { return read_us(CLOCK_MONOTONIC); }

  private:
    static int64_t read_us(clockid_t id) {
        timespec now{};
        clock_gettime(id, &now);
        return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
    }
};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

}  // namespace momento
