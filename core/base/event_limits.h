// What an event must keep to where it goes: beyond it, it is malformed. A value that is asked
// of the destination, once, while workers start. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace momento {

struct EventLimits {
    size_t names = SIZE_MAX;    // characters of cache#topic together
    size_t nesting = SIZE_MAX;  // levels of the body
    bool int64_only = false;    // integers fit signed 64 bits
    const char* whose = "";     // of the three above, for people: "EventBridge"

    size_t entry_overhead = 0;  // bytes an entry has beside cache, topic and body
    size_t entry_bytes = 0;     // an entry must be smaller; 0: not known yet
};

}  // namespace momento
