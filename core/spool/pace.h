// Something that is done at most once a second.
#pragma once

#include <cstdint>

namespace momento {

class Pace {
  public:
    // True once a second: then it is the caller's turn.
    bool due(int64_t now_us) {
        if (now_us < next_us_) return false;
        next_us_ = now_us + interval_us;
        return true;
    }

    void at_once() { next_us_ = INT64_MIN; }

  private:
    static constexpr int64_t interval_us = 1'000'000;
    int64_t next_us_ = INT64_MIN;
};

}  // namespace momento
