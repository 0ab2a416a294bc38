#include "delivery/intake.h"

#include <algorithm>
#include <utility>

namespace momento {
namespace {

constexpr size_t most_fresh_bytes = 6u << 20;
constexpr size_t most_bytes_again = 2u << 20;
constexpr size_t bytes_of_one_read = 256u << 10;

}  // namespace

void Intake::add_log(std::shared_ptr<Log> log) {
    drains_.push_back(std::make_unique<LogDrain>(std::move(log), logger_, clock_));
}

void Intake::take_drained(std::vector<std::shared_ptr<Log>>& logs) {
    for (size_t i = drains_.size(); i-- > 1;) {
        if (!drains_[i]->is_empty()) continue;
        logs.push_back(drains_[i]->log());
        drains_.erase(drains_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

bool Intake::reads(const Log& log) const {
    return std::any_of(drains_.begin(), drains_.end(),
                       [&log](const auto& drain) { return drain->log().get() == &log; });
}

void Intake::read(std::vector<Entry*>& entries) {
    size_t without = 0;  // logs in a row that have no more to give
    while (without < drains_.size()) {
        next_drain_ = next_drain_ % drains_.size();
        without = read_some(*drains_[next_drain_++], entries) ? 0 : without + 1;
    }
}

bool Intake::read_some(LogDrain& drain, std::vector<Entry*>& entries) {
    size_t room = room_for(drain);
    if (room == 0) return false;
    last_read_ = drain.log().get();
    size_t before = entries.size();
    bool more = drain.read(room, bytes_of_one_read, pool_, entries);
    for (size_t i = before; i < entries.size(); ++i) fresh_.bytes += entries[i]->memory;
    fresh_.entries += entries.size() - before;
    return more;
}

// How many more of a log's records memory may take.
size_t Intake::room_for(const LogDrain& drain) const {
    size_t share = std::max(least_share_, max_entries_ / drains_.size());
    if (drain.in_memory() >= share || fresh_.entries >= max_entries_ ||
        fresh_.bytes >= most_fresh_bytes) {
        return 0;
    }
    return std::min(share - drain.in_memory(), max_entries_ - fresh_.entries);
}

bool Intake::may_read() const {
    return std::any_of(drains_.begin(), drains_.end(), [this](const auto& drain) {
        return drain->has_more() && room_for(*drain) > 0;
    });
}

void Intake::leave_memory(const Entry& entry) {
    Share& share = share_of(entry);
    --share.entries;
    share.bytes -= entry.memory;
}

void Intake::park(Entry* entry) {
    if (entry->is_parked()) return;
    leave_memory(*entry);
    entry->drain->park(*entry);
}

bool Intake::may_load() const {
    return again_.entries < max_entries_ / 2 && again_.bytes < most_bytes_again;
}

Status Intake::load(Entry* entry) {
    Status read = entry->drain->read_again(*entry);
    if (!read) return read;
    ++again_.entries;
    again_.bytes += entry->memory;
    return {};
}

void Intake::resolve(Entry* entry, Resolution resolution) {
    entry->drain->resolve(*entry, resolution);
    give_back(entry);
}

void Intake::requeue(Entry* entry) {
    entry->drain->requeue(*entry);
    give_back(entry);
}

void Intake::keep(Entry* entry) {
    entry->drain->keep(*entry);
    give_back(entry);
}

void Intake::give_back(Entry* entry) {
    if (!entry->is_parked()) leave_memory(*entry);
    pool_.give_back(entry);
}

void Intake::find_blockers(size_t most, std::vector<Entry*>& entries) const {
    for (const auto& drain : drains_) drain->find_blockers(most, entries);
}

void Intake::find_oldest(std::vector<Entry*>& entries) const {
    for (const auto& drain : drains_) {
        if (Entry* entry = drain->oldest()) entries.push_back(entry);
    }
}

void Intake::post() {
    for (const auto& drain : drains_) drain->post();
}

bool Intake::owes_wake() const {
    return std::any_of(drains_.begin(), drains_.end(),
                       [](const auto& drain) { return drain->owes_wake(); });
}

bool Intake::is_watched() const {
    return std::any_of(drains_.begin(), drains_.end(),
                       [](const auto& drain) { return drain->log()->is_watched(); });
}

void Intake::wake_writers() {
    for (const auto& drain : drains_) drain->wake_writer();
}

uint64_t Intake::pending() const {
    uint64_t pending = 0;
    for (const auto& drain : drains_) pending += drain->log()->numbers().totals.pending();
    return pending;
}

}  // namespace momento
