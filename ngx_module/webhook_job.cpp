#include "webhook_job.h"

#include <algorithm>
#include <utility>

#include "boundary.h"
#include "directives.h"
#include "ingest/event_record.h"
#include "worker.h"

namespace momento {

std::unique_ptr<WebhookJob> WebhookJob::attach(ngx_http_request_t* r, RequestState* state,
                                               RecordBuffer body, std::string trace_header) {
    std::unique_ptr<WebhookJob> job(
        new WebhookJob(r, state, std::move(body), std::move(trace_header)));

    job->cleanup_ = ngx_http_cleanup_add(r, 0);
    if (job->cleanup_ == nullptr) {
        job->request_ = nullptr;
        return nullptr;
    }
    job->cleanup_->handler = request_ended;
    job->cleanup_->data = job.get();

    // A client that has closed its side for sending still wants the answer, and looks just
    // like one that has gone: so nobody looks.
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    return job;
}

WebhookJob::WebhookJob(ngx_http_request_t* r, RequestState* state, RecordBuffer body,
                       std::string trace_header)
    : request_(r),
      state_(state),
      record_(std::move(body)),
      trace_header_(std::move(trace_header)),
      deadline_([this] { miss_deadline(); }) {}

WebhookJob::~WebhookJob() {
    detach();
}

// The request goes away first: the job stays until it is settled.
void WebhookJob::request_ended(void* data) {
    auto* job = static_cast<WebhookJob*>(data);
    job->detach();
    if (job->sequence_ != 0) job->stop_waiting();
}

ngx_http_request_t* WebhookJob::detach() {
    if (request_ == nullptr) return nullptr;
    deadline_.cancel();
    cleanup_->handler = nullptr;
    cleanup_ = nullptr;
    state_ = nullptr;
    return std::exchange(request_, nullptr);
}

void WebhookJob::answer(const Answer& answer) {
    if (request_ == nullptr) return;
    state_->count();
    ngx_http_request_t* r = detach();
    ngx_connection_t* c = r->connection;
    ngx_http_set_log_request(c->log, r);
    ngx_http_finalize_request(r, send_answer(r, answer));
    // `r` may be gone. Outside of its own events somebody must do this for a connection.
    ngx_http_run_posted_requests(c);
}

Claim WebhookJob::make_claim(Worker& worker) const {
    if (request_ == nullptr) return {};
    const WorkerWebhook* webhook = worker.webhook(request_, location_conf(request_));
    if (webhook == nullptr) return {};
    return {&webhook->keyring, record_.body(), state_->mac};
}

bool WebhookJob::take_turn(Worker& worker, const Claim& claim, int64_t now_ms) {
    if (request_ == nullptr) return false;  // the client left, and nothing was promised
    worker_ = &worker;

    const LocationConf& location = location_conf(request_);
    const WorkerWebhook* webhook = worker.webhook(request_, location);
    if (webhook == nullptr) {
        refuse(Verdict::unavailable, "no secret could be prepared");
        return false;
    }
    Judgement judgement = worker.verifier().judge(claim, webhook->rules, now_ms);
    worker.note_judgement(*webhook, judgement);
    if (!state_->keep(request_->pool, judgement)) {
        answer(answers::unavailable);
        return false;
    }
    if (location.dry_run) {
        ngx_log_error(NGX_LOG_NOTICE, request_->connection->log, 0,
                      "momento: dry run: webhook is %s%s%*s", verdict_name(judgement.verdict),
                      judgement.reason.empty() ? "" : ": ", MOMENTO_TEXT(judgement.reason));
        answer(answers::dry_run);
        return false;
    }
    if (judgement.verdict != Verdict::accepted && judgement.verdict != Verdict::malformed) {
        refuse(judgement.verdict, "");
        return false;
    }
    return hand_over(worker, *webhook, judgement, now_ms);
}

bool WebhookJob::hand_over(Worker& worker, const WorkerWebhook& webhook, Judgement& judgement,
                           int64_t now_ms) {
    const int64_t remaining = remaining_ms();
    if (worker.gateway() == nullptr) return overload("the gateway could not be started");
    if (worker.parked() >= webhook.max_parked) return overload("too many requests are parked");
    if (remaining <= 0) return overload("its time was over before its body was complete");
    if (!choose_destination(webhook, judgement)) return overload("there is no memory");

    if (letter_.empty()) {
        record_.finish(make_event(judgement, state_->mac, now_ms, trace_header_));
        worker.gateway()->append(destination_, std::move(record_), this);
    } else {
        record_.finish(make_letter(judgement, state_->mac, now_ms, trace_header_, named_,
                                   letter_, judgement.reason));
        worker.gateway()->append_letter(destination_, std::move(record_), this);
    }
    worker.count_parked(+1);
    // Not cancelable: a worker that is asked to quit waits for it, and so for the answer.
    deadline_.start_timer(remaining);
    return true;
}

// Where the record goes: to a destination, or to its dead letters. False if there is no
// memory.
bool WebhookJob::choose_destination(const WorkerWebhook& webhook, Judgement& judgement) {
    destination_ = webhook.destination;
    ngx_log_t* log = request_->connection->log;
    ngx_http_complex_value_t* value = location_conf(request_).destination_value;
    if (value != nullptr && judgement.verdict == Verdict::accepted) {
        ngx_str_t name;
        if (ngx_http_complex_value(request_, value, &name) != NGX_OK) return false;
        named_ = to_view(name);
        const auto found = worker_->find_destination(named_);
        if (!found) {
            letter_ = reason_no_destination;
            judgement.reason = "no \"momento_destination\" has this name";
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "momento: \"momento_webhook\" names the unknown destination \"%V\", "
                          "its event becomes a dead letter",
                          &name);
            return true;
        }
        destination_ = *found;
        judgement.reason = check_entry_size(*judgement.payload, record_.body(),
                                            worker_->destination_rules(destination_));
        if (!judgement.reason.empty()) judgement.verdict = Verdict::malformed;
    }
    named_ = worker_->destination_name(destination_);
    if (judgement.verdict != Verdict::malformed) return true;
    state_->verdict = Verdict::malformed;
    letter_ = reason_malformed;
    ngx_log_error(NGX_LOG_WARN, log, 0, "momento: webhook is malformed: %*s",
                  MOMENTO_TEXT(judgement.reason));
    return true;
}

