#include "destination/bus_guard.h"

#include <utility>

#include "aws/endpoints.h"
#include "aws/error_class.h"
#include "aws/service_error.h"
#include "base/json.h"

namespace momento {
namespace {

constexpr char describe_target[] = "AWSEvents.DescribeEventBus";
constexpr char not_found[] = "ResourceNotFoundException";
constexpr char default_bus[] = "default";  // every account has it, in every region
constexpr int64_t interval_us = 60'000'000;
constexpr int64_t eager_interval_us = 10'000'000;  // while the bus is missing, or unknown
constexpr int64_t claim_us = 15'000'000;           // longer than a look takes
constexpr double jitter = 0.1;                     // of the interval, earlier or later

std::string account_of(const std::string& bus) {
    const Result<aws::BusReference> reference = aws::parse_bus(bus);
    return reference ? reference->account : std::string();
}

// FNV-1a. Never 0: that is a cell that nobody has used.
uint64_t hash_of(const std::string& text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash == 0 ? 1 : hash;
}

}  // namespace

BusGuard::BusGuard(std::string user, std::string bus, const std::string& place,
                   aws::ServiceClient& client, const Tools& tools)
    : user_(std::move(user)),
      bus_(std::move(bus)),
      account_(account_of(bus_)),
      target_(hash_of(place + ' ' + bus_)),
      client_(client),
      tools_(tools) {
    // The newest configuration has the cell; what was known of another bus says nothing.
    if (tools_.cell->target.exchange(target_) == target_) return;
    tools_.cell->state = static_cast<uint64_t>(State::unasked);
    tools_.cell->due_us = 0;
}

void BusGuard::forget(BusCell& cell) {
    cell.target = 0;  // first: no old worker is to fill it again
    cell.state = static_cast<uint64_t>(State::unasked);
    cell.due_us = 0;
}

BusCell& BusGuard::cell() const {
    return tools_.cell->target == target_ ? *tools_.cell : own_cell_;
}

// Of all workers that find the time come, one gets true.
bool BusGuard::claim() {
    const auto now_us = static_cast<uint64_t>(tools_.clock->steady_us());
    uint64_t due_us = cell().due_us;
    return due_us <= now_us && cell().due_us.compare_exchange_strong(due_us, now_us + claim_us);
}

void BusGuard::step() {
    if (asking_ || !claim()) return;
    asking_ = true;
    describe(bus_, [this](const aws::ServiceReply& reply) { take(reply); });
}

void BusGuard::describe(const std::string& bus, Take take) {
    Json request = Json::object();
    request.set("Name", Json::string(bus));
    client_.call(describe_target, request.dump(), std::move(take));
}

void BusGuard::take(const aws::ServiceReply& reply) {
    const HttpResponse& response = reply.http.response;
    if (reply.unsent || reply.http.failed || aws::is_foreign(response)) return finish();
    if (response.status == 200) {
        turn_to(State::present);
        return finish();
    }
    const aws::ServiceError error = aws::parse_service_error(response);
    if (error.is(not_found)) {
        if (account_.empty()) {
            turn_to(State::missing);
            return finish();
        }
        // By its ARN: it may be there, in an account that does not tell us.
        return describe(default_bus,
                        [this](const aws::ServiceReply& own) { compare_accounts(own); });
    }
    const aws::ErrorClass meaning = aws::classify_error(error.code, response.status);
    if (meaning == aws::ErrorClass::permission || meaning == aws::ErrorClass::setup) {
        const std::string sentence = aws::permission_sentence(error);
        turn_to(State::unwatched, error.code + (sentence.empty() ? "" : ": ") + sentence);
    }
    finish();
}

// Our own default bus tells which account we are.
void BusGuard::compare_accounts(const aws::ServiceReply& reply) {
    std::string ours;
    if (!reply.unsent && !reply.http.failed && reply.http.response.status == 200) {
        const Result<Json> json = Json::parse(reply.http.response.body);
        const auto arn = json ? json->get("Arn").as_string() : std::nullopt;
        if (arn) ours = account_of(std::string(*arn));
    }
    const bool is_foreign = !ours.empty() && ours != account_;
    if (is_foreign) {
        turn_to(State::unwatched, "it is of account " + account_);
    } else {
        turn_to(State::missing);
    }
    finish();
}

// The look has ended, whatever it told: no answer says nothing about the bus, and what was
// known still counts.
void BusGuard::finish() {
    asking_ = false;
    auto unasked = static_cast<uint64_t>(State::unasked);
    cell().state.compare_exchange_strong(unasked, static_cast<uint64_t>(State::unknown));
    const bool is_eager = state() == State::missing || state() == State::unknown;
    const int64_t interval = is_eager ? eager_interval_us : interval_us;
    const double share = 1 - jitter + 2 * jitter * tools_.random->unit();
    const int64_t wait_us = static_cast<int64_t>(share * static_cast<double>(interval));
    cell().due_us = static_cast<uint64_t>(tools_.clock->steady_us() + wait_us);
}

void BusGuard::turn_to(State state, const std::string& why) {
    const auto before = static_cast<State>(cell().state.exchange(static_cast<uint64_t>(state)));
    if (before == state) return;
    const std::string bus = user_ + ": event bus \"" + bus_ + '"';
    if (state == State::missing) {
        tools_.logger->write(Severity::alert,
                             bus +
                                 " does not exist, its events are held: make it, or "
                                 "correct its name");
    } else if (state == State::unwatched) {
        tools_.logger->write(
            Severity::error,
            bus + " may not be looked up (" + why +
                "): if it is ever deleted, EventBridge will drop events without a word; "
                "allow events:DescribeEventBus");
    } else if (before == State::missing) {
        tools_.logger->write(Severity::error, bus + " exists again");
    }
}

}  // namespace momento
