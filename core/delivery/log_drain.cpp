#include "delivery/log_drain.h"

#include <algorithm>
#include <utility>

namespace momento {
namespace {

constexpr uint64_t most_passed = 1000;

}  // namespace

LogDrain::LogDrain(std::shared_ptr<Log> log, Logger& logger)
    : log_(std::move(log)), reader_(log_, logger) {}

uint64_t LogDrain::window_left() const {
    uint64_t next = reader_.next_sequence();
    uint64_t end = window_end();
    return next < end ? end - next : 0;
}

bool LogDrain::read(size_t max_records, size_t max_bytes, EntryPool& pool,
                    std::vector<Entry*>& entries) {
    uint64_t version = log_->version();
    if (caught_up_ && version == seen_version_) return false;
    max_records = std::min<uint64_t>(max_records, window_left());
    if (max_records == 0) return false;

    seen_version_ = version;
    records_.clear();
    caught_up_ = !reader_.read(max_records, max_bytes, records_, releases_);
    for (ReadRecord& read : records_) {
        // After a failed sync the log gives once more what it had given already (log.h).
        if (read.record.sequence <= last_read_) continue;
        last_read_ = read.record.sequence;

        Entry* entry = pool.take();
        entry->record = read.record;
        entry->end = read.end;
        entry->bytes = std::move(read.chunk);
        entry->drain = this;
        entry->place = first_place_ + ledger_.size();
        entry->memory = read.record.encoded_size();
        ledger_.push_back({read.record.sequence, entry});
        entries.push_back(entry);
        ++in_memory_;
    }
    records_.clear();
    return !caught_up_;
}

void LogDrain::clear_place(const Entry& entry) {
    ledger_[entry.place - first_place_].entry = nullptr;
    --in_memory_;
    while (!ledger_.empty() && ledger_.front().entry == nullptr) {
        ledger_.pop_front();
        ++first_place_;
    }
}

void LogDrain::resolve(const Entry& entry, Resolution resolution) {
    clear_place(entry);
    releases_.push_back({entry.record.sequence, entry.end, resolution});
    passed_ = std::min(passed_ + 1, most_passed);
}

void LogDrain::release_early(const Entry& entry) {
    releases_.push_back({entry.record.sequence, entry.end, Resolution::delivered});
}

void LogDrain::requeue(const Entry& entry) {
    clear_place(entry);
    requeues_.push_back({RecordBuffer::from(entry.record),
                         {entry.record.sequence, entry.end, Resolution::requeued}});
    --passed_;
}

Entry* LogDrain::blocker() const {
    if (ledger_.empty() || window_left() > 0) return nullptr;
    const Place& oldest = ledger_.front();
    return oldest.sequence == log_->base_sequence() ? oldest.entry : nullptr;
}

void LogDrain::post() {
    if (!beyond_.empty()) {
        releases_.insert(releases_.end(), beyond_.begin(), beyond_.end());
        beyond_.clear();
    }
    if (!releases_.empty()) {
        uint64_t end = window_end();
        auto within = std::partition(releases_.begin(), releases_.end(),
                                     [end](const Release& r) { return r.sequence < end; });
        beyond_.assign(within, releases_.end());
        releases_.erase(within, releases_.end());
    }
    if (!releases_.empty()) log_->release(std::exchange(releases_, {}));
    if (!requeues_.empty()) log_->requeue(std::exchange(requeues_, {}));
}

bool LogDrain::is_empty() const {
    return in_memory_ == 0 && releases_.empty() && beyond_.empty() && requeues_.empty() &&
           log_->opened_at() && log_->numbers().totals.pending() == 0;
}

}  // namespace momento
