// What runs in one worker process: its gateway, the webhooks' keys, and the end of each turn
// of the event loop, where everything that became complete in it is judged and appended.
//
// Made after the fork, in worker and single processes only. A worker that cannot start
// something goes on without it, and its webhooks answer 503: nginx would never replace it.
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
#include "ingest/location_secrets.h"
#include "ingest/secret_board.h"
#include "ingest/verifier.h"
#include "loop_event.h"
#include "ngx.h"
#include "verification.h"

namespace momento {

// A location as this worker serves it.
struct WorkerWebhook {
    LocationSecrets secrets;
    Rules rules;
    size_t destination = 0;  // unless variables name it
    size_t max_parked = 0;
    std::vector<SecretMetrics*> metrics;  // by configured secret; nullptr: not counted
    bool is_ready = false;                // its keys could be prepared
};

class Worker {
  public:
    // Called from init_process, for every process; makes a Worker where one belongs.
    static void start(ngx_cycle_t* cycle);
    // Called from exit_process. Does not return if a thread could not be ended.
    static void stop();
    static Worker* current();  // nullptr: none in this process

    explicit Worker(MainConf& main);
    ~Worker();

    // To be judged at the end of this turn.
    void enqueue(std::unique_ptr<Verification> request);

    // Takes back what waits for a secret, or for signatures.
    std::unique_ptr<Verification> unpark(Verification& request);

    // nullptr if its keys could not be prepared.
    const WorkerWebhook* webhook(const ngx_http_request_t* r, const LocationConf& location);
    std::string_view destination_name(size_t destination) const;
    std::optional<size_t> find_destination(std::string_view name) const;
    const Rules& destination_rules(size_t destination) const {
        return destination_rules_[destination];
    }
    Gateway* gateway() { return gateway_.get(); }
    Verifier& verifier() { return verifier_; }

    // Requests held back: that wait for something to be judged by, and that the gateway has
    // (whether or not somebody still waits for the answer).
    size_t parked() const { return parked_count_; }
    void count_parked(int change);
    bool has_secrets() const;  // every webhook has one at least
    DestinationMetrics& metrics(size_t destination) { return *metrics_[destination]; }
    bool has_open_breaker(size_t destination) const;  // this worker's own

    // Counts the secret that matched, and watches for a clock that is wrong.
    void note_judgement(const WorkerWebhook& webhook, const Judgement& judgement);
    bool stopping() const { return stopping_; }

    // Whether the zone may be asked. If not, whoever asks waits, and is woken when it may.
    bool is_filled(ReplayZone& zone);

    // Reads back from the spool which signatures were accepted; gives the number of a reading
    // that begins from now on. Whoever waits for signatures is woken at the end of each.
    uint64_t read_signatures();
    uint64_t readings_ended() const { return readings_ended_; }

    // One log line a second at most, with how many there were.
    void report_overload(const char* why);
    void report_full(const ReplayZone& zone);

    // nginx is about to open its files again: look for ours in the next turn.
    void files_reopen();

  private:
    bool start_gateway(ngx_cycle_t* cycle);
    void prepare_webhooks(const MainConf& main);
    void add_webhook(const LocationConf& location);
    void update_secrets(WorkerWebhook& webhook, int64_t now_ms);
    void retire_secrets(int64_t now_ms);
    void take_secret(const SecretOutcome& outcome);
    void take_signatures(const SignatureBatch& batch);
    void end_reading(bool failed);
    void look_at_zones();
    template <class Condition>
    void wake_parked(Condition is_due);
    void park(std::unique_ptr<Verification> request);
    void take_turn(std::unique_ptr<Verification> request, const Claim* claim, int64_t now_ms);
    void hand_over_files();
    void watch_deliveries(const MainConf& main);
    void end_turn();

    static void print(Severity severity, const std::string& line);
    static void collect(ngx_event_t* event) noexcept;

    std::shared_ptr<const GatewaySettings> settings_;
    std::deque<ReplayZone>& zones_;  // the configuration's
    SharedMetrics& shared_;
    std::vector<DestinationMetrics*> metrics_;
    std::deque<DestinationMetrics> own_metrics_;  // of destinations that found no room
    std::unique_ptr<Gateway> gateway_;
    std::vector<Rules> destination_rules_;  // the size of entries only
    SecretBoard board_;
    std::deque<WorkerWebhook> webhooks_;  // by LocationConf::webhook
    Verifier verifier_;

    std::vector<std::unique_ptr<Verification>> turn_;
    std::list<std::unique_ptr<Verification>> parked_;  // the oldest first
    LoopEvent turn_event_;
    LoopEvent files_event_;

    // Replay zones that are new: this process fills one with what a reading finds; of those
    // that others fill it hears by looking now and then.
    struct Filling {
        ReplayZone* zone;
        uint64_t reading;
    };
    std::vector<Filling> filling_;
    std::vector<ReplayZone*> awaited_zones_;
    LoopEvent zones_event_;
    uint64_t readings_begun_ = 0;
    uint64_t readings_ended_ = 0;
    bool read_again_ = false;  // as soon as the one that is under way has ended

    size_t parked_count_ = 0;
    int untimely_in_a_row_ = 0;  // authentic, but stale or early
    bool stopping_ = false;
    int64_t full_reported_s_ = 0;
    int64_t overload_reported_s_ = 0;
    uint64_t overloads_ = 0;
};

// To be called by nginx before it opens a destination's file again.
void files_reopen_hook(ngx_open_file_t* file, ngx_log_t* log) noexcept;

}  // namespace momento
