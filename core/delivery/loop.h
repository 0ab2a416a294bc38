// Delivery: reads logs, forms batches, sends them, and settles every record: delivered,
// dead (its letter durable first), or kept. One per worker process, for all destinations.
//
// A step function: a thread (or the simulator) calls step(); it waits in
// HttpClient::run(). Everything here belongs to that thread, but for wake().
//
// At-least-once: a record is released only after the destination said it has it. At most
// what is in flight is sent again after a crash.
//
// Destroy it after the writers of the letters' logs have finished: they answer to it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "base/random.h"
#include "delivery/retry_policy.h"
#include "destination/destination.h"
#include "http/client.h"
#include "spool/log.h"

namespace momento {

struct DeliverySettings {
    std::string name;     // of the destination
    std::string subject;  // of log lines; empty: the destination by its name
    int64_t linger_ms = 5;
    RetrySettings retry;
    int64_t requeue_after_ms = 30'000;  // an unresolved record makes room at the tail
};

struct DeliveryTools {
    const Clock* clock = nullptr;
    Random* random = nullptr;
    Logger* logger = nullptr;
    HttpClient* http = nullptr;
    size_t process = 0;  // place of this process in gauges

    // Optional: an exception passes that concerns this log. Must not throw.
    std::function<void(const Log&)> in_trouble;
};

class DeliveryLoop {
  public:
    explicit DeliveryLoop(DeliveryTools tools);
    ~DeliveryLoop();

    // `letters`: where refused records go. It may be shared between destinations.
    void add_destination(DeliverySettings settings, std::shared_ptr<Destination> destination,
                         std::shared_ptr<Log> letters, DestinationMetrics* metrics);

    // A log of that destination to be drained. The first one is the worker's own and stays;
    // all others are adopted, and leave by take_drained().
    void add_log(const std::string& destination, std::shared_ptr<Log> log);

    // Adopted logs with nothing left in them for a destination that has read them; once no
    // other one reads such a log any more the caller finishes its writer.
    std::vector<std::shared_ptr<Log>> take_drained();
    bool reads(const Log& log) const;

    // One turn: completions, new records, timers. Waits up to `max_wait_ms`.
    void step(int64_t max_wait_ms);

    // From any thread: ends the wait.
    void wake();

    // The end comes. From hurry() on nothing is kept back for a fuller batch; is_done() says
    // whether nothing is under way and nothing will be sent by then, in microseconds of the
    // steady clock. From stop_sending() on no transfer is started.
    void hurry();
    bool is_done(int64_t until_us) const;
    void stop_sending();
    bool idle() const;  // nothing is under way

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace momento
