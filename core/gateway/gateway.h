// The facade ngx_module talks to: an Engine with its threads, for one worker process.
//
// Made after fork, in worker (or single) processes only; all methods belong to the event
// loop. Threads block all signals, never log by themselves and never touch a request: what
// they have to say comes back through end_turn().
//
//   begin_turn(), append(), append(), ... flush(), end_turn()
//   descriptor() readable: wake_up(), end_turn()
//   stop()                               bounded; false: end the process with _exit(0)
//
// A thread that ends by an exception never ends alone: all threads end, what is not durable by
// then is settled as if it were not, and the same is built anew, which takes two seconds at
// most. If a thread cannot be ended the process ends, which keeps its slots locked. A second
// such end on the machine within a minute (ThreadEnds) ends nothing: the destinations concerned
// are closed, and it is tried again later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/logger.h"
#include "base/metrics.h"
#include "gateway/engine.h"
#include "gateway/settings.h"
#include "gateway/shared_metrics.h"
#include "gateway/signature_reader.h"

namespace momento {

class Gateway {
  public:
    // What threads have to say, on the event loop: from wake_up(), end_turn() and stop().
    struct Listener {
        std::function<void(Severity severity, const std::string& line)> print;
        std::function<void(const SecretOutcome& outcome)> take_secret;
        std::function<void(const SignatureBatch& batch)> take_signatures;

        // Asked by the delivery thread: whether this process has been told to end.
        std::function<bool()> is_exiting;

        // tend() is to be called after so many milliseconds; the last wish counts.
        std::function<void(int64_t ms)> tend_in;

        // Everything was built anew: it has no file descriptors.
        std::function<void()> built_anew;

        // A thread has ended by an exception and another one cannot be ended. Returns if this
        // process has to live on; its gateway stays closed.
        std::function<void()> end_process;
    };

    // Does no disk or network I/O: that starts with the threads. `metrics`, one entry per
    // destination, and `shared` may be in shared memory; both outlive the gateway. `process`
    // is this process's place in gauges.
    static Result<std::unique_ptr<Gateway>> start(
        std::shared_ptr<const GatewaySettings> settings,
        std::vector<DestinationMetrics*> metrics, SharedMetrics& shared, size_t process,
        Listener listener);
    ~Gateway();  // as stop()

    // Readable when, between two turns, threads have something to say.
    int descriptor() const;
    void wake_up();  // readable no more; begins a turn, with what they say

    // Threads need not make the descriptor readable from here on, since end_turn() is to come.
    void begin_turn();

    // Hands over what was appended: at most one wake-up per log.
    void flush();

    // Settles waiters, prints log lines, takes secrets. If there is ever more the descriptor is
    // readable again.
    void end_turn();

    // Between two turns: looks after threads that have ended.
    void tend();

    // Whether events of this destination may be appended: not while everything is built anew,
    // and not if threads have ended that it needs.
    bool is_open(size_t destination) const;

    // While waiters are settled although their records may be durable: the spool knows.
    bool gives_up() const;

    RecordBuffer new_record(size_t expected_body);
    void append(size_t destination, RecordBuffer record, std::unique_ptr<Waiter>&& waiter);
    void append_letter(size_t destination, RecordBuffer record,
                       std::unique_ptr<Waiter>&& waiter);
    void watch(size_t destination);
    void forget(size_t destination, uint64_t sequence);

    void want_secret(size_t source);  // Engine::want_secret

    // Reads back from the spool which signatures of events that were published at `since_ms`
    // or later were accepted, as SignatureReader::start().
    bool read_signatures(int64_t since_ms, bool patiently);

    void set_file_descriptor(size_t destination, int descriptor);

    // Ends everything: what is ready leaves for a second, transfers in flight get 1.5 s,
    // everything together 2 s. False if a
    // thread could not be joined (dead resolver, disk in D state): it still runs this code.
    bool stop();

  private:
    class Impl;
    explicit Gateway(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace momento
