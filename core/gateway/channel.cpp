#include "gateway/channel.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

namespace momento {
namespace {

constexpr size_t expected_batch = 32;

}  // namespace

Channel::Channel(std::shared_ptr<SeatedLog> log, std::function<void()> wake, RecordPool& pool,
                 bool may_use_reserve)
    : log_(std::move(log)),
      settlements_(wake),
      releases_(std::move(wake)),
      pool_(pool),
      may_use_reserve_(may_use_reserve) {}

// Each record has its waiter, whatever memory there is.
void Channel::append(RecordBuffer record, std::unique_ptr<Waiter>&& waiter) {
    const size_t size = batch_.records.size();
    if (size == batch_.records.capacity()) {
        batch_.records.reserve(std::max(expected_batch, 2 * size));
    }
    waiters_.push_back(std::move(waiter));
    batch_.records.push_back(std::move(record));
}

void Channel::flush() {
    if (batch_.records.empty()) return;
    batch_.first_ticket = next_ticket_;
    batch_.reply = &settlements_;
    batch_.used = &used_;
    batch_.may_use_reserve = may_use_reserve_;
    next_ticket_ += batch_.records.size();
    log_->append(std::exchange(batch_, {}));
}

void Channel::watch() {
    if (std::exchange(watched_, true)) return;
    log_->watch(&releases_);
}

void Channel::collect() {
    if (!waiters_.empty()) collect_settlements();
    if (watched_) collect_releases();
}

void Channel::give_up() {
    while (!waiters_.empty()) settle_next(false, 0);
    // One at a time: what one hears may make another one forgotten.
    while (!waiting_on_.empty()) {
        waiting_on_.extract(waiting_on_.begin()).mapped()->resolved(false);
    }
}

void Channel::collect_settlements() {
    settle_taken();  // what a lack of memory has left
    settlements_.take(taken_settlements_);
    settled_ = 0;
    collect_used();
    settle_taken();
}

void Channel::settle_taken() {
    for (; settled_ < taken_settlements_.size(); ++settled_) {
        Settlement& settlement = taken_settlements_[settled_];
        // Of a batch for which there was no memory nobody hears again.
        while (next_ticket_ - handed_over() < settlement.first_ticket) settle_next(false, 0);
        while (settlement.count > 0) {
            --settlement.count;
            ++settlement.first_ticket;
            settle_next(settlement.durable, settlement.first_sequence++);
        }
    }
}

void Channel::collect_used() {
    used_.take(taken_used_);
    for (std::vector<RecordBuffer>& records : taken_used_) {
        for (RecordBuffer& record : records) pool_.give_back(std::move(record));
        records.clear();
        if (batch_.records.empty()) batch_.records = std::move(records);
    }
}

void Channel::settle_next(bool durable, uint64_t sequence) {
    std::unique_ptr<Waiter> waiter = std::move(waiters_.front());
    waiters_.pop_front();
    if (durable) last_settled_ = sequence;
    const bool waits_on = waiter->settled(durable, sequence);
    if (!waits_on) return;
    const auto early = early_.find(sequence);
    if (early != early_.end()) {
        waiter->resolved(early->second);
        return;
    }
    try {
        waiting_on_.emplace(sequence, std::move(waiter));
    } catch (const std::bad_alloc&) {
        waiter->resolved(false);  // nobody will hear what becomes of it
    }
}

void Channel::collect_releases() {
    releases_.take(taken_releases_);
    for (const std::vector<Release>& releases : taken_releases_) {
        for (const Release& release : releases) {
            resolve(release.sequence, release.resolution == Resolution::delivered);
        }
    }
    for (auto it = early_.begin(); it != early_.end();) {
        it = it->first <= last_settled_ ? early_.erase(it) : std::next(it);
    }
}

void Channel::resolve(uint64_t sequence, bool delivered) {
    const auto waiting = waiting_on_.find(sequence);
    if (waiting != waiting_on_.end()) {
        const std::unique_ptr<Waiter> waiter = std::move(waiting->second);
        waiting_on_.erase(waiting);
        waiter->resolved(delivered);
    } else if (sequence > last_settled_ && handed_over() > 0) {
        // Else it is a record that was found in the log: nobody will ask.
        early_.emplace(sequence, delivered);
    }
}

}  // namespace momento
