// Chance that a seed decides (SplitMix64). One stream per purpose, so that a change in one
// part of the simulation does not move all others.
#pragma once

#include <cstring>
#include <vector>

#include "base/random.h"

namespace momento::sim {

class Chance final : public Random {
  public:
    // Mixed, as the streams of neighbouring seeds would overlap otherwise.
    explicit Chance(uint64_t seed) : state_(mix(seed)) {}

    void fill(void* data, size_t size) override {
        auto* bytes = static_cast<unsigned char*>(data);
        while (size > 0) {
            const uint64_t value = next();
            const size_t piece = size < sizeof(value) ? size : sizeof(value);
            std::memcpy(bytes, &value, piece);
            bytes += piece;
            size -= piece;
        }
    }

    uint64_t below(uint64_t end) { return next() % end; }
    int64_t between(int64_t from, int64_t to) {  // both included
        return from + static_cast<int64_t>(below(static_cast<uint64_t>(to - from) + 1));
    }
    bool one_in(uint64_t n) { return below(n) == 0; }
    bool coin(double probability) { return unit() < probability; }

    template <class T>
    const T& pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }

  private:
    uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15); }

    static uint64_t mix(uint64_t z) {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    uint64_t state_;
};

}  // namespace momento::sim
