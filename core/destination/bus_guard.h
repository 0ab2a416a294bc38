// Watches that an event bus exists: EventBridge takes events for one that does not, answers
// with success, and drops them.
// Source: "DescribeEventBus", Amazon EventBridge API Reference.
//
// Belongs to the delivery thread; EventBridge steps it. The bus is looked up at once, and
// every minute from then on, earlier or later by chance: events that were sent within that
// minute of a bus's end are lost, and the README says so. Whoever may not look it up
// (permission, another account's bus) is told so once, and goes on unwatched.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "aws/service_client.h"
#include "base/clock.h"
#include "base/logger.h"
#include "base/random.h"

namespace momento {

class BusGuard {
  public:
    enum class State {
        unknown,  // not looked up yet, or nobody answers
        present,
        missing,    // nothing may be sent
        unwatched,  // it may not be looked up
    };

    struct Tools {
        const Clock* clock = nullptr;
        Random* random = nullptr;
        Logger* logger = nullptr;
    };

    // Whether this worker is the one that asks for all; asked each time it would.
    using MayAsk = std::function<bool()>;

    // `user` is whom log lines name: "destination \"bus\"". `client` speaks to EventBridge,
    // and is stepped by its owner.
    BusGuard(std::string user, std::string bus, aws::ServiceClient& client, const Tools& tools,
             MayAsk may_ask);

    void step();

    State state() const { return state_; }

  private:
    void take(const aws::ServiceReply& reply);
    void turn_to(State state, const std::string& why);

    const std::string user_;
    const std::string bus_;  // name or ARN
    aws::ServiceClient& client_;
    const Tools tools_;
    const MayAsk may_ask_;

    State state_ = State::unknown;
    bool asking_ = false;
    int64_t due_us_ = 0;  // steady; 0: at once
};

}  // namespace momento
