#include "delivery/log_drain.h"

#include <algorithm>
#include <utility>

namespace momento {
namespace {

// The most that read() may find beyond the last record that was known to fit in.
constexpr uint64_t window_margin = 1024;

constexpr uint64_t most_passed = 1000;

}  // namespace

LogDrain::LogDrain(std::shared_ptr<Log> log, Logger& logger)
    : log_(std::move(log)), reader_(log_, logger) {}

uint64_t LogDrain::window_left() const {
    if (ledger_.empty()) return cursor_window - window_margin;
    uint64_t end = ledger_.front().sequence + cursor_window - window_margin;
    uint64_t next = reader_.next_sequence();
    return next < end ? end - next : 0;
}

bool LogDrain::read(size_t max_records, size_t max_bytes, EntryPool& pool,
                    std::vector<Entry*>& entries) {
    settle_requeues();
    uint64_t version = log_->version();
    if (caught_up_ && version == seen_version_) return false;
    max_records = std::min<uint64_t>(max_records, window_left());
    if (max_records == 0) return false;

    seen_version_ = version;
    records_.clear();
    caught_up_ = !reader_.read(max_records, max_bytes, records_, releases_);
    for (ReadRecord& read : records_) {
        Entry* entry = pool.take();
        entry->record = read.record;
        entry->end = read.end;
        entry->bytes = std::move(read.chunk);
        entry->drain = this;
        entry->place = first_place_ + ledger_.size();
        entry->memory = read.record.encoded_size();
        ledger_.push_back({read.record.sequence, entry, false});
        entries.push_back(entry);
    }
    in_memory_ += records_.size();
    records_.clear();
    return !caught_up_;
}

void LogDrain::resolve(const Entry& entry, Resolution resolution) {
    Place& place = ledger_[entry.place - first_place_];
    place.entry = nullptr;
    --in_memory_;
    releases_.push_back({entry.record.sequence, entry.end, resolution});
    passed_ = std::min(passed_ + 1, most_passed);
    mark_resolved(entry.place);
}

void LogDrain::release_early(const Entry& entry) {
    releases_.push_back({entry.record.sequence, entry.end, Resolution::delivered});
}

void LogDrain::requeue(const Entry& entry) {
    if (requeued_.empty()) requeues_settled_ = log_->numbers().totals.requeued;
    Place& place = ledger_[entry.place - first_place_];
    place.entry = nullptr;
    --in_memory_;
    --passed_;
    requeued_.push_back(entry.place);
    requeues_.push_back({RecordBuffer::from(entry.record),
                         {entry.record.sequence, entry.end, Resolution::requeued}});
}

// The log tells by its count only, and settles requeues in order.
void LogDrain::settle_requeues() {
    if (requeued_.empty()) return;
    uint64_t settled = log_->numbers().totals.requeued;
    while (!requeued_.empty() && requeues_settled_ < settled) {
        uint64_t place = requeued_.front();
        requeued_.pop_front();
        ++requeues_settled_;
        mark_resolved(place);
    }
}

void LogDrain::mark_resolved(uint64_t place) {
    ledger_[place - first_place_].resolved = true;
    while (!ledger_.empty() && ledger_.front().resolved) {
        ledger_.pop_front();
        ++first_place_;
    }
}

Entry* LogDrain::blocker() const {
    return ledger_.empty() || window_left() > 0 ? nullptr : ledger_.front().entry;
}

void LogDrain::post() {
    if (!releases_.empty()) log_->release(std::exchange(releases_, {}));
    if (!requeues_.empty()) log_->requeue(std::exchange(requeues_, {}));
}

bool LogDrain::is_empty() const {
    return in_memory_ == 0 && releases_.empty() && requeues_.empty() && log_->opened_at() &&
           log_->numbers().totals.pending() == 0;
}

}  // namespace momento
