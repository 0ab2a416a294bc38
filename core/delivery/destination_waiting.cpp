// The entries of one destination that wait: for a moment, for their letters, for others of
// their name; and how they make room for what stands behind them in their log.
#include <algorithm>
#include <utility>

#include "delivery/destination_delivery.h"

namespace momento {
namespace {

using Fate = Reports::Fate;

constexpr size_t most_letter_bytes = 1u << 20;  // on their way to the letters' log
constexpr size_t most_letters = 256;
constexpr int64_t reread_after_us = 1'000'000;
constexpr int64_t requeue_interval_us = 10'000;  // of blockers, though nothing passed
constexpr int64_t most_requeues = 100;           // of them at once

}  // namespace

// --- dead letters

void DestinationDelivery::bury(Entry* entry, EntryVerdict verdict) {
    entry->refusal = std::move(verdict);
    if (unburied_.empty() && may_bury()) {
        letters_.bury(entry);
    } else {
        wait_for_letter(entry);
    }
}

// While letters cannot be stored one at a time finds out whether they can.
bool DestinationDelivery::may_bury() const {
    if (unstored_.active()) return letters_.idle() && unstored_.may_probe(now_us_);
    return letters_.bytes() < most_letter_bytes && letters_.count() < most_letters;
}

void DestinationDelivery::wait_for_letter(Entry* entry) {
    intake_.park(entry);
    stand_still(entry);
    entry->unburied = true;
    unburied_.push_back(entry);
}

void DestinationDelivery::bury_waiting() {
    while (!unburied_.empty() && may_bury() && intake_.may_load()) {
        Entry* entry = unburied_.front();
        unburied_.pop_front();
        entry->unburied = false;
        if (load(entry)) letters_.bury(entry);
    }
}

void DestinationDelivery::settle_letters() {
    durable_.clear();
    failed_.clear();
    letters_.settle(durable_, failed_);
    for (Entry* entry : durable_) intake_.resolve(entry, Resolution::dead);
    if (!durable_.empty() && unstored_.active()) {
        reports_.changed(Severity::error, ": dead letters can be stored again");
        unstored_.end(now_us_);
    }
    if (failed_.empty()) return;
    if (unstored_.active()) {
        unstored_.probe_failed(now_us_);
    } else {
        unstored_.begin(now_us_);
    }
    for (Entry* entry : failed_) {
        reports_.note(Fate::unstored, entry->refusal->code, {});
        wait_for_letter(entry);
    }
}

// --- waiting

void DestinationDelivery::wait(Entry* entry, int64_t delay_us) {
    intake_.park(entry);
    entry->waiting = true;
    entry->waiting_since_us = now_us_;
    entry->due_us = now_us_ + delay_us;
    waiting_.emplace(entry->due_us, entry);
}

void DestinationDelivery::stand_still(Entry* entry) {
    entry->waiting_since_us = now_us_;
    entry->held = true;
    ++standing_still_;
}

void DestinationDelivery::hold_alone(Entry* entry, int64_t delay_us) {
    wait(entry, delay_us);
    stand_still(entry);
}

void DestinationDelivery::hold_in_line(Entry* entry) {
    held_alone_.add_untried(entry);
    intake_.park(entry);
    stand_still(entry);
}

// Their clocks stand until they are looked at.
void DestinationDelivery::wake_freed() {
    for (Entry* entry : freed_) {
        entry->waiting = true;
        entry->due_us = now_us_;
        waiting_.emplace(entry->due_us, entry);
    }
    freed_.clear();
}

void DestinationDelivery::wake_waiting() {
    while (!waiting_.empty() && waiting_.begin()->first <= now_us_ && intake_.may_load()) {
        Entry* entry = waiting_.begin()->second;
        waiting_.erase(waiting_.begin());
        entry->waiting = false;
        concerning(&entry, 1, [&] {
            if (entry->refusal) {
                account_hold(entry);
                wait_for_letter(entry);
            } else if (load(entry)) {
                make_ready(entry);
            }
        });
    }
}

// What has waited is read again, and its clock runs. False: that cannot be done now, and it
// waits; others go on.
bool DestinationDelivery::load(Entry* entry) {
    account_hold(entry);
    Status read = intake_.load(entry);
    if (read) return true;
    reports_.note(Fate::unread, read.error().text, {});
    held_alone_.forget(entry);
    wait(entry, reread_after_us);
    return false;
}

int64_t DestinationDelivery::waiting_next_us() const {
    int64_t next = never_us;
    if (blocked_) next = next_requeue_us_;
    if (!intake_.may_load()) return next;  // something has to leave memory first
    if (!waiting_.empty()) next = std::min(next, waiting_.begin()->first);
    if (unburied_.empty()) return next;
    if (may_bury()) return now_us_;
    const bool is_probe_next = unstored_.active() && letters_.idle();
    return is_probe_next ? std::min(next, unstored_.next_probe_us()) : next;
}

// The time on hold that has passed since the entry was last looked at does not count.
void DestinationDelivery::account_hold(Entry* entry) {
    int64_t total_us = hold_.total_us(now_us_);
    int64_t us = total_us - std::exchange(entry->hold_total_us, total_us);
    if (entry->held) {
        us = std::max(us, now_us_ - entry->waiting_since_us);
        entry->held = false;
        --standing_still_;
    }
    entry->stop_clock(us);
}

// --- making room

bool DestinationDelivery::is_overdue(const Entry& entry) const {
    return now_us_ - entry.read_us >= settings_.requeue_after_ms * 1000;
}

// One record must not keep a log from being read on, nor hold the space behind it.
void DestinationDelivery::requeue_blockers() {
    blocked_ = false;
    if (paused()) return;
    blockers_.clear();
    intake_.find_oldest(blockers_);
    for (Entry* entry : blockers_) {
        const bool is_due =
            entry->is_parked() && is_overdue(*entry) && entry->drain->may_requeue();
        if (is_due && entry->drain->is_short_of_room()) (void)try_requeue(entry);
    }
    blockers_.clear();
    intake_.find_blockers(most_requeues, blockers_);
    next_requeue_us_ =
        std::max(next_requeue_us_, now_us_ - (most_requeues - 1) * requeue_interval_us);
    for (Entry* entry : blockers_) {
        if (!entry->is_parked()) continue;
        const bool is_paid = entry->drain->may_requeue();
        if (!is_paid && now_us_ < next_requeue_us_) {
            blocked_ = true;
        } else if (try_requeue(entry) && !is_paid) {
            next_requeue_us_ += requeue_interval_us;
        }
    }
}

// Of an entry that waits, or has just come back.
bool DestinationDelivery::try_requeue(Entry* entry) {
    if (paused() || stopping_) return false;
    if (entry->is_parked()) {
        stop_waiting(entry);
        if (!load(entry)) return false;  // however full memory is: it leaves at once
    }
    account_hold(entry);
    intake_.requeue(entry);
    return true;
}

void DestinationDelivery::stop_waiting(Entry* entry) {
    if (entry->line != nullptr) held_alone_.remove(entry);
    if (std::exchange(entry->unburied, false)) {
        unburied_.erase(std::find(unburied_.begin(), unburied_.end(), entry));
    }
    if (!std::exchange(entry->waiting, false)) return;
    auto [it, end] = waiting_.equal_range(entry->due_us);
    while (it != end && it->second != entry) ++it;
    if (it != end) waiting_.erase(it);
}

}  // namespace momento
