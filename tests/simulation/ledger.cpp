#include "ledger.h"

#include <charconv>

namespace momento::sim {
namespace {

constexpr int64_t deadline_us = 4'000'000;  // the sender is answered 503 then
constexpr std::string_view body_start = "{\"id\":";

}  // namespace

bool SimEvent::settled(bool durable) {
    if (answer != Answer::none) {
        stage_.violation("event " + std::to_string(id) + " is settled twice");
        return false;
    }
    settled_us = stage_.now();
    const bool in_time = settled_us - given_us <= deadline_us;
    answer = durable && in_time ? Answer::ok : Answer::refused;
    late = durable && !in_time;
    if (stage_.telling()) {
        stage_.tell("event " + std::to_string(id) +
                    (answer == Answer::ok ? " is acknowledged"
                     : late               ? " is durable, but late"
                                          : " is refused"));
    }
    return durable && waits;
}

void SimEvent::resolved(bool delivered) {
    if (!waits) stage_.violation("event " + std::to_string(id) + " is resolved twice");
    waits = false;
    if (delivered && published == 0) {
        stage_.violation("event " + std::to_string(id) + " is not on the bus, as it was said");
    }
}

SimEvent& Ledger::add() {
    SimEvent& event = events_.emplace_back(stage_);
    event.id = events_.size();
    return event;
}

SimEvent* Ledger::find(std::string_view body, const char* where) {
    uint64_t id = 0;
    if (body.substr(0, body_start.size()) == body_start) {
        const char* digits = body.data() + body_start.size();
        std::from_chars(digits, body.data() + body.size(), id);
    }
    if (id != 0 && id <= events_.size() && events_[id - 1].body == body) {
        return &events_[id - 1];
    }
    std::string shown(body.substr(0, 60));
    for (char& c : shown) {
        if (c < ' ' || c > '~') c = '.';
    }
    stage_.violation(std::string(where) + ": an event that nobody sent: \"" + shown + "\", " +
                     std::to_string(body.size()) + " bytes");
    return nullptr;
}

std::string cache_of(const SimEvent& event) {
    return "cache" + std::to_string(event.destination);
}

}  // namespace momento::sim
