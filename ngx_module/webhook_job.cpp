#include "webhook_job.h"

#include <new>
#include <utility>

#include "base/clock.h"
#include "boundary.h"
#include "directives.h"
#include "ingest/event_record.h"
#include "replay_zone.h"
#include "worker.h"

namespace momento {

std::unique_ptr<WebhookJob> WebhookJob::attach(ngx_http_request_t* r, RequestState* state,
                                               RecordBuffer body, std::string trace_header) {
    std::unique_ptr<WebhookJob> job(new WebhookJob(std::move(body), std::move(trace_header)));
    if (!job->Verification::attach(r, state)) return nullptr;
    return job;
}

WebhookJob::WebhookJob(RecordBuffer body, std::string trace_header)
    : Verification(std::move(body)), trace_header_(std::move(trace_header)) {}

Verification::Next WebhookJob::judged(Judgement& judgement, int64_t now_ms) {
    const bool is_authentic =
        judgement.verdict == Verdict::accepted || judgement.verdict == Verdict::malformed;
    if (location_conf(request()).dry_run) {
        if (is_authentic && is_replay(now_ms)) {
            judgement = {};
            judgement.verdict = Verdict::duplicate;
            state().verdict = judgement.verdict;
        }
        ngx_log_error(NGX_LOG_NOTICE, request()->connection->log, 0,
                      "momento: dry run: webhook is %s%s%*s", verdict_name(judgement.verdict),
                      judgement.reason.empty() ? "" : ": ", MOMENTO_TEXT(judgement.reason));
        answer(answers::dry_run);
        return Next::nobody;
    }
    if (is_authentic) return prepare(judgement, now_ms);
    return refuse(judgement.verdict, judgement.reason.c_str());
}

Verification::Next WebhookJob::prepare(Judgement& judgement, int64_t now_ms) {
    if (worker().gateway() == nullptr) {
        return refuse(Verdict::overloaded, "the gateway could not be started");
    }
    if (worker().parked() >= webhook().max_parked) {
        return refuse(Verdict::overloaded, "too many requests are parked");
    }
    if (remaining_ms() <= 0) {
        return refuse(Verdict::overloaded, "its time was over before it could be judged");
    }
    const Replay replay = check_replay(judgement, now_ms);
    if (replay == Replay::waits) return Next::worker;
    if (replay == Replay::refused) return Next::nobody;
    if (!choose_destination(judgement)) {
        return refuse(Verdict::overloaded, "there is no memory");
    }
    if (!worker().gateway()->is_open(destination_)) {
        return refuse(Verdict::overloaded, "a thread has ended that its destination needs");
    }
    const ReplayZone* zone = location_conf(request()).replay;
    const ReplayId id = zone != nullptr ? replay_id() : make_replay_id(state().mac);
    Record record = letter_ ? make_letter(judgement, id, now_ms, trace_header_, named_,
                                          *letter_, judgement.reason)
                            : make_event(judgement, id, now_ms, trace_header_);
    record.replay_zone = zone != nullptr ? zone->key() : 0;
    body().finish(record);
    return Next::gateway;
}

// Whoever has its record keeps it from here on, and settles it.
void WebhookJob::hand_over(std::unique_ptr<Verification>& self) {
    Gateway& gateway = *worker().gateway();
    static_cast<void>(self.release());
    std::unique_ptr<Waiter> waiter(this);
    try {
        if (letter_) {
            gateway.append_letter(destination_, std::move(body()), std::move(waiter));
        } else {
            gateway.append(destination_, std::move(body()), std::move(waiter));
        }
    } catch (const std::bad_alloc&) {
        static_cast<void>(waiter.release());
        self.reset(this);
        throw;
    }
    worker().count_parked(+1);
    start_deadline();
}

// The signature belongs to the record, whoever still listens. Where the writer has ended, with
// its process or alone, nobody knows what it has done: the spool tells whoever asks next.
void WebhookJob::settle_signature(bool durable) {
    ReplayZone* zone = take_reservation();
    if (zone == nullptr) return;
    const int64_t now_ms = system_clock().wall_ms();
    if (durable) {
        zone->settle(replay_id(),
                     letter_ == OwnReason::malformed ? ReplayTable::State::malformed
                                                     : ReplayTable::State::accepted,
                     now_ms);
        remembered_in_ = zone;
    } else if (worker().gateway()->gives_up()) {
        zone->abandon(replay_id(), now_ms);
    } else if (!worker().stopping()) {
        zone->withdraw(replay_id(), now_ms);
    }
}

// Where the record goes: to a destination, or to its dead letters. False if there is no
// memory.
bool WebhookJob::choose_destination(Judgement& judgement) {
    destination_ = webhook().destination;
    ngx_log_t* log = request()->connection->log;
    ngx_http_complex_value_t* value = location_conf(request()).destination_value;
    if (value != nullptr && judgement.verdict == Verdict::accepted) {
        ngx_str_t name;
        if (ngx_http_complex_value(request(), value, &name) != NGX_OK) return false;
        named_ = to_view(name);
        const auto found = worker().find_destination(named_);
        if (!found) {
            letter_ = OwnReason::no_destination;
            judgement.reason = "no \"momento_destination\" has this name";
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "momento: \"momento_webhook\" names the unknown destination \"%V\", "
                          "its event becomes a dead letter",
                          &name);
            return true;
        }
        destination_ = *found;
        judgement.reason = check_entry_size(*judgement.payload, body().body(),
                                            worker().destination_limits(destination_));
        if (!judgement.reason.empty()) judgement.verdict = Verdict::malformed;
    }
    named_ = worker().destination_name(destination_);
    if (judgement.verdict != Verdict::malformed) return true;
    state().verdict = Verdict::malformed;
    letter_ = OwnReason::malformed;
    ngx_log_error(NGX_LOG_WARN, log, 0, "momento: webhook is malformed: %*s",
                  MOMENTO_TEXT(judgement.reason));
    return true;
}

