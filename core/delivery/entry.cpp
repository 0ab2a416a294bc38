#include "delivery/entry.h"

#include <algorithm>

namespace momento {

void Entry::detach() {
    std::string_view* views[] = {
        &record.body,        &record.cache,       &record.topic,         &record.trace_header,
        &record.destination, &record.reason_code, &record.reason_message};
    size_t needed = 0;
    for (const std::string_view* view : views) needed += view->size();
    if (bytes && bytes->size() <= 2 * needed) return;

    auto own = std::make_shared<Bytes>(needed);
    char* at = own->data();
    for (std::string_view* view : views) {
        char* start = at;
        at = std::copy(view->begin(), view->end(), start);
        *view = {start, view->size()};
    }
    bytes = std::move(own);
}

void Entry::stop_clock(int64_t us) {
    if (record.first_attempt_ms == 0) return;
    clock_start_us += us;
    record.held_ms += us / 1000;
}

Entry* EntryPool::take() {
    if (free_.empty()) return &entries_.emplace_back();
    Entry* entry = free_.back();
    free_.pop_back();
    return entry;
}

void EntryPool::give_back(Entry* entry) {
    *entry = {};
    free_.push_back(entry);
}

}  // namespace momento
