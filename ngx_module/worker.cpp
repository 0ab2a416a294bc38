#include "worker.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "base/enum_table.h"
#include "boundary.h"
#include "destination/kind.h"
#include "replay_zone.h"

namespace momento {

namespace {

// The process's only state outside nginx's own; a raw pointer, so that nothing is destroyed
// behind the back of threads when the process exits.
Worker* instance = nullptr;

constexpr auto log_levels = enum_table<Severity, ngx_uint_t>({
    {Severity::alert, NGX_LOG_ALERT},
    {Severity::error, NGX_LOG_ERR},
    {Severity::warn, NGX_LOG_WARN},
    {Severity::notice, NGX_LOG_NOTICE},
    {Severity::info, NGX_LOG_INFO},
});

// Before what threads say is looked for again, if there was no memory for it.
constexpr int64_t retry_ms = 100;

// Before a file is handed over that there was no descriptor for.
constexpr int64_t files_retry_ms = 1'000;

// So many authentic events in a row outside of the window: the clock here may be wrong.
constexpr int suspicious_streak = 10;

// What only the master needs is not left for whatever else runs in a worker.
void hide_variables(const MainConf& main) {
    for (const std::string& name : main.private_variables) unsetenv(name.c_str());
}

// What an access log with a buffer has not written yet: nginx writes it when it destroys its
// pools, which _exit() does not wait for.
void flush_logs() {
    ngx_list_part_t* part = &const_cast<ngx_cycle_t*>(ngx_cycle)->open_files.part;
    for (; part != nullptr; part = part->next) {
        auto* files = static_cast<ngx_open_file_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            if (files[i].flush != nullptr) files[i].flush(&files[i], ngx_cycle->log);
        }
    }
}

size_t process_slot() {
    return static_cast<size_t>(std::max<ngx_int_t>(ngx_process_slot, 0)) % max_processes;
}

}  // namespace

void Worker::start(ngx_cycle_t* cycle) {
    MainConf* main = main_conf(cycle);
    if (main == nullptr) return;

    // A single process reads its environment again on reload.
    if (ngx_process != NGX_PROCESS_SINGLE) hide_variables(*main);

    // The cache manager comes by here, too, and leaves without a word.
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) return;
    if (!main->settings || main->metrics == nullptr) return;
    // Without a destination there may be gates, and orphans to tell of.
    const bool is_idle = main->settings->destinations.empty() && main->webhooks.empty() &&
                         main->metrics->orphans.spools().empty();
    if (is_idle) return;

    instance = std::make_unique<Worker>(*main).release();
    if (instance->start_gateway(cycle)) return;
    instance->gateway_.reset();
    // It has no delivery, and never had: health need not wait to see that it stands still.
    instance->shared_.delivery_stepped_us.parts[process_slot()] = 1;
}

void Worker::stop() {
    const std::unique_ptr<Worker> worker(std::exchange(instance, nullptr));
    if (!worker) return;
    worker->stopping_ = true;
    const bool has_stopped = !worker->gateway_ || worker->gateway_->stop();
    worker->shared_.processes.leave(process_slot());
    if (!has_stopped) {
        // A thread is still in there. To return would unmap the code it runs.
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "momento: a thread could not be ended in time, exit");
        flush_logs();
        _exit(0);
    }
}

Worker* Worker::current() {
    return instance;
}

Worker::Worker(MainConf& main)
    : settings_(main.settings),
      shared_(*main.metrics),
      webhooks_(*settings_, shared_,
                [this](size_t source) {
                    if (gateway_) gateway_->want_secret(source);
                }),
      turn_event_([this] { end_turn(); }),
      retry_event_([this] { end_turn(); }),
      files_event_([this] { hand_over_files(); }),
      files_retry_event_([this] { hand_over_files(); }),
      tend_event_([this] {
          if (gateway_) gateway_->tend();
      }),
      signatures_(
          main.replay_zones, !settings_->spool.path.empty(),
          [this](int64_t since_ms, bool patiently) {
              return gateway_ && gateway_->read_signatures(since_ms, patiently);
          },
          [this] {
              wake_parked(
                  [](const Verification& request) { return request.waits_for_signatures(); });
          }) {
    for (const DestinationSettings& destination : settings_->destinations) {
        DestinationMetrics* metrics = shared_.destinations.find_or_add(destination.name);
        metrics_.push_back(metrics != nullptr ? metrics : &own_metrics_.emplace_back());
        destination_limits_.push_back(destination.kind->limits(destination));
    }
    shared_.enter(process_slot());
    for (const LocationConf* location : main.webhooks) {
        webhooks_.add(*location, destination_limits_);
    }
    tell_of_secrets();
}

Worker::~Worker() = default;

// Something came of asking a source: whoever waits for it is judged again.
void Worker::take_secret(const SecretOutcome& outcome) {
    if (stopping_) return;
    webhooks_.take(outcome);
    tell_of_secrets();
    wake_parked(
        [&](const Verification& request) { return request.waits_for_secret(outcome.source); });
}

