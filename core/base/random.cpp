#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace momento {

namespace {

class SystemRandom final : public Random {
  public:
    void fill(void* data, size_t size) override {
        auto* at = static_cast<unsigned char*>(data);
        while (size > 0) {
            ssize_t n = getrandom(at, size, 0);
            if (n < 0) {
                if (errno == EINTR) continue;
                std::abort();  // salts and slot names must never be guessable: no fallback
            }
            at += n;
            size -= static_cast<size_t>(n);
        }
    }
};

}  // namespace

uint64_t Random::number() {
    uint64_t value;
    fill(&value, sizeof(value));
    return value;
}

double Random::unit() {
    // The 53 bits a double holds exactly: 1.0 is never reached by rounding.
    return static_cast<double>(number() >> 11) * 0x1.0p-53;
}

Random& system_random() {
    static SystemRandom random;
    return random;
}

}  // namespace momento
