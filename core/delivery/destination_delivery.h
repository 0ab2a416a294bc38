// Delivers the logs of one destination: the part of the DeliveryLoop that is about one of
// them. What happens to an entry:
//
//   read -> ready -> in flight -> delivered                               -> released
//             ^          |------> refused, exhausted -> letter is durable -> released
//             |          |------> retry -> waiting, or appended at the tail
//             |          '------> hold  -> ready again, the destination pauses; or waiting
//             '------------------------------- waiting
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delivery/batcher.h"
#include "delivery/circuit_breaker.h"
#include "delivery/concurrency.h"
#include "delivery/dead_letters.h"
#include "delivery/entry.h"
#include "delivery/intake.h"
#include "delivery/loop.h"
#include "delivery/pause.h"
#include "delivery/reports.h"

namespace momento {

class DestinationDelivery {
  public:
    DestinationDelivery(DeliverySettings settings, std::shared_ptr<Destination> destination,
                        std::shared_ptr<Log> letters, DestinationMetrics* metrics,
                        const DeliveryTools& tools);

    const std::string& name() const { return settings_.name; }

    void add_log(std::shared_ptr<Log> log) { intake_.add_log(std::move(log)); }
    void take_drained(std::vector<std::shared_ptr<Log>>& logs) { intake_.take_drained(logs); }

    // Everything that can be done now.
    void step();

    // Hands to the logs what step() and callbacks have resolved.
    void post();

    // When step() has something to do without a completion or a wake-up; steady time.
    int64_t next_us() const;

    // Whether somebody waits for a delivery.
    bool is_awaited() const { return intake_.is_watched(); }

    void stop_sending();
    bool idle() const { return in_flight_ == 0 && letters_.idle(); }
    size_t in_memory() const { return intake_.in_memory(); }

  private:
    struct Flight;

    void settle_letters();
    void wake_waiting();
    void requeue_blockers();
    void fill();
    void admit(Entry* entry);

    bool paused() const { return hold_.active() || breaker_.open(); }
    bool may_send() const;
    void send();
    void dispatch(std::vector<Entry*> batch);

    void receive(const Flight& flight, BatchResult result);
    void judge_destination(const Flight& flight, const BatchResult& result, bool held);
    void begin_or_prolong_hold(const Flight& flight, const BatchResult& result);
    void judge_entry(Entry* entry, const Flight& flight, const BatchResult& result,
                     EntryVerdict& verdict, bool destination_held);
    void count_attempt(Entry* entry, const Flight& flight);
    void retry(Entry* entry, const BatchResult& result, EntryVerdict& verdict);
    void bury(Entry* entry, EntryVerdict verdict);

    void wait(Entry* entry, int64_t delay_us);
    void hold_alone(Entry* entry, int64_t delay_us);
    bool try_requeue(Entry* entry);
    void stop_waiting(Entry* entry);
    void account_hold(Entry* entry);
    void update_gauges();

    const DeliverySettings settings_;
    const std::shared_ptr<Destination> destination_;
    const DeliveryTools tools_;
    DestinationMetrics own_metrics_;
    DestinationMetrics& metrics_;

    int64_t now_us_ = 0;
    bool stopping_ = false;

    Intake intake_;
    Batcher batcher_;
    std::multimap<int64_t, Entry*> waiting_;  // by due time; of one time, oldest first
    size_t held_alone_ = 0;
    size_t in_flight_ = 0;
    bool probing_ = false;

    Concurrency concurrency_;
    CircuitBreaker breaker_;
    Pause hold_;
    Pause unstored_;  // dead letters cannot be stored
    DeadLetters letters_;
    Reports reports_;

    std::vector<Entry*> read_;  // kept for their capacity
    std::vector<Entry*> blockers_;
    std::vector<Entry*> durable_;
    std::vector<Entry*> failed_;

    int64_t next_wake_us_ = 0;
    int64_t next_gauges_us_ = 0;
};

}  // namespace momento
