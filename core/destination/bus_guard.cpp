#include "destination/bus_guard.h"

#include <utility>

#include "aws/error_class.h"
#include "aws/service_error.h"
#include "base/json.h"

namespace momento {
namespace {

constexpr char describe_target[] = "AWSEvents.DescribeEventBus";
constexpr char not_found[] = "ResourceNotFoundException";
constexpr int64_t interval_us = 60'000'000;
constexpr double jitter = 0.1;  // of the interval, earlier or later

}  // namespace

BusGuard::BusGuard(std::string user, std::string bus, aws::ServiceClient& client,
                   const Tools& tools, MayAsk may_ask)
    : user_(std::move(user)),
      bus_(std::move(bus)),
      client_(client),
      tools_(tools),
      may_ask_(std::move(may_ask)) {}

void BusGuard::step() {
    const int64_t now_us = tools_.clock->steady_us();
    if (asking_ || now_us < due_us_ || !may_ask_()) return;
    const double share = 1 - jitter + 2 * jitter * tools_.random->unit();
    due_us_ = now_us + static_cast<int64_t>(share * static_cast<double>(interval_us));
    asking_ = true;
    Json request = Json::object();
    request.set("Name", Json::string(bus_));
    client_.call(describe_target, request.dump(),
                 [this](const aws::ServiceReply& reply) { take(reply); });
}

void BusGuard::take(const aws::ServiceReply& reply) {
    asking_ = false;
    // No answer says nothing about the bus: what was known still counts.
    if (reply.unsent || reply.http.failed) return;
    const HttpResponse& response = reply.http.response;
    if (response.status == 200) return turn_to(State::present, {});
    const aws::ServiceError error = aws::parse_service_error(response);
    if (error.is(not_found)) return turn_to(State::missing, {});
    if (aws::classify_error(error.code, response.status) == aws::ErrorClass::setup) {
        turn_to(State::unwatched, error.code);
    }
}

void BusGuard::turn_to(State state, const std::string& why) {
    const State before = std::exchange(state_, state);
    if (before == state) return;
    const std::string bus = user_ + ": event bus \"" + bus_ + '"';
    if (state == State::missing) {
        tools_.logger->write(Severity::alert,
                             bus +
                                 " does not exist, its events are held: make it, or "
                                 "correct its name");
    } else if (state == State::unwatched) {
        tools_.logger->write(
            Severity::warn,
            bus + " may not be looked up (" + why +
                "): if it is ever deleted, EventBridge will drop events without a word; "
                "allow events:DescribeEventBus");
    } else if (before == State::missing) {
        tools_.logger->write(Severity::notice, bus + " exists again");
    }
}

}  // namespace momento