void Worker::tell_of_secrets() {
    shared_.without_secret.parts[process_slot()] = webhooks_.have_secrets() ? 0 : 1;
}

// They come before the others of this turn: their places were theirs already.
template <class Condition>
void Worker::wake_parked(Condition is_due) {
    std::vector<std::unique_ptr<Verification>> woken;
    for (auto it = parked_.begin(); it != parked_.end();) {
        Verification& request = **it++;
        if (!is_due(request)) continue;
        woken.push_back(unpark(request));
        // Its time may be over, or its request end, before the turn comes.
        request.stage_ = Verification::Stage::in_turn;
    }
    if (woken.empty()) return;
    turn_.insert(turn_.begin(), std::make_move_iterator(woken.begin()),
                 std::make_move_iterator(woken.end()));
    turn_event_.post();
}

void Worker::park(std::unique_ptr<Verification> request) {
    Verification& parked = *request;
    parked.place_ = parked_.insert(parked_.end(), std::move(request));
    count_parked(+1);
}

std::unique_ptr<Verification> Worker::unpark(Verification& request) {
    std::unique_ptr<Verification> taken = std::move(*request.place_);
    parked_.erase(request.place_);
    count_parked(-1);
    return taken;
}

bool Worker::start_gateway(ngx_cycle_t* cycle) {
    auto gateway =
        Gateway::start(settings_, metrics_, shared_, process_slot(),
                       {print, [this](const SecretOutcome& outcome) { take_secret(outcome); },
                        [this](const SignatureBatch& batch) {
                            if (!stopping_) signatures_.take(batch);
                        },
                        // nginx's flag, which its event loop sets once.
                        [] { return __atomic_load_n(&ngx_exiting, __ATOMIC_RELAXED) != 0; },
                        [this](int64_t ms) { tend_event_.start_idle_timer(ms); },
                        [this] { hand_over_files(); }, [this] { end_process(); }});
    if (!gateway) {
        ngx_log_error(
            NGX_LOG_ALERT, cycle->log, 0,
            "momento: the gateway could not be started, webhooks are answered 503: %s",
            gateway.error().text.c_str());
        return false;
    }
    gateway_ = std::move(*gateway);
    if (ngx_add_channel_event(cycle, gateway_->descriptor(), NGX_READ_EVENT, wake_up) !=
        NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "momento: the gateway cannot be heard, webhooks are answered 503");
        return false;
    }
    hand_over_files();
    watch_deliveries(*main_conf(cycle));
    return true;
}

// For the webhooks whose answers wait for the bus.
void Worker::watch_deliveries(const MainConf& main) {
    for (const LocationConf* location : main.webhooks) {
        if (!location->is_webhook() || location->ack != Ack::delivered) continue;
        for (size_t i = 0; i < settings_->destinations.size(); ++i) {
            const bool may_go_there =
                location->destination_value != nullptr || location->destination == i;
            if (may_go_there) gateway_->watch(i);
        }
    }
}

RecordBuffer Worker::new_record(size_t expected_body) {
    return gateway_ ? gateway_->new_record(expected_body) : RecordBuffer(expected_body);
}

void Worker::enqueue(std::unique_ptr<Verification> request) {
    turn_.push_back(std::move(request));
    if (gateway_) gateway_->begin_turn();
    turn_event_.post();
}

// All bodies that became complete in a turn are judged and appended together. While their
// writers store them there are answers to send, and after that perhaps more.
void Worker::end_turn() {
    ngx_log_t* log = ngx_cycle->log;
    if (gateway_) gateway_->begin_turn();
    contain(log, 0, [this] { return judge_turn(), 0; });
    if (!gateway_) return;
    contain(log, 0, [this] { return gateway_->flush(), 0; });
    const bool has_ended = contain(log, false, [this] { return gateway_->end_turn(), true; });
    if (!has_ended) retry_event_.start_timer(retry_ms);
}

void Worker::judge_turn() {
    if (turn_.empty()) return;
    std::vector<std::unique_ptr<Verification>> requests;
    requests.swap(turn_);

    const int64_t now_ms = system_clock().wall_ms();
    std::vector<Claim> claims;
    const bool is_matched = contain(ngx_cycle->log, false, [&] {
        webhooks_.retire_secrets(now_ms);
        claims.reserve(requests.size());
        for (const auto& request : requests) claims.push_back(request->make_claim(*this));
        verifier_.match(claims.data(), claims.size());
        return true;
    });
    for (size_t i = 0; i < requests.size(); ++i) {
        take_turn(std::move(requests[i]), is_matched ? &claims[i] : nullptr, now_ms);
    }

    requests.clear();
    if (turn_.empty()) turn_.swap(requests);  // keeps the memory
}

// Without a claim it could not be matched.
void Worker::take_turn(std::unique_ptr<Verification> request, const Claim* claim,
                       int64_t now_ms) {
    enum class Outcome { settled, failed };
    const Outcome outcome = contain(ngx_cycle->log, Outcome::failed, [&] {
        if (claim == nullptr) return Outcome::failed;
        switch (request->take_turn(*claim, now_ms)) {
            case Verification::Next::nobody:
                break;
            case Verification::Next::worker:
                park(std::move(request));
                break;
            case Verification::Next::gateway:
                request->hand_over(request);
                break;
        }
        return Outcome::settled;
    });
    if (outcome == Outcome::failed && request) request->answer(answers::unavailable);
}

