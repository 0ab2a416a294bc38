#include "delivery/log_drain.h"

#include <algorithm>
#include <utility>

#include "destination/dead_reasons.h"

namespace momento {
namespace {

constexpr uint64_t most_passed = 1000;
constexpr size_t expected_releases = 32;

}  // namespace

LogDrain::LogDrain(std::shared_ptr<Log> log, Logger& logger, const Clock& clock)
    : log_(std::move(log)), reader_(log_, logger, clock), rereader_(log_) {}

bool LogDrain::read(size_t max_records, size_t max_bytes, EntryPool& pool,
                    std::vector<Entry*>& entries) {
    records_.clear();
    more_ = reader_.read(max_records, max_bytes, records_, releases_);
    log_->note_unreadable(reader_.unreadable());
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
    if (!entry.again) --in_memory_;
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

void LogDrain::park(Entry& entry) {
    if (!entry.again) --in_memory_;
    entry.park();
}

Status LogDrain::read_again(Entry& entry) {
    auto read = rereader_.read(entry.record.sequence, entry.end, entry.memory);
    if (!read) return read.error();
    entry.end = read->end;
    entry.unpark(read->record, std::move(read->chunk));
    return {};
}

void LogDrain::release_early(const Entry& entry) {
    releases_.push_back({entry.record.sequence, entry.end, Resolution::delivered});
}

void LogDrain::requeue(const Entry& entry) {
    clear_place(entry);
    const Record& record = entry.record;
    requeues_.push_back({RecordBuffer::from(record),
                         {record.sequence, entry.end, Resolution::requeued, record.origin}});
    if (passed_ > 0) --passed_;
}

Entry* LogDrain::oldest() const {
    const bool is_base = !ledger_.empty() && ledger_.front().sequence == log_->base_sequence();
    return is_base ? ledger_.front().entry : nullptr;
}

void LogDrain::find_blockers(size_t most, std::vector<Entry*>& entries) const {
    const uint64_t next = reader_.next_sequence();
    if (next < log_->base_sequence() + cursor_window || oldest() == nullptr) return;
    if (log_->numbers().totals.last_sequence < next) return;  // nothing stands behind
    for (const Place& place : ledger_) {
        if (most == 0) return;
        if (place.entry == nullptr) continue;
        entries.push_back(place.entry);
        --most;
    }
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
    return ledger_.empty() && releases_.empty() && requeues_.empty() && log_->opened_at() &&
           log_->numbers().totals.pending() == 0;
}

}  // namespace momento
