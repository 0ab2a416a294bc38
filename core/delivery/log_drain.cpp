#include "delivery/log_drain.h"

#include <algorithm>
#include <utility>

#include "base/metrics.h"

namespace momento {
namespace {

constexpr uint64_t most_passed = 1000;
constexpr size_t expected_releases = 32;

}  // namespace

LogDrain::LogDrain(std::shared_ptr<Log> log, Logger& logger)
    : log_(std::move(log)), reader_(log_, logger) {}

bool LogDrain::read(size_t max_records, size_t max_bytes, EntryPool& pool,
                    std::vector<Entry*>& entries) {
    records_.clear();
    more_ = reader_.read(max_records, max_bytes, records_, releases_);
    for (ReadRecord& read : records_) {
        Entry* entry = pool.take();
        entry->record = read.record;
        entry->end = read.end;
        entry->bytes = std::move(read.chunk);
        entry->drain = this;
        entry->place = first_place_ + ledger_.size();
        entry->memory = read.size;
        ledger_.push_back({read.record.sequence, entry});
        entries.push_back(entry);
    }
    in_memory_ += records_.size();
    records_.clear();
    return more_;
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
    Release release{entry.record.sequence, entry.end, resolution};
    if (resolution == Resolution::dead) release.reason = dead_reason(entry.refusal->code);
    if (releases_.empty()) releases_.reserve(expected_releases);
    releases_.push_back(release);
    passed_ = std::min(passed_ + 1, most_passed);
}

void LogDrain::release_early(const Entry& entry) {
    releases_.push_back({entry.record.sequence, entry.end, Resolution::delivered});
}

void LogDrain::requeue(const Entry& entry) {
    clear_place(entry);
    const Record& record = entry.record;
    requeues_.push_back({RecordBuffer::from(record),
                         {record.sequence, entry.end, Resolution::requeued, record.origin}});
    --passed_;
}

Entry* LogDrain::blocker() const {
    uint64_t base = log_->base_sequence();
    bool at_edge = reader_.next_sequence() >= base + cursor_window;
    bool is_base = !ledger_.empty() && ledger_.front().sequence == base;
    return at_edge && is_base ? ledger_.front().entry : nullptr;
}

void LogDrain::post() {
    owes_wake_ = owes_wake_ || !releases_.empty();
    if (!releases_.empty()) log_->release(std::exchange(releases_, {}));
    if (!requeues_.empty()) log_->requeue(std::exchange(requeues_, {}));
}

void LogDrain::wake_writer() {
    if (std::exchange(owes_wake_, false)) log_->wake_writer();
}

bool LogDrain::is_empty() const {
    return in_memory_ == 0 && releases_.empty() && requeues_.empty() && log_->opened_at() &&
           log_->numbers().totals.pending() == 0;
}

}  // namespace momento