bool WebhookJob::settled(bool durable, uint64_t sequence) {
    std::unique_ptr<WebhookJob> self(this);
    const bool is_letter = !letter_.empty();
    DestinationMetrics& metrics = worker_->metrics(destination_);
    if (durable && is_letter) metrics.count_dead(letter_);
    if (durable && missed_ && !is_letter) metrics.late.fetch_add(1);

    const bool waits = durable && !is_letter && request_ != nullptr && !worker_->stopping() &&
                       location_conf(request_).ack == Ack::delivered &&
                       !worker_->has_open_breaker(destination_);
    if (waits) {
        sequence_ = sequence;
        static_cast<void>(self.release());
        return true;
    }
    worker_->count_parked(-1);
    if (worker_->stopping()) {
        // The process ends and its requests are not ours to touch any more.
        detach();
    } else if (request_ != nullptr) {
        if (!durable) {
            overload("it could not be made durable");
        } else if (letter_ == reason_malformed) {
            answer(answers::bad_request);
        } else {
            const bool on_its_way = !is_letter && location_conf(request_).ack == Ack::delivered;
            answer(on_its_way ? answers::accepted : answers::success);
        }
    }
    return false;
}

void WebhookJob::resolved(bool delivered) {
    const std::unique_ptr<WebhookJob> self(this);
    worker_->count_parked(-1);
    if (worker_->stopping()) {
        detach();
        return;
    }
    answer(delivered ? answers::success : answers::accepted);
}

// For its delivery. Ends the job.
void WebhookJob::stop_waiting() {
    const std::unique_ptr<WebhookJob> self(this);
    worker_->gateway()->forget(destination_, sequence_);
    worker_->count_parked(-1);
}

void WebhookJob::miss_deadline() {
    if (sequence_ != 0) {
        answer(answers::accepted);
        stop_waiting();
        return;
    }
    missed_ = true;
    overload("it was not durable before momento_webhook_timeout");
}

// Time left of momento_webhook_timeout, which runs from the request's first byte.
int64_t WebhookJob::remaining_ms() const {
    const int64_t timeout = location_conf(request_).timeout_ms;
    const ngx_time_t* now = ngx_timeofday();
    const int64_t elapsed =
        (static_cast<int64_t>(now->sec) - static_cast<int64_t>(request_->start_sec)) * 1000 +
        (static_cast<int64_t>(now->msec) - static_cast<int64_t>(request_->start_msec));
    // The wall clock may have been set meanwhile.
    return timeout - std::clamp<int64_t>(elapsed, 0, timeout);
}

void WebhookJob::refuse(Verdict verdict, const std::string& reason) {
    state_->verdict = verdict;
    ngx_log_error(NGX_LOG_INFO, request_->connection->log, 0, "momento: webhook is %s%s%*s",
                  verdict_name(verdict), reason.empty() ? "" : ": ", MOMENTO_TEXT(reason));
    answer(verdict == Verdict::unavailable ? answers::unavailable : answers::unauthorized);
}

// 503. Gives false: the job is done.
bool WebhookJob::overload(const char* why) {
    state_->verdict = Verdict::overloaded;
    worker_->report_overload(why);
    answer(answers::unavailable);
    return false;
}

}  // namespace momento
