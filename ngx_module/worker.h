// What runs in one worker process: its gateway, and the end of each turn of the event loop,
// where everything that became complete in it is judged and appended. Requests that nothing
// can be said of yet are parked here until what they wait for has come.
//
// Made after the fork, in worker and single processes only; on the event loop from then on.
// A worker that cannot start something goes on without it, and its webhooks answer 503:
// nginx would never replace it. It ends by itself, to be replaced, only if one of its threads
// ended by an exception and another one cannot be ended.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "directives.h"
#include "gateway/gateway.h"
#include "ingest/verifier.h"
#include "loop_event.h"
#include "ngx.h"
#include "signature_readings.h"
#include "verification.h"
#include "worker_webhooks.h"

namespace momento {

class Worker {
  public:
    // Called from init_process, for every process; makes a Worker where one belongs.
    static void start(ngx_cycle_t* cycle);
    // Called from exit_process. Does not return if a thread could not be ended.
    static void stop();
    static Worker* current();  // nullptr: none in this process

    explicit Worker(MainConf& main);
    ~Worker();

    // For the body of a request that is to be judged.
    RecordBuffer new_record(size_t expected_body);

    // To be judged at the end of this turn.
    void enqueue(std::unique_ptr<Verification> request);

    // Takes back what waits for a secret, or for signatures.
    std::unique_ptr<Verification> unpark(Verification& request);

    // nullptr if its keys could not be prepared.
    const WorkerWebhook* webhook(const ngx_http_request_t* r, const LocationConf& location);
    std::string_view destination_name(size_t destination) const;
    std::optional<size_t> find_destination(std::string_view name) const;
    const EventLimits& destination_limits(size_t destination) const {
        return destination_limits_[destination];
    }
    Gateway* gateway() { return gateway_.get(); }
    Verifier& verifier() { return verifier_; }

    // Requests held back: that wait for something to be judged by, and that the gateway has
    // (whether or not somebody still waits for the answer).
    size_t parked() const { return parked_count_; }
    void count_parked(int change);
    DestinationMetrics& metrics(size_t destination) { return *metrics_[destination]; }
    bool has_open_breaker(size_t destination) const;  // this worker's own

    // Counts the secret that matched, and watches for a clock that is wrong.
    void note_judgement(const WorkerWebhook& webhook, const Judgement& judgement);
    bool stopping() const { return stopping_; }

    SignatureReadings& signatures() { return signatures_; }

    // One log line a second at most, with how many there were.
    void report_overload(const char* why);
    void report_full(const ReplayZone& zone);

    // nginx is about to open its files again: look for ours in the next turn.
    void files_reopen();

  private:
    bool start_gateway(ngx_cycle_t* cycle);
    void take_secret(const SecretOutcome& outcome);
    template <class Condition>
    void wake_parked(Condition is_due);
    void park(std::unique_ptr<Verification> request);
    void take_turn(std::unique_ptr<Verification> request, const Claim* claim, int64_t now_ms);
    void hand_over_files();
    void tell_of_secrets();
    void watch_deliveries(const MainConf& main);
    void judge_turn();
    void end_turn();

    void end_process();

    static void print(Severity severity, const std::string& line);
    static void wake_up(ngx_event_t* event) noexcept;

    std::shared_ptr<const GatewaySettings> settings_;
    SharedMetrics& shared_;
    std::vector<DestinationMetrics*> metrics_;
    std::deque<DestinationMetrics> own_metrics_;  // of destinations that found no room
    std::unique_ptr<Gateway> gateway_;
    std::vector<EventLimits> destination_limits_;
    WorkerWebhooks webhooks_;
    Verifier verifier_;

    std::vector<std::unique_ptr<Verification>> turn_;
    std::list<std::unique_ptr<Verification>> parked_;  // the oldest first
    LoopEvent turn_event_;
    LoopEvent retry_event_;  // of the end of a turn for which there was no memory
    LoopEvent files_event_;
    LoopEvent files_retry_event_;  // of what there was no descriptor for
    LoopEvent tend_event_;         // of the gateway, after a thread's end
    SignatureReadings signatures_;

    size_t parked_count_ = 0;
    int untimely_in_a_row_ = 0;  // authentic, but stale or early
    bool stopping_ = false;
    bool are_files_missing_ = false;  // one could not be handed over
    int64_t full_reported_s_ = 0;
    int64_t overload_reported_s_ = 0;
    uint64_t overloads_ = 0;
};

// To be called by nginx before it opens a destination's file again.
void files_reopen_hook(ngx_open_file_t* file, ngx_log_t* log) noexcept;

}  // namespace momento
