// The entries of a destination that are held while others of it get through, in lines by the
// name they have there (cache and topic), and what is known of these names.
//
// In all at most one of them is tried a second, another each time, of another line each time;
// further apart, up to 30 s, while nothing at all gets through. Once one that had failed gets
// through the reason is gone, and its line is free. One that had not been tried yet frees
// those of its line that have not been either.
//
// A name of which an entry failed alone travels alone for a minute, so that it does not take
// others with it. Once ten in a row have failed alone it is closed: what comes of it then is
// put in its line untried.
//
// Belongs to the delivery thread. What waits here is parked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "delivery/entry.h"

namespace momento {

struct HeldLine {
    std::deque<Entry*> failed;   // longest ago first
    std::deque<Entry*> untried;  // oldest first
    bool failed_is_next = false;
    size_t on_trial = 0;    // of it, out to be tried again
    uint32_t failures = 0;  // that were news, in a row
    int64_t alone_until_us = 0;
};

class HeldAlone {
  public:
    static constexpr uint32_t closed_after = 10;

    // Whether anything is known of any name: most destinations need not ask more.
    bool any() const { return !lines_.empty(); }
    bool is_alone(const Record& record, int64_t now_us) const;
    bool is_closed(const Record& record) const;

    // An entry that was sent alone, and is held for a reason that may be its own. Its body is
    // still there. True if its name was known to fail: then that is no news.
    bool failed(Entry* entry, int64_t now_us);

    // An entry of a closed name.
    void add_untried(Entry* entry);

    // Not held. If it is from a line, those that are free now are appended to `freed`.
    void got_through(Entry* entry, int64_t now_us, std::vector<Entry*>& freed);

    // An entry from a line whose trial said nothing: it leaves its line.
    void forget(Entry* entry);

    // The next one to be tried, which stays a member of its line. Null: none, or not now;
    // `at_once` asks only whether there is one.
    Entry* next(int64_t now_us, bool at_once);
    int64_t next_us() const;  // INT64_MAX: not without a change
    bool has_next() const { return waiting_ > 0 && on_trial_ == 0; }

    // It is about to be requeued.
    void remove(Entry* entry);

    // Something of the destination got through.
    void note_delivery(int64_t now_us);

    // Forgets names of which nothing is left to know. Once a second.
    void tidy(int64_t now_us);

  private:
    using Lines = std::map<std::string, HeldLine>;

    const HeldLine* find(const Record& record) const;
    void free_all(std::deque<Entry*>& entries, std::vector<Entry*>& freed);
    void leave(Entry* entry);

    Lines lines_;
    std::string last_;    // whose turn it was
    size_t waiting_ = 0;  // entries in lines
    size_t on_trial_ = 0;
    int64_t gap_us_ = 0;
    int64_t next_us_ = 0;
    bool delivered_ = false;  // anything, since the last one failed
};

}  // namespace momento
