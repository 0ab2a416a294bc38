// Delivers the logs of one destination: the part of the DeliveryLoop that is about one of
// them. What happens to an entry:
//
//   read -> ready -> in flight -> delivered                               -> released
//             ^          |------> refused, exhausted -> letter is durable -> released
//             |          |------> retry -> waiting, or appended at the tail
//             |          '------> hold  -> ready again, the destination pauses;
//             |                            or taken apart, and held alone
//             '------------- waiting (parked), one day
//
// What waits waits beside the others: it is parked (entry.h), and takes turns with them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/pause.h"
#include "delivery/batcher.h"
#include "delivery/circuit_breaker.h"
#include "delivery/concurrency.h"
#include "delivery/dead_letters.h"
#include "delivery/entry.h"
#include "delivery/held_alone.h"
#include "delivery/intake.h"
#include "delivery/loop.h"
#include "delivery/reports.h"
#include "delivery/trial.h"

namespace momento {

class DestinationDelivery {
  public:
    DestinationDelivery(DeliverySettings settings, std::shared_ptr<Destination> destination,
                        std::shared_ptr<Log> letters, DestinationMetrics* metrics,
                        const DeliveryTools& tools);

    const std::string& name() const { return settings_.name; }

    void add_log(std::shared_ptr<Log> log) { intake_.add_log(std::move(log)); }
    void take_drained(std::vector<std::shared_ptr<Log>>& logs) { intake_.take_drained(logs); }
    bool reads(const Log& log) const { return intake_.reads(log); }

    // Everything that can be done now.
    void step();

    // Hands to the logs what step() and callbacks have resolved.
    void post();

    // When step() has something to do without a completion or a wake-up; steady time.
    int64_t next_us() const;
    int64_t next_send_us() const;  // of that, what may send something

    // Whether somebody waits for a delivery.
    bool is_awaited() const { return intake_.is_watched(); }

    void hurry() { hurries_ = true; }
    void stop_sending();
    bool idle() const { return in_flight_ == 0 && letters_.idle(); }
    size_t in_memory() const { return intake_.in_memory(); }

  private:
    struct Flight;

    // Says which logs an exception is about, as it passes: nobody knows more of it than what
    // was being handled.
    template <class Action>
    void concerning(Entry* const* entries, size_t count, Action action) {
        concerned_.clear();
        for (size_t i = 0; i < count; ++i) {
            concerned_.push_back(entries[i]->drain->log().get());
        }
        try {
            action();
        } catch (...) {
            if (!tools_.in_trouble) throw;
            for (const Log* log : concerned_) tools_.in_trouble(*log);
            throw;
        }
    }

    void settle_letters();
    void bury_waiting();
    void wake_waiting();
    void requeue_blockers();
    void fill();
    void admit(Entry* entry);
    void make_ready(Entry* entry);

    bool paused() const { return hold_.active() || breaker_.open(); }
    bool may_send() const;
    bool may_test() const;
    void send();
    void try_held();
    std::vector<Entry*> next_probe();
    std::vector<Entry*> next_batch();
    bool leaves_at_once() const { return in_flight_ == 0 || hurries_; }
    void dispatch(const std::vector<Entry*>& batch);

    void receive(const Flight& flight, BatchResult result);
    void judge_destination(const Flight& flight, const BatchResult& result, bool held);
    void judge_breaker(const Flight& flight, const BatchResult& result);
    void begin_or_prolong_hold(const Flight& flight, const BatchResult& result);
    void begin_hold(const BatchResult& result, size_t tests);
    void end_hold();
    void take_apart(const Flight& flight);
    void count(const BatchResult& result);
    void judge_entry(Entry* entry, const Flight& flight, const BatchResult& result,
                     EntryVerdict& verdict, bool destination_held);
    void judge_names(Entry* entry, const EntryVerdict& verdict);
    void hold_entry(Entry* entry, const Flight& flight, const BatchResult& result,
                    const EntryVerdict& verdict, bool destination_held);
    void fail_alone(Entry* entry, const Flight& flight, const BatchResult& result);
    void count_attempt(Entry* entry, const Flight& flight);
    void retry(Entry* entry, const BatchResult& result, EntryVerdict& verdict);
    void bury(Entry* entry, EntryVerdict verdict);
    bool may_bury() const;
    void wait_for_letter(Entry* entry);

    void wait(Entry* entry, int64_t delay_us);
    void hold_alone(Entry* entry, int64_t delay_us);
    void hold_in_line(Entry* entry);
    void wake_freed();
    void stand_still(Entry* entry);
    bool load(Entry* entry);
    bool try_requeue(Entry* entry);
    void stop_waiting(Entry* entry);
    bool is_overdue(const Entry& entry) const;
    void account_hold(Entry* entry);
    int64_t waiting_next_us() const;
    void update_gauges();

    const DeliverySettings settings_;
    const std::shared_ptr<Destination> destination_;
    const DeliveryTools tools_;
    DestinationMetrics own_metrics_;
    DestinationMetrics& metrics_;

    int64_t now_us_ = 0;
    bool hurries_ = false;  // nothing is kept back for a fuller batch
    bool stopping_ = false;

    Intake intake_;
    Batcher batcher_;
    std::multimap<int64_t, Entry*> waiting_;  // by due time; of one time, oldest first
    HeldAlone held_alone_;
    std::deque<Entry*> unburied_;  // refused: no letter has been made yet, or could be stored
    size_t standing_still_ = 0;    // entries whose clock does, while the destination is open
    size_t in_flight_ = 0;
    bool probing_ = false;
    Trial trial_;
    size_t tests_left_ = 0;  // of a hold: entries that may be tried before its next probe

    Concurrency concurrency_;
    CircuitBreaker breaker_;
    Pause hold_;
    Pause unstored_;  // dead letters cannot be stored
    DeadLetters letters_;
    Reports reports_;

    std::vector<Entry*> read_;  // kept for their capacity
    std::vector<const Log*> concerned_;
    std::vector<Entry*> blockers_;
    std::vector<Entry*> durable_;
    std::vector<Entry*> failed_;
    std::vector<Entry*> freed_;

    int64_t next_wake_us_ = 0;
    int64_t next_requeue_us_ = 0;  // of a blocker, though nothing passed
    bool blocked_ = false;         // there is one
    int64_t next_gauges_us_ = 0;
};

}  // namespace momento
