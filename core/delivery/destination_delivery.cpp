#include "delivery/destination_delivery.h"

#include <algorithm>

#include "destination/exhausted.h"
#include "spool/planted.h"

namespace momento {
namespace {

using Kind = EntryVerdict::Kind;
using Fate = Reports::Fate;

constexpr size_t least_entries_in_memory = 100;
constexpr int64_t first_hold_ms = 1'000;
constexpr int64_t longest_hold_ms = 30'000;
constexpr uint32_t most_hold_doublings = 5;
constexpr size_t most_tests = 10;            // of entries alone, when a hold begins
constexpr int64_t wake_interval_us = 2'000;  // of a log's writer, for releases
constexpr int64_t gauges_interval_us = 1'000'000;

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

// The reason may be one entry's: no verdict says that it is everybody's.
bool may_be_its_own(const BatchResult& result) {
    if (planted(Bug::hold_not_taken_apart)) return false;
    return std::all_of(result.entries.begin(), result.entries.end(), [](const auto& verdict) {
        return verdict.kind != Kind::hold || verdict.may_be_its_own;
    });
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
    bool test = false;  // a probe before its time
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
              destination_->limits().entries, *tools.logger, *tools.clock),
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
        bury_waiting();
        requeue_blockers();
        try_held();
        wake_waiting();
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
    if (!stopping_ && intake_.owes_wake()) next = std::min(next, next_wake_us_);
    return std::min(next, next_send_us());
}

int64_t DestinationDelivery::next_send_us() const {
    if (stopping_) return never_us;
    if (intake_.may_read()) return now_us_;
    int64_t next = waiting_next_us();
    if (paused()) {
        const bool has_one =
            !batcher_.empty() || (held_alone_.has_next() && intake_.may_load());
        if (probing_ || !has_one) return next;
        if (may_test()) return now_us_;
        int64_t probe = std::max(hold_.next_probe_us(), breaker_.pause().next_probe_us());
        return std::min(next, probe);
    }
    if (in_flight_ >= concurrency_.allowed()) return next;
    if (trial_.undecided()) return batcher_.has_parts() ? now_us_ : next;
    if (intake_.may_load()) next = std::min(next, held_alone_.next_us());
    if (batcher_.empty()) return next;
    return std::min(next, batcher_.leaves_us(leaves_at_once()));
}

// --- in

void DestinationDelivery::fill() {
    read_.clear();
    try {
        intake_.read(read_);
    } catch (...) {
        if (tools_.in_trouble) tools_.in_trouble(*intake_.last_read());
        throw;
    }
    for (Entry* entry : read_) {
        concerning(&entry, 1, [&] { admit(entry); });
    }
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
        make_ready(entry);
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

// In memory, and due.
void DestinationDelivery::make_ready(Entry* entry) {
    if (!held_alone_.any()) {
        batcher_.add(entry, now_us_);
    } else if (held_alone_.is_closed(entry->record)) {
        hold_in_line(entry);
    } else if (held_alone_.is_alone(entry->record, now_us_)) {
        batcher_.add_alone(entry, now_us_);
    } else {
        batcher_.add(entry, now_us_);
    }
}

// --- out

bool DestinationDelivery::may_send() const {
    if (!paused()) return in_flight_ < concurrency_.allowed();
    if (probing_ || !breaker_.pause().may_probe(now_us_)) return false;
    return hold_.may_probe(now_us_) || may_test();
}

// A hold began when less had failed alone than would have been tried: what comes may show at
// once that the destination is open.
bool DestinationDelivery::may_test() const {
    return hold_.active() && !breaker_.open() && tests_left_ > 0 && !batcher_.empty();
}

void DestinationDelivery::send() {
    while (may_send()) {
        std::vector<Entry*> batch = paused() ? next_probe() : next_batch();
        if (batch.empty()) return;
        concerning(batch.data(), batch.size(), [&] { dispatch(batch); });
    }
}

// One entry, another each time.
std::vector<Entry*> DestinationDelivery::next_probe() {
    if (planted(Bug::hold_not_taken_apart)) return batcher_.take(now_us_, true);
    for (;;) {
        std::vector<Entry*> one = batcher_.take_probe();
        if (one.empty()) break;
        const bool is_closed =
            !trial_.is_part(*one.front()) && held_alone_.is_closed(one.front()->record);
        if (!is_closed || one.front()->line != nullptr) return one;
        hold_in_line(one.front());
    }
    if (!hold_.may_probe(now_us_) || !intake_.may_load()) return {};
    Entry* entry = held_alone_.next(now_us_, true);
    if (entry == nullptr || !load(entry)) return {};
    return {entry};
}

std::vector<Entry*> DestinationDelivery::next_batch() {
    if (trial_.undecided()) return batcher_.take_part();
    for (;;) {
        std::vector<Entry*> batch = batcher_.take(now_us_, leaves_at_once());
        // Its name may have been closed since it became ready.
        const bool is_closed = batch.size() == 1 && held_alone_.any() && !trial_.active() &&
                               held_alone_.is_closed(batch.front()->record);
        if (!is_closed || batch.front()->line != nullptr) return batch;
        hold_in_line(batch.front());
    }
}

// At most one a second of what is held alone.
void DestinationDelivery::try_held() {
    if (!held_alone_.has_next() || paused() || trial_.undecided() || !intake_.may_load()) {
        return;
    }
    Entry* entry = held_alone_.next(now_us_, false);
    if (entry != nullptr && load(entry)) batcher_.add_alone(entry, now_us_);
}

void DestinationDelivery::dispatch(const std::vector<Entry*>& batch) {
    auto flight = std::make_shared<Flight>();
    flight->entries = batch;
    flight->sent_us = now_us_;
    flight->sent_wall_ms = tools_.clock->wall_ms();
    flight->probe = paused();
    if (flight->probe) probing_ = true;
    flight->test = hold_.active() && !hold_.may_probe(now_us_);
    if (flight->test) --tests_left_;
    ++in_flight_;

    std::vector<const Record*> records;
    records.reserve(flight->entries.size());
    for (const Entry* entry : flight->entries) {
        records.push_back(&entry->record);
        if (planted(Bug::released_before_delivery)) entry->drain->release_early(*entry);
    }
    destination_->send(std::move(records), [this, flight](BatchResult result) {
        concerning(flight->entries.data(), flight->entries.size(),
                   [&] { receive(*flight, std::move(result)); });
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
    count(result);

    // If anything got through, the destination is open, and only the entries are held.
    bool held = find(result, Kind::hold) && !find(result, Kind::delivered);
    if (!stopping_) judge_destination(flight, result, held);
    if (result.whole_request && flight.entries.size() > 1) {
        batcher_.split(flight.entries);
        return;
    }
    if (held && !stopping_ && flight.entries.size() > 1 && may_be_its_own(result)) {
        take_apart(flight);
        return;
    }
    for (size_t i = 0; i < flight.entries.size(); ++i) {
        judge_entry(flight.entries[i], flight, result, result.entries[i], held);
    }
}

void DestinationDelivery::count(const BatchResult& result) {
    metrics_.requests[outcome_of(result)].fetch_add(1, std::memory_order_relaxed);
    metrics_.delivery.observe(static_cast<uint64_t>(std::max<int64_t>(result.elapsed_us, 0)));
}

void DestinationDelivery::judge_breaker(const Flight& flight, const BatchResult& result) {
    bool was_open = breaker_.open();
    int64_t lasted = breaker_.pause().lasted_us(now_us_);
    if (!breaker_.record(result.unreachable, flight.probe, now_us_)) return;
    if (was_open) {
        reports_.changed(Severity::error, " is back after " + seconds(lasted));
    } else {
        reports_.changed(Severity::error, " cannot be reached (" + reason(result, Kind::retry) +
                                              "): its events wait, it is probed");
    }
    next_gauges_us_ = now_us_;
}

void DestinationDelivery::judge_destination(const Flight& flight, const BatchResult& result,
                                            bool held) {
    judge_breaker(flight, result);
    if (result.throttled) {
        concurrency_.throttled(flight.sent_us, now_us_);
    } else if (!result.unreachable && !held) {
        concurrency_.succeeded();
    }

    if (held) {
        const bool is_own = may_be_its_own(result);
        if (!is_own) trial_.end();
        if (!is_own || hold_.active()) begin_or_prolong_hold(flight, result);
        return;
    }
    if (find(result, Kind::delivered) || find(result, Kind::refused)) {
        trial_.passed();
        held_alone_.note_delivery(now_us_);
    }
    if (!hold_.active() || !flight.probe) return;
    if (!result.unreachable && !result.throttled) {
        end_hold();
    } else if (!flight.test) {
        hold_.probe_failed(now_us_);
    }
}

void DestinationDelivery::end_hold() {
    reports_.changed(Severity::error,
                     " is off hold after " + seconds(hold_.lasted_us(now_us_)));
    hold_.end(now_us_);
    tests_left_ = 0;
    next_gauges_us_ = now_us_;
}

void DestinationDelivery::begin_or_prolong_hold(const Flight& flight,
                                                const BatchResult& result) {
    if (!hold_.active()) {
        begin_hold(result, 0);
        return;
    }
    // Sent before the hold began, or a probe before its time: nothing new.
    if (!flight.probe || flight.test) return;
    hold_.probe_failed(now_us_);
    if (hold_.lasted_us(now_us_) < 1'000'000) return;  // it was just told of
    reports_.changed(Severity::error, " is still on hold after " +
                                          seconds(hold_.lasted_us(now_us_)) + " (" +
                                          reason(result, Kind::hold) + ")");
}

void DestinationDelivery::begin_hold(const BatchResult& result, size_t tests) {
    hold_.begin(now_us_);
    tests_left_ = tests;
    next_gauges_us_ = now_us_;
    reports_.changed(Severity::error, " is on hold (" + reason(result, Kind::hold) +
                                          "): its events wait, no attempt is counted");
}

// One batch at a time: the others wait for what it shows.
void DestinationDelivery::take_apart(const Flight& flight) {
    if (hold_.active() || trial_.active()) {
        for (Entry* entry : flight.entries) batcher_.add(entry, now_us_);
        return;
    }
    trial_.begin(flight.entries);
    batcher_.take_apart(flight.entries);
}

void DestinationDelivery::judge_entry(Entry* entry, const Flight& flight,
                                      const BatchResult& result, EntryVerdict& verdict,
                                      bool destination_held) {
    account_hold(entry);
    if (verdict.kind == Kind::hold) {
        hold_entry(entry, flight, result, verdict, destination_held);
        return;
    }
    judge_names(entry, verdict);
    entry->holds = 0;
    count_attempt(entry, flight);
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
            return;
    }
}

// What an entry that is not held says about those of its name.
void DestinationDelivery::judge_names(Entry* entry, const EntryVerdict& verdict) {
    if (trial_.is_part(*entry)) (void)trial_.part_returned(*entry);
    if (!held_alone_.any()) return;
    if (verdict.kind == Kind::retry) {
        held_alone_.forget(entry);
        return;
    }
    held_alone_.got_through(entry, now_us_, freed_);
    wake_freed();
}

void DestinationDelivery::hold_entry(Entry* entry, const Flight& flight,
                                     const BatchResult& result, const EntryVerdict& verdict,
                                     bool destination_held) {
    if (verdict.may_be_its_own && may_be_its_own(result) && !stopping_) {
        fail_alone(entry, flight, result);
        return;
    }
    held_alone_.forget(entry);
    if (destination_held) {
        batcher_.add(entry, now_us_);
        return;
    }
    reports_.note(Fate::held, verdict.code, result.request_id);
    int64_t delay_ms = first_hold_ms << std::min(entry->holds++, most_hold_doublings);
    hold_alone(entry, std::min(delay_ms, longest_hold_ms) * 1000);
}

void DestinationDelivery::fail_alone(Entry* entry, const Flight& flight,
                                     const BatchResult& result) {
    const bool was_last = trial_.is_part(*entry) && trial_.part_returned(*entry);
    const bool is_known = held_alone_.failed(entry, now_us_);
    intake_.park(entry);
    stand_still(entry);
    if (hold_.active()) return;
    reports_.note(Fate::held, find(result, Kind::hold)->code, result.request_id);
    // Whoever is alone on the way is all the evidence there is.
    const bool is_all = flight.entries.size() == 1 && !is_known && !trial_.active();
    if (!was_last && !is_all) return;
    const size_t tested = was_last ? trial_.size() : 1;
    begin_hold(result, most_tests - std::min(most_tests, tested));
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
        verdict.message = exhausted_message(std::to_string(record.attempts) + " attempts in " +
                                            seconds(age_us) + "; the last: " + verdict.message);
        bury(entry, std::move(verdict));
        return;
    }
    metrics_.retried.fetch_add(1, std::memory_order_relaxed);
    if (!stopping_) reports_.note(Fate::retried, verdict.code, result.request_id);
    if (is_overdue(*entry) && entry->drain->may_requeue() && try_requeue(entry)) return;
    int64_t delay_ms = retry_delay_ms(settings_.retry, record.attempts, result.throttled,
                                      result.retry_after_ms, *tools_.random);
    wait(entry, delay_ms * 1000);
}

// --- gauges

void DestinationDelivery::update_gauges() {
    if (now_us_ < next_gauges_us_) return;
    next_gauges_us_ = now_us_ + gauges_interval_us;
    held_alone_.tidy(now_us_);
    metrics_.held.parts[tools_.process] = hold_.active() ? intake_.pending() : standing_still_;
    metrics_.breaker_open.parts[tools_.process] = breaker_.open() ? 1 : 0;
    const DestinationState state = destination_->state();
    metrics_.clock_offset_ms.parts[tools_.process] =
        static_cast<uint64_t>(state.clock_offset_ms);
    metrics_.credentials_expires_ms.parts[tools_.process] =
        static_cast<uint64_t>(state.credentials_expires_ms.value_or(0));
}

}  // namespace momento
