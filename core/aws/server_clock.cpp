#include "aws/server_clock.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "aws/error_class.h"
#include "aws/timestamp.h"

namespace momento::aws {
namespace {

// Services tolerate 5 or 15 minutes; the AWS SDKs correct from 4 on (TIME_DIFF_MAX of the C++
// SDK).
constexpr int64_t tolerance_ms = 4 * 60'000;

constexpr std::string_view time_codes[] = {"RequestExpired", "RequestInTheFuture",
                                           "RequestTimeTooSkewed"};
constexpr std::string_view time_phrases[] = {"Signature expired", "Signature not yet current"};

std::optional<int64_t> parse_date(const std::string& date) {
    const time_t seconds = curl_getdate(date.c_str(), nullptr);
    if (seconds == -1) return {};
    return int64_t{seconds} * 1000;
}

std::string seconds(int64_t ms) {
    return std::to_string(std::abs(ms) / 1000) + " s";
}

}  // namespace

std::optional<ClockComplaint> read_clock_complaint(const ServiceError& error) {
    const std::string_view message = error.message;
    const bool is_by_code = std::find(std::begin(time_codes), std::end(time_codes),
                                      error.code) != std::end(time_codes);
    // The same codes complain about wrong keys.
    const bool is_by_message = classify_error(error.code, 0) == ErrorClass::clock &&
                               std::any_of(std::begin(time_phrases), std::end(time_phrases),
                                           [&](std::string_view phrase) {
                                               return message.find(phrase) != message.npos;
                                           });
    if (!is_by_code && !is_by_message) return {};
    const size_t bracket = message.find('(');
    if (bracket == message.npos) return ClockComplaint{};
    return ClockComplaint{
        parse_basic_timestamp(message.substr(bracket + 1, basic_timestamp_size))};
}

const std::string* date_of_aws(const HttpResponse& response) {
    const bool is_aws =
        response.header("x-amzn-requestid") || response.header("x-amz-request-id");
    return is_aws && !response.header("age") ? response.header("date") : nullptr;
}

ServerClock::ServerClock(const Clock& clock, Logger& logger, std::string user)
    : clock_(clock), logger_(logger), user_(std::move(user)) {}

// 0: too little to matter.
int64_t ServerClock::ahead_ms(int64_t server_ms) const {
    const int64_t ahead = server_ms - clock_.wall_ms();
    return std::abs(ahead) < tolerance_ms ? 0 : ahead;
}

void ServerClock::learn(const HttpResult& http) {
    const std::string* date = http.failed ? nullptr : date_of_aws(http.response);
    if (!date) return;
    if (*date != date_) {
        date_ = *date;
        date_ms_ = parse_date(*date);
    }
    if (!date_ms_) return;

    const int64_t offset = ahead_ms(*date_ms_);
    if (std::abs(offset - offset_ms()) < tolerance_ms) return;
    offset_ms_.store(offset, std::memory_order_relaxed);
    if (offset == 0) {
        logger_.write(Severity::error,
                      user_ + ": this machine's clock agrees with AWS's again");
        return;
    }
    logger_.write(Severity::error,
                  user_ + ": this machine's clock is " + seconds(offset) +
                      (offset > 0 ? " behind" : " ahead of") +
                      " AWS's, and the age of webhooks is told by it: set the clock");
}

bool ServerClock::heed(const HttpResponse& refusal, int64_t signed_with_ms) {
    const std::optional<ClockComplaint> complaint =
        read_clock_complaint(parse_service_error(refusal));
    if (!complaint) return false;
    // Of many that fail together only the first one has something to say.
    if (signed_with_ms != correction_ms_) return true;

    int64_t correction = 0;
    if (complaint->server_ms) {
        correction = ahead_ms(*complaint->server_ms);
    } else if (const std::string* date = refusal.header("date");
               date && !refusal.header("age") && correction_ms_ == 0) {
        correction = ahead_ms(parse_date(*date).value_or(clock_.wall_ms()));
    }
    // Told the same again, it was of no use.
    if (std::abs(correction - correction_ms_) < tolerance_ms) correction = 0;
    if (correction == correction_ms_) return false;
    correction_ms_ = correction;
    logger_.write(Severity::error,
                  user_ + ": AWS refuses a request for its time: signatures " +
                      (correction == 0 ? "follow this machine's clock again"
                                       : "are corrected by " + seconds(correction) +
                                             ", the age of webhooks is not: set the clock"));
    return true;
}

int64_t ServerClock::now_ms() const {
    return clock_.wall_ms() + correction_ms_;
}

}  // namespace momento::aws
