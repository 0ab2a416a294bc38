#include "delivery/entry.h"

#include <array>
#include <utility>

namespace momento {
namespace {

std::array<std::string_view*, 7> views_of(Record& record) {
    return {&record.body,          &record.cache,       &record.topic,
            &record.trace_header,  &record.destination, &record.reason_code,
            &record.reason_message};
}

}  // namespace

void Entry::park() {
    for (std::string_view* view : views_of(record)) *view = {};
    bytes.reset();
    again = true;
}

void Entry::unpark(const Record& same, std::shared_ptr<const Bytes> its_bytes) {
    Record theirs = same;
    const auto from = views_of(theirs);
    const auto to = views_of(record);
    for (size_t i = 0; i < to.size(); ++i) *to[i] = *from[i];
    bytes = std::move(its_bytes);
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