const WorkerWebhook* Worker::webhook(const ngx_http_request_t* r,
                                     const LocationConf& location) {
    const auto* main =
        static_cast<MainConf*>(ngx_http_get_module_main_conf(r, ngx_http_momento_module));
    // With "master_process off" a reload brings a configuration that nobody has started.
    if (main->settings != settings_) return nullptr;
    return webhooks_.find(location.webhook);
}

std::optional<size_t> Worker::find_destination(std::string_view name) const {
    const auto& destinations = settings_->destinations;
    for (size_t i = 0; i < destinations.size(); ++i) {
        if (destinations[i].name == name) return i;
    }
    return std::nullopt;
}

std::string_view Worker::destination_name(size_t destination) const {
    return settings_->destinations[destination].name;
}

void Worker::count_parked(int change) {
    parked_count_ += static_cast<size_t>(change);
    shared_.parked.parts[process_slot()] = parked_count_;
}

bool Worker::has_open_breaker(size_t destination) const {
    return metrics_[destination]->breaker_open.parts[process_slot()] != 0;
}

void Worker::note_judgement(const WorkerWebhook& webhook, const Judgement& judgement) {
    if (judgement.secret < 0) return;
    webhook.count_match(judgement.secret);
    if (judgement.verdict != Verdict::stale && judgement.verdict != Verdict::early) {
        untimely_in_a_row_ = 0;
        return;
    }
    if (++untimely_in_a_row_ % suspicious_streak != 0) return;
    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "momento: %d authentic webhooks in a row are %s, the last one by %L ms: "
                  "check the clock of this machine",
                  untimely_in_a_row_, verdict_name(judgement.verdict), judgement.age_ms);
}

void Worker::report_full(const ReplayZone& zone) {
    const int64_t now_s = system_clock().steady_us() / 1'000'000;
    if (now_s == full_reported_s_) return;
    full_reported_s_ = now_s;
    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "momento: the replay zone \"%*s\" is full, webhooks are answered 503 "
                  "(%uL so far): make it larger",
                  MOMENTO_TEXT(zone.name()), zone.times_full());
}

void Worker::report_overload(const char* why) {
    ++overloads_;
    const int64_t now_s = system_clock().steady_us() / 1'000'000;
    if (now_s == overload_reported_s_) return;
    overload_reported_s_ = now_s;
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "momento: webhook is answered 503: %s (%uL so far)", why, overloads_);
}

// The master starts another one: a status that is neither 0 nor 2 is a worker's that failed.
// Its connections are lost, which a thread that cannot be ended costs anyway.
void Worker::end_process() {
    if (ngx_process != NGX_PROCESS_WORKER) return;
    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "momento: a thread ended by an exception, and another one cannot be ended: "
                  "this process ends, to be replaced");
    stopping_ = true;
    shared_.processes.leave(process_slot());
    flush_logs();
    _exit(1);
}

void Worker::files_reopen() {
    files_event_.post_next();
}

void Worker::hand_over_files() {
    const MainConf* main = main_conf(const_cast<ngx_cycle_t*>(ngx_cycle));
    if (!gateway_ || main == nullptr || main->settings != settings_) return;
    bool is_one_missing = false;
    for (const FileTarget& target : main->files) {
        // Its own descriptor: nginx closes the one it has when it opens the file again.
        const int descriptor = fcntl(target.file->fd, F_DUPFD_CLOEXEC, 0);
        if (descriptor == -1) {
            is_one_missing = true;
            if (are_files_missing_) continue;
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "momento: cannot use \"%V\", its events wait: it is tried again, let "
                          "workers open more files (worker_rlimit_nofile)",
                          &target.file->name);
            continue;
        }
        gateway_->set_file_descriptor(target.destination, descriptor);
    }
    are_files_missing_ = is_one_missing;
    if (is_one_missing && !ngx_exiting) files_retry_event_.start_timer(files_retry_ms);
}

void Worker::print(Severity severity, const std::string& line) {
    ngx_log_error(log_levels[severity], ngx_cycle->log, 0, "momento: %*s", MOMENTO_TEXT(line));
}

// The gateway's descriptor is readable. What its threads say is heard at once: the deadlines of
// those it is about come later in this turn of nginx's loop.
void Worker::wake_up(ngx_event_t*) noexcept {
    if (instance == nullptr || !instance->gateway_) return;
    instance->turn_event_.post();
    contain(ngx_cycle->log, 0, [] { return instance->gateway_->wake_up(), 0; });
}

void files_reopen_hook(ngx_open_file_t*, ngx_log_t* log) noexcept {
    contain(log, 0, [] {
        if (Worker::current() != nullptr) Worker::current()->files_reopen();
        return 0;
    });
}

}  // namespace momento
