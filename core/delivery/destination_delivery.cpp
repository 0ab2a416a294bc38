#include "delivery/destination_delivery.h"

#include <algorithm>
#include <limits>

#include "spool/planted.h"

namespace momento {
namespace {

using Kind = EntryVerdict::Kind;
using Fate = Reports::Fate;

constexpr size_t least_entries_in_memory = 100;
constexpr int64_t first_hold_ms = 1'000;
constexpr int64_t longest_hold_ms = 30'000;
constexpr uint32_t most_hold_doublings = 5;
constexpr int64_t wake_interval_us = 2'000;  // of a log's writer, for releases
constexpr int64_t gauges_interval_us = 1'000'000;
constexpr int64_t never_us = std::numeric_limits<int64_t>::max();

std::string seconds(int64_t us) {
    return std::to_string(us / 1'000'000) + " s";
}

const EntryVerdict* find(const BatchResult& result, Kind kind) {
    for (const EntryVerdict& verdict : result.entries) {
        if (verdict.kind == kind) return &verdict;
    }
    return nullptr;
}

// For log lines: code and request id, never the destination's message.
std::string reason(const BatchResult& result, Kind kind) {
    const EntryVerdict* verdict = find(result, kind);
    std::string text = verdict ? verdict->code : std::string();
    if (!result.trouble.empty()) text += ": " + result.trouble;
    return result.request_id.empty() ? text : text + ", request id " + result.request_id;
}

DeliveryOutcome outcome_of(const BatchResult& result) {
    bool all_delivered =
        std::all_of(result.entries.begin(), result.entries.end(),
                    [](const auto& verdict) { return verdict.kind == Kind::delivered; });
    if (all_delivered) return DeliveryOutcome::ok;
    if (find(result, Kind::delivered)) return DeliveryOutcome::partial;
    if (result.throttled) return DeliveryOutcome::throttled;
    if (result.unreachable) return DeliveryOutcome::unreachable;
    if (find(result, Kind::hold)) return DeliveryOutcome::held;
    if (find(result, Kind::refused)) return DeliveryOutcome::refused;
    return DeliveryOutcome::failed;
}

}  // namespace

struct DestinationDelivery::Flight {
    std::vector<Entry*> entries;
    int64_t sent_us = 0;
    int64_t sent_wall_ms = 0;
    bool probe = false;
};

DestinationDelivery::DestinationDelivery(DeliverySettings settings,
                                         std::shared_ptr<Destination> destination,
                                         std::shared_ptr<Log> letters,
                                         DestinationMetrics* metrics,
                                         const DeliveryTools& tools)
    : settings_(std::move(settings)),
      destination_(std::move(destination)),
      tools_(tools),
      metrics_(metrics ? *metrics : own_metrics_),
      intake_(std::max(least_entries_in_memory,
                       2 * destination_->max_in_flight() * destination_->limits().entries),
              destination_->limits().entries, *tools.logger),
      batcher_(destination_->limits(), settings_.linger_ms),
      concurrency_(destination_->max_in_flight()),
      breaker_(settings_.retry.max_delay_ms, *tools.random),
      hold_(first_hold_ms, longest_hold_ms, *tools.random),
      unstored_(first_hold_ms, longest_hold_ms, *tools.random),
      letters_(settings_.name, std::move(letters), [http = tools.http] { http->wake(); }),
      reports_(settings_.subject.empty() ? "destination \"" + settings_.name + '"'
                                         : settings_.subject,
               *tools.logger) {}

void DestinationDelivery::step() {
    now_us_ = tools_.clock->steady_us();
    settle_letters();
    if (!stopping_) {
        wake_waiting();
        requeue_blockers();
        fill();
        send();
    }
    destination_->step();
    post();
    update_gauges();
    reports_.step(now_us_);
}

void DestinationDelivery::post() {
    letters_.post();
    intake_.post();
    if (!intake_.owes_wake() || (now_us_ < next_wake_us_ && !stopping_)) return;
    intake_.wake_writers();
    next_wake_us_ = now_us_ + wake_interval_us;
}

void DestinationDelivery::stop_sending() {
    stopping_ = true;
    destination_->stop_sending();
}

int64_t DestinationDelivery::next_us() const {
    int64_t next = reports_.has_more() ? reports_.next_us() : never_us;
    if (stopping_) return next;
    if (intake_.may_read()) return now_us_;
    if (intake_.owes_wake()) next = std::min(next, next_wake_us_);
    if (!waiting_.empty()) next = std::min(next, waiting_.begin()->first);
    if (batcher_.empty()) return next;
    if (paused()) {
        int64_t probe = std::max(hold_.next_probe_us(), breaker_.pause().next_probe_us());
        return probing_ ? next : std::min(next, probe);
    }
    if (in_flight_ >= concurrency_.allowed()) return next;
    return std::min(next, batcher_.leaves_us(in_flight_ == 0));
}

// --- in

void DestinationDelivery::fill() {
    read_.clear();
    intake_.read(read_);
    for (Entry* entry : read_) admit(entry);
}

void DestinationDelivery::admit(Entry* entry) {
    Record& record = entry->record;
    if (!destination_->accepts(record)) {
        intake_.keep(entry);
        return;
    }
    entry->size = destination_->entry_size(record);
    entry->read_us = now_us_;
    entry->hold_total_us = hold_.total_us(now_us_);
    // A letter's attempts were those of the destination that refused it.
    if (record.attempts == 0 || record.kind == RecordKind::dead_letter) {
        batcher_.add(entry, now_us_);
        return;
    }
    // It was tried before a restart, or before it was requeued: its clocks run on.
    int64_t wall_ms = tools_.clock->wall_ms();
    int64_t age_ms = wall_ms - record.first_attempt_ms - record.held_ms;
    entry->clock_start_us = now_us_ - std::max<int64_t>(age_ms, 0) * 1000;
    int64_t delay_ms =
        retry_delay_ms(settings_.retry, record.attempts, false, 0, *tools_.random);
    int64_t due_ms = record.last_attempt_ms + delay_ms - wall_ms;
    wait(entry, std::min(std::max<int64_t>(due_ms, 0), delay_ms) * 1000);
}

// --- out

bool DestinationDelivery::may_send() const {
    if (!paused()) return in_flight_ < concurrency_.allowed();
    return !probing_ && hold_.may_probe(now_us_) && breaker_.pause().may_probe(now_us_);
}

void DestinationDelivery::send() {
    while (may_send()) {
        std::vector<Entry*> batch = batcher_.take(now_us_, in_flight_ == 0 || paused());
        if (batch.empty()) return;
        dispatch(std::move(batch));
    }
}

void DestinationDelivery::dispatch(std::vector<Entry*> batch) {
    auto flight = std::make_shared<Flight>();
    flight->entries = std::move(batch);
    flight->sent_us = now_us_;
    flight->sent_wall_ms = tools_.clock->wall_ms();
    flight->probe = paused();
    if (flight->probe) probing_ = true;
    ++in_flight_;

    std::vector<const Record*> records;
    records.reserve(flight->entries.size());
    for (const Entry* entry : flight->entries) {
        records.push_back(&entry->record);
        if (planted(Bug::released_before_delivery)) entry->drain->release_early(*entry);
    }
    destination_->send(std::move(records), [this, flight](BatchResult result) {
        receive(*flight, std::move(result));
    });
}

// --- back

void DestinationDelivery::receive(const Flight& flight, BatchResult result) {
    now_us_ = tools_.clock->steady_us();
    --in_flight_;
    if (flight.probe) probing_ = false;
    // A destination that says nothing about an entry leaves it undecided.
    if (result.entries.size() != flight.entries.size()) {
        result.entries.resize(flight.entries.size(), {Kind::retry, "IncompleteAnswer", {}});
    }
    metrics_.requests[static_cast<size_t>(outcome_of(result))].fetch_add(
        1, std::memory_order_relaxed);
    metrics_.delivery.observe(static_cast<uint64_t>(std::max<int64_t>(result.elapsed_us, 0)));

    // If anything got through, the destination is open, and only the entries are held.
    bool held = find(result, Kind::hold) && !find(result, Kind::delivered);
    if (!stopping_) judge_destination(flight, result, held);
    if (result.whole_request && flight.entries.size() > 1) {
        batcher_.split(flight.entries);
        return;
    }
    for (size_t i = 0; i < flight.entries.size(); ++i) {
        judge_entry(flight.entries[i], flight, result, result.entries[i], held);
    }
}

void DestinationDelivery::judge_destination(const Flight& flight, const BatchResult& result,
                                            bool held) {
    bool was_open = breaker_.open();
    int64_t lasted = breaker_.pause().lasted_us(now_us_);
    if (breaker_.record(result.unreachable, flight.probe, now_us_)) {
        if (was_open) {
            reports_.changed(Severity::notice, " is back after " + seconds(lasted));
        } else {
            reports_.changed(Severity::error, " cannot be reached (" +
                                                  reason(result, Kind::retry) +
                                                  "): its events wait, it is probed");
        }
        next_gauges_us_ = now_us_;
    }

    if (result.throttled) {
        concurrency_.throttled(flight.sent_us, now_us_);
    } else if (!result.unreachable && !held) {
        concurrency_.succeeded();
    }

    if (held) {
        begin_or_prolong_hold(flight, result);
    } else if (hold_.active() && flight.probe) {
        if (result.unreachable || result.throttled) {
            hold_.probe_failed(now_us_);
            return;
        }
        reports_.changed(Severity::notice,
                         " is off hold after " + seconds(hold_.lasted_us(now_us_)));
        hold_.end(now_us_);
        next_gauges_us_ = now_us_;
    }
}

void DestinationDelivery::begin_or_prolong_hold(const Flight& flight,
                                                const BatchResult& result) {
    if (hold_.active()) {
        if (!flight.probe) return;  // sent before the hold began: nothing new
        hold_.probe_failed(now_us_);
        reports_.changed(Severity::error, " is still on hold after " +
                                              seconds(hold_.lasted_us(now_us_)) + " (" +
                                              reason(result, Kind::hold) + ")");
        return;
    }
    hold_.begin(now_us_);
    next_gauges_us_ = now_us_;
    reports_.changed(Severity::error, " is on hold (" + reason(result, Kind::hold) +
                                          "): its events wait, no attempt is counted");
}

void DestinationDelivery::judge_entry(Entry* entry, const Flight& flight,
                                      const BatchResult& result, EntryVerdict& verdict,
                                      bool destination_held) {
    account_hold(entry);
    if (verdict.kind != Kind::hold) {
        entry->holds = 0;
        count_attempt(entry, flight);
    }
    switch (verdict.kind) {
        case Kind::delivered:
            intake_.resolve(entry, Resolution::delivered);
            return;
        case Kind::retry:
            retry(entry, result, verdict);
            return;
        case Kind::refused:
            metrics_.refused.fetch_add(1, std::memory_order_relaxed);
            reports_.note(Fate::refused, verdict.code, result.request_id);
            bury(entry, std::move(verdict));
            return;
        case Kind::keep:
            reports_.note(Fate::kept, verdict.code, result.request_id);
            intake_.keep(entry);
            return;
        case Kind::hold:
            break;
    }
    if (destination_held) {
        batcher_.add(entry, now_us_);
        return;
    }
    reports_.note(Fate::held, verdict.code, result.request_id);
    int64_t delay_ms = first_hold_ms << std::min(entry->holds++, most_hold_doublings);
    hold_alone(entry, std::min(delay_ms, longest_hold_ms) * 1000);
}

void DestinationDelivery::count_attempt(Entry* entry, const Flight& flight) {
    Record& record = entry->record;
    ++record.attempts;
    record.last_attempt_ms = flight.sent_wall_ms;
    if (record.first_attempt_ms != 0) return;
    record.first_attempt_ms = flight.sent_wall_ms;
    entry->clock_start_us = flight.sent_us;
}

void DestinationDelivery::retry(Entry* entry, const BatchResult& result,
                                EntryVerdict& verdict) {
    const Record& record = entry->record;
    int64_t age_us = now_us_ - entry->clock_start_us;
    if (is_exhausted(settings_.retry, record.attempts, age_us / 1000)) {
        reports_.note(Fate::exhausted, verdict.code, result.request_id);
        // EventBridge's own name for this in the dead letters of its targets.
        verdict.message = "EXHAUSTED_RETRY_CONDITION MaximumEventAgeInSeconds: " +
                          std::to_string(record.attempts) + " attempts in " + seconds(age_us) +
                          "; the last: " + verdict.message;
        bury(entry, std::move(verdict));
        return;
    }
    metrics_.retried.fetch_add(1, std::memory_order_relaxed);
    if (!stopping_) reports_.note(Fate::retried, verdict.code, result.request_id);
    bool overdue = now_us_ - entry->read_us >= settings_.requeue_after_ms * 1000;
    if (overdue && try_requeue(entry)) return;
    int64_t delay_ms = retry_delay_ms(settings_.retry, record.attempts, result.throttled,
                                      result.retry_after_ms, *tools_.random);
    wait(entry, delay_ms * 1000);
}

// --- dead letters

void DestinationDelivery::bury(Entry* entry, EntryVerdict verdict) {
    entry->refusal = std::move(verdict);
    entry->detach();
    if (unstored_.active() && !unstored_.may_probe(now_us_)) {
        hold_alone(entry, unstored_.next_probe_us() - now_us_);
        return;
    }
    letters_.bury(entry);
}

void DestinationDelivery::settle_letters() {
    durable_.clear();
    failed_.clear();
    letters_.settle(durable_, failed_);
    for (Entry* entry : durable_) intake_.resolve(entry, Resolution::dead);
    if (!durable_.empty() && unstored_.active()) {
        reports_.changed(Severity::notice, ": dead letters can be stored again");
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
        hold_alone(entry, unstored_.next_probe_us() - now_us_);
    }
}

// --- waiting

void DestinationDelivery::wait(Entry* entry, int64_t delay_us) {
    entry->detach();
    entry->waiting = true;
    entry->waiting_since_us = now_us_;
    entry->due_us = now_us_ + delay_us;
    waiting_.emplace(entry->due_us, entry);
}

void DestinationDelivery::hold_alone(Entry* entry, int64_t delay_us) {
    wait(entry, delay_us);
    entry->held = true;
    ++held_alone_;
}

void DestinationDelivery::wake_waiting() {
    while (!waiting_.empty() && waiting_.begin()->first <= now_us_) {
        Entry* entry = waiting_.begin()->second;
        waiting_.erase(waiting_.begin());
        account_hold(entry);
        entry->waiting = false;
        if (entry->refusal) {
            bury(entry, std::move(*entry->refusal));
        } else {
            batcher_.add(entry, now_us_);
        }
    }
}

// The time on hold that has passed since the entry was last looked at does not count.
void DestinationDelivery::account_hold(Entry* entry) {
    int64_t total_us = hold_.total_us(now_us_);
    int64_t us = total_us - std::exchange(entry->hold_total_us, total_us);
    if (entry->held) {
        us = std::max(us, now_us_ - entry->waiting_since_us);
        entry->held = false;
        --held_alone_;
    }
    entry->stop_clock(us);
}

// One record must not keep a log from being read on.
void DestinationDelivery::requeue_blockers() {
    blockers_.clear();
    intake_.find_blockers(blockers_);
    for (Entry* entry : blockers_) {
        if (entry->waiting) try_requeue(entry);
    }
}

bool DestinationDelivery::try_requeue(Entry* entry) {
    if (paused() || stopping_ || !entry->drain->may_requeue()) return false;
    if (entry->waiting) stop_waiting(entry);
    account_hold(entry);
    intake_.requeue(entry);
    return true;
}

void DestinationDelivery::stop_waiting(Entry* entry) {
    auto [it, end] = waiting_.equal_range(entry->due_us);
    while (it != end && it->second != entry) ++it;
    if (it != end) waiting_.erase(it);
}

// --- gauges

void DestinationDelivery::update_gauges() {
    if (now_us_ < next_gauges_us_) return;
    next_gauges_us_ = now_us_ + gauges_interval_us;
    metrics_.held.parts[tools_.process] = hold_.active() ? intake_.pending() : held_alone_;
    metrics_.breaker_open.parts[tools_.process] = breaker_.open() ? 1 : 0;
    const DestinationState state = destination_->state();
    metrics_.clock_offset_ms.parts[tools_.process] =
        static_cast<uint64_t>(state.clock_offset_ms);
    metrics_.credentials_expires_ms.parts[tools_.process] =
        static_cast<uint64_t>(state.credentials_expires_ms.value_or(0));
}

}  // namespace momento
