#include "aws/server_clock.h"

#include <curl/curl.h>

#include <cstdlib>
#include <utility>

namespace momento::aws {
namespace {

// Services tolerate 15 minutes; the AWS SDKs correct from 4 on (TIME_DIFF_MAX of the C++ SDK).
constexpr int64_t tolerance_ms = 4 * 60'000;

}  // namespace

ServerClock::ServerClock(const Clock& clock, Logger& logger, std::string user)
    : clock_(clock), logger_(logger), user_(std::move(user)) {}

void ServerClock::learn(const HttpResult& http) {
    const std::string* date = http.failed ? nullptr : http.response.header("date");
    if (!date) return;
    if (*date != date_) {
        date_ = *date;
        date_s_ = curl_getdate(date->c_str(), nullptr);
    }
    if (date_s_ == -1) return;

    int64_t ahead = date_s_ * 1000 - clock_.wall_ms();
    int64_t offset = std::abs(ahead) < tolerance_ms ? 0 : ahead;
    if (std::abs(offset - offset_ms()) < tolerance_ms) return;
    offset_ms_.store(offset, std::memory_order_relaxed);

    std::string line = user_ + ": ";
    if (offset == 0) {
        logger_.write(Severity::notice, line + "this machine's clock agrees with AWS's again");
        return;
    }
    line += "this machine's clock is " + std::to_string(std::abs(ahead) / 1000) + " s " +
            (ahead > 0 ? "behind" : "ahead of") +
            " AWS's; signatures are corrected, the age of webhooks is not: set the clock";
    logger_.write(Severity::error, line);
}

int64_t ServerClock::now_ms() const {
    return clock_.wall_ms() + offset_ms();
}

}  // namespace momento::aws
