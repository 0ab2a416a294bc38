// What AWS's clock says. Two things, kept apart: how far it seems to be from ours, for people;
// and by how much signatures are corrected, which only AWS's own complaint may change.
//
// One per destination, for everything that signs on its behalf. Belongs to the delivery
// thread, but for offset_ms().
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "aws/service_error.h"
#include "base/clock.h"
#include "base/logger.h"
#include "http/client.h"

namespace momento::aws {

class ServerClock {
  public:
    // `user` is whom log lines name: "destination \"bus\"".
    ServerClock(const Clock& clock, Logger& logger, std::string user);

    // Any answer. Those that do not come from AWS, or from a cache, tell nothing.
    void learn(const HttpResult& http);

    // A refusal of a request that was signed with this correction. True if there is another
    // one now: what AWS complains about is its time, and a second try may pass. By the time
    // that the complaint tells, else by its Date; one that did not help is taken back.
    bool heed(const HttpResponse& refusal, int64_t signed_with_ms);

    int64_t now_ms() const;  // for signatures
    int64_t correction_ms() const { return correction_ms_; }

    // How far AWS's clock is ahead of ours; 0 while too little to matter. From any thread.
    int64_t offset_ms() const { return offset_ms_.load(std::memory_order_relaxed); }

  private:
    int64_t ahead_ms(int64_t server_ms) const;

    const Clock& clock_;
    Logger& logger_;
    const std::string user_;
    std::string date_;  // of the last answer, and what it says
    std::optional<int64_t> date_ms_;
    std::atomic<int64_t> offset_ms_{0};
    int64_t correction_ms_ = 0;
};

// The moment of AWS's clock that a complaint about a request's time tells, if this is one:
// "Signature expired: 20150830T123600Z is now earlier than 20150830T124100Z (20150830T124600Z
// - 5 min.)".
struct ClockComplaint {
    std::optional<int64_t> server_ms;  // nothing: it does not tell
};
std::optional<ClockComplaint> read_clock_complaint(const ServiceError& error);

// The Date of an answer that AWS gave just now; nothing of any other.
const std::string* date_of_aws(const HttpResponse& response);

}  // namespace momento::aws
