// Everything a worker process runs behind its event loop, without the threads: the logs
// with their writers, delivery, and adoption of what other workers left behind.
//
// Who calls what: the event loop appends and collects; one thread calls step_delivery();
// each writer that sat down in a WriterSeat is stepped by a thread of its own. A simulator
// calls all of it from one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/errands.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "base/random.h"
#include "gateway/orphan_table.h"
#include "gateway/settings.h"
#include "gateway/shared_metrics.h"
#include "gateway/slot_table.h"
#include "http/client.h"
#include "ingest/secret_set.h"
#include "spool/writer.h"

namespace momento {

// Whoever waits for a record. Called on the event loop; whoever has its record owns it, until
// it waits for nothing any more.
class Waiter {
  public:
    virtual ~Waiter() = default;

    // Exactly once. True: it waits on, for resolved(). Only for an event that is durable, of
    // a destination that is watched (Engine::watch).
    virtual bool settled(bool durable, uint64_t sequence) = 0;

    // What became of the event: it is on the bus, or (false) it is a dead letter. Once, unless
    // it is forgotten before.
    virtual void resolved(bool delivered) = 0;
};

// A writer and the means to wake whoever steps it.
class WriterSeat {
  public:
    virtual ~WriterSeat() = default;
    virtual void wake() = 0;  // from any thread; before and after a writer sits here too
    virtual void run(std::unique_ptr<Writer> writer) = 0;  // starts stepping it
    virtual bool is_served() const = 0;  // false: nobody could be found who steps the writer
    // finish() it and stop, without waiting; one that nobody steps is dropped.
    virtual void retire() = 0;
};

struct EngineTools {
    const Clock* clock = nullptr;
    Random* random = nullptr;
    FileSystem* files = nullptr;
    Logger* logger = nullptr;
    HttpClient* http = nullptr;
    Crew* crew = nullptr;  // optional: for what may hang; without, it is done in place
    std::function<std::unique_ptr<WriterSeat>()> make_seat;
    std::function<void()> wake_event_loop;  // from any thread: collect() has something
    StepObserver* observer = nullptr;       // optional: simulation
    size_t process = 0;                     // place of this process in gauges
    SlotTable* slots = nullptr;             // optional: where the logs' numbers are told
    OrphanTable* orphans = nullptr;         // optional: where orphans are told
    WebhookTable* webhooks = nullptr;       // optional: what locations answered
    Counter* other_build = nullptr;         // optional: SharedMetrics::other_build
    Counter* stepped_us = nullptr;          // optional: SharedMetrics::delivery_stepped_us

    // Optional: SecretFeed::MadeElsewhere.
    std::vector<const Counter*> secrets_made_elsewhere;

    std::vector<Counter*> secrets_said_once;  // optional: SecretFeed::SaidOnce

    // From collect(). Optional if the settings have no secrets.
    std::function<void(const SecretOutcome&)> take_secret;
    std::function<bool()> is_exiting;  // optional: what it would adopt, others adopt sooner

    // Optional. From a thread that is about to end by an exception, while it has this slot or
    // is at work on it; must not throw. And the slots that nobody may take for such a reason.
    std::function<void(const std::string& destination, const std::string& slot)> set_aside;
    std::function<bool(const std::string& destination, const std::string& slot)> is_set_aside;
};

class Engine {
  public:
    Engine(std::shared_ptr<const GatewaySettings> settings, EngineTools tools,
           std::vector<DestinationMetrics*> metrics);
    ~Engine();

    // --- event loop. `destination` is an index into the settings.

    // Empty, for a record that is to be appended: in memory that was used before, if there is
    // any.
    RecordBuffer new_record(size_t expected_body);

    // Collects a record (an event, or a dead letter of that destination) for this turn;
    // `waiter` hears of it after a later flush(), from collect(). If there is no memory for it,
    // std::bad_alloc: then the waiter is the caller's still.
    void append(size_t destination, RecordBuffer record, std::unique_ptr<Waiter>&& waiter);
    void append_letter(size_t destination, RecordBuffer record,
                       std::unique_ptr<Waiter>&& waiter);

    // Whoever waits for events of this destination may wait until they are resolved.
    void watch(size_t destination);
    void forget(size_t destination, uint64_t sequence);  // drops its waiter

    // The end of a turn: one hand-over, and at most one wake-up, per log.
    void flush();

    // Settles waiters, and says what came of asking for secrets. After wake_event_loop.
    void collect();

    // Signatures met none of this source's secrets (an index into the settings' secrets): an
    // outcome is to come that began after this call, SecretRefresher::want() says when.
    void want_secret(size_t source);

    // Settles everybody who still waits as not durable: the end of the process.
    void give_up();

    // --- delivery thread
    void step_delivery(int64_t max_wait_ms);
    void wake_delivery();  // from any thread

    // The end, in place of step_delivery(). Nothing is adopted any more. What is ready, or will
    // be, goes on leaving for `sending_us` at most; what is under way then has until 1.5 s
    // after the first call. True: to be called again. False: all writers were retired.
    static constexpr int64_t ample_sending_us = 1'000'000;
    bool step_end(int64_t sending_us);

    // Retires every writer. By the delivery thread, or once that has ended.
    void retire_writers();

    // File destinations: the event loop hands over a descriptor that the engine owns from
    // then on (`descriptor` was opened for appending).
    void set_file_descriptor(size_t destination, int descriptor);

    // Totals over this process's logs of a destination, for status.
    LogNumbers numbers(size_t destination) const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace momento