bool WebhookJob::settled(bool durable, uint64_t sequence) {
    settle_signature(durable);
    const bool is_letter = letter_.has_value();
    DestinationMetrics& metrics = worker().metrics(destination_);
    if (durable && is_letter) metrics.count_dead(*letter_);
    if (durable && missed_ && !is_letter) metrics.late.fetch_add(1);

    const bool waits = durable && !is_letter && request() != nullptr && !worker().stopping() &&
                       location_conf(request()).ack == Ack::delivered &&
                       !worker().has_open_breaker(destination_);
    if (waits) {
        sequence_ = sequence;
        return true;
    }
    worker().count_parked(-1);
    if (worker().stopping()) {
        // The process ends and its requests are not ours to touch any more.
        detach();
    } else if (request() != nullptr) {
        if (!durable) {
            refuse(Verdict::overloaded, "it could not be made durable");
        } else if (letter_ == OwnReason::malformed) {
            answer(answers::bad_request);
        } else {
            const bool on_its_way =
                !is_letter && location_conf(request()).ack == Ack::delivered;
            answer(on_its_way ? answers::accepted : answers::success);
        }
    }
    return false;
}

void WebhookJob::resolved(bool delivered) {
    worker().count_parked(-1);
    if (delivered && remembered_in_ != nullptr) {
        remembered_in_->settle(replay_id(), ReplayTable::State::delivered,
                               system_clock().wall_ms());
    }
    if (worker().stopping()) {
        detach();
        return;
    }
    answer(delivered ? answers::success : answers::accepted);
}

// The request goes away first: the job stays until it is settled.
void WebhookJob::end() {
    if (sequence_ != 0) stop_waiting();
}

// For its delivery. Ends the job.
void WebhookJob::stop_waiting() {
    worker().count_parked(-1);
    worker().gateway()->forget(destination_, sequence_);
}

void WebhookJob::miss_deadline() {
    if (sequence_ != 0) {
        answer(answers::accepted);
        stop_waiting();
        return;
    }
    missed_ = true;
    refuse(Verdict::overloaded, "it was not durable before momento_webhook_timeout");
}

}  // namespace momento
