// Log lines of one destination's delivery: changes of state at once; what happens to
// entries again and again in at most one line a second, with running totals.
//
// Codes and request ids only: a destination's messages may quote an event.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/enum_table.h"
#include "base/logger.h"

namespace momento {

class Reports {
  public:
    enum class Fate {
        retried,    // will be sent again
        refused,    // a dead letter
        exhausted,  // a dead letter
        held,       // kept while others of the destination get through
        unstored,   // its dead letter could not be stored: kept
        kept,       // a dead letter that its queue will never take
        unread,     // waits, and cannot be read again now
        count,
    };

    // `subject`: `destination "name"`, which each line begins with.
    Reports(std::string subject, Logger& logger)
        : prefix_(std::move(subject)), logger_(logger) {}

    // `line` goes on after the subject.
    void changed(Severity severity, const std::string& line);

    // One entry's fate; `code` and `request_id` (may be empty) are examples of why.
    void note(Fate fate, const std::string& code, const std::string& request_id);

    // Writes what was noted, unless the last such line was less than a second ago.
    void step(int64_t now_us);
    bool has_more() const { return noted_; }
    int64_t next_us() const { return next_us_; }

  private:
    struct Tally {
        uint64_t fresh = 0;
        uint64_t total = 0;
        std::string example;
    };

    const std::string prefix_;
    Logger& logger_;
    EnumTable<Fate, Tally> tallies_;
    bool noted_ = false;
    int64_t next_us_ = INT64_MIN;
};

}  // namespace momento
