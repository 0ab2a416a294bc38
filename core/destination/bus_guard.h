// Watches that an event bus exists: EventBridge takes events for one that does not, answers
// with success, and drops them.
// Source: "DescribeEventBus", Amazon EventBridge API Reference.
//
// Belongs to the delivery thread; EventBridge steps it. All workers of a destination share a
// BusCell: whoever finds that the bus is to be looked up claims it there and asks for all. If
// it dies meanwhile, the claim lapses. The bus is looked up at once, and every minute from
// then on, earlier or later by chance; every ten seconds while it is missing or nobody
// answers. Events that are sent between the end of a bus and the next look are lost, and the
// README says so. Whoever may not look it up (permission, another account's bus) is told so
// once, and goes on unwatched.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "aws/service_client.h"
#include "base/clock.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "base/random.h"

namespace momento {

class BusGuard {
  public:
    enum class State : uint64_t {
        unasked,  // the first look has not ended: wait for it
        unknown,  // nobody answers
        present,
        missing,    // nothing may be sent
        unwatched,  // it may not be looked up
    };

    struct Tools {
        const Clock* clock = nullptr;
        Random* random = nullptr;
        Logger* logger = nullptr;
        BusCell* cell = nullptr;  // zeros, or what other workers left there
    };

    // `user` is whom log lines name: "destination \"bus\"". `client` speaks to EventBridge,
    // and is stepped by its owner. `place` tells buses of one name apart: the endpoint.
    BusGuard(std::string user, std::string bus, const std::string& place,
             aws::ServiceClient& client, const Tools& tools);

    // The newest configuration names no bus for this cell: a worker that goes on with an old
    // one looks for itself.
    static void forget(BusCell& cell);

    void step();

    State state() const { return static_cast<State>(cell().state.load()); }

  private:
    using Take = std::function<void(const aws::ServiceReply&)>;

    BusCell& cell() const;
    bool claim();
    void describe(const std::string& bus, Take take);
    void take(const aws::ServiceReply& reply);
    void compare_accounts(const aws::ServiceReply& reply);
    void turn_to(State state, const std::string& why = {});
    void finish();

    const std::string user_;
    const std::string bus_;      // name or ARN
    const std::string account_;  // of an ARN
    const uint64_t target_;
    aws::ServiceClient& client_;
    const Tools tools_;

    // Of a worker that goes on with an old configuration, whose bus is not the shared cell's.
    mutable BusCell own_cell_{};
    bool asking_ = false;
};

}  // namespace momento
