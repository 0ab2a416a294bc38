// The ledger: every event that was ever published, what its sender was answered, what
// reached the bus, and how often it may have. Knows nothing of how the product works, only
// what it promises.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/engine.h"
#include "stage.h"

namespace momento::sim {

enum class Answer {
    none,     // not yet
    ok,       // 200, or 400 for a malformed one: it is kept
    refused,  // 503
    cut,      // the connection broke with the worker
};

// How the bus takes an event.
enum class Taste {
    good,
    refused_entry,    // by its entry's error code
    refused_request,  // the whole request that it is in is refused
    forbidden,        // a policy forbids the whole request, until it is mended
};

class SimEvent {
  public:
    explicit SimEvent(Stage& stage) : stage_(stage) {}

    bool settled(bool durable);
    void resolved(bool delivered);

    uint64_t id = 0;
    size_t destination = 0;
    bool malformed = false;  // goes to the dead letters at once
    std::string body;
    Taste taste = Taste::good;
    bool waits = false;            // its sender wants to hear that it is on the bus
    int64_t failing_until_us = 0;  // until then the bus has internal failures with it

    int worker = -1;  // that it was given to
    int64_t given_us = 0;
    int64_t settled_us = 0;
    Answer answer = Answer::none;
    bool late = false;

    uint64_t published = 0;  // how often
    uint64_t refusals = 0;   // how often the bus refused it for good
    uint64_t spare = 0;      // duplicates that may be
    uint64_t copies = 0;     // and those that a crash left in the logs
    int64_t first_sent_us = -1;
    int64_t last_published_us = -1;
    int64_t last_refused_us = -1;
    bool may_be_lost = false;  // sync=os: not synced when the power went
    bool gone = false;         // no log had it when the power was back, and nobody else

    uint64_t letters = 0;  // at the end

  private:
    Stage& stage_;
};

// Its sender, as a process knows it.
class Sender final : public Waiter {
  public:
    explicit Sender(SimEvent& event) : event_(event) {}
    bool settled(bool durable, uint64_t /*sequence*/) override {
        return event_.settled(durable);
    }
    void resolved(bool delivered) override { event_.resolved(delivered); }

  private:
    SimEvent& event_;
};

class Ledger {
  public:
    explicit Ledger(Stage& stage) : stage_(stage) {}

    SimEvent& add();
    std::deque<SimEvent>& events() { return events_; }

    // The event with exactly these bytes. A null pointer: nobody sent that; `where` tells
    // the violation.
    SimEvent* find(std::string_view body, const char* where);

  private:
    Stage& stage_;
    std::deque<SimEvent> events_;
};

std::string cache_of(const SimEvent& event);
inline constexpr char topic_name[] = "topic";

}  // namespace momento::sim
