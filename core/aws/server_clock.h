// What AWS's clock says: this machine's, corrected by the Date of AWS's answers once they
// differ by too much for signatures to pass.
//
// One per destination, for everything that signs on its behalf. Belongs to the delivery
// thread, but for offset_ms().
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/logger.h"
#include "http/client.h"

namespace momento::aws {

class ServerClock {
  public:
    // `user` is whom log lines name: "destination \"bus\"".
    ServerClock(const Clock& clock, Logger& logger, std::string user);

    void learn(const HttpResult& http);

    int64_t now_ms() const;  // for signatures

    // How far AWS's clock is ahead of ours; 0 while too little to matter. From any thread.
    int64_t offset_ms() const { return offset_ms_.load(std::memory_order_relaxed); }

  private:
    const Clock& clock_;
    Logger& logger_;
    const std::string user_;
    std::string date_;  // of the last answer, and what it says
    int64_t date_s_ = -1;
    std::atomic<int64_t> offset_ms_{0};
};

}  // namespace momento::aws
