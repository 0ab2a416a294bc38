#include "verification.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "boundary.h"
#include "directives.h"
#include "ingest/event_record.h"
#include "replay_zone.h"
#include "worker.h"

namespace momento {

namespace {

// What every gzip file begins with (RFC 1952, 2.3.1).
constexpr std::string_view gzip_magic = "\x1f\x8b";

}  // namespace

Verification::Verification(RecordBuffer body)
    : body_(std::move(body)),
      deadline_([this] { run_deadline(); }),
      since_us_(system_clock().steady_us()) {}

Verification::~Verification() {
    detach();
    if (ReplayZone* zone = take_reservation()) {
        zone->withdraw(replay_id_, system_clock().wall_ms());
    }
}

bool Verification::attach(ngx_http_request_t* r, RequestState* state) {
    cleanup_ = ngx_http_cleanup_add(r, 0);
    if (cleanup_ == nullptr) return false;
    cleanup_->handler = request_ended;
    cleanup_->data = this;
    request_ = r;
    state_ = state;

    // A client that has closed its side for sending still wants the answer, and looks just
    // like one that has gone: so nobody looks.
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    return true;
}

void Verification::request_ended(void* data) {
    auto* self = static_cast<Verification*>(data);
    self->detach();
    switch (self->stage_) {
        case Stage::in_turn:
            return;  // which finds that nobody listens
        case Stage::parked:
            self->worker_->unpark(*self);
            return;
        case Stage::judged:
            self->end();
            return;
    }
}

ngx_http_request_t* Verification::detach() {
    if (request_ == nullptr) return nullptr;
    deadline_.cancel();
    cleanup_->handler = nullptr;
    cleanup_ = nullptr;
    state_ = nullptr;
    return std::exchange(request_, nullptr);
}

void Verification::answer(const Answer& answer) {
    if (request_ == nullptr) return;
    state_->count();
    ngx_http_request_t* r = detach();
    ngx_connection_t* c = r->connection;
    ngx_http_set_log_request(c->log, r);
    ngx_http_finalize_request(r, send_answer(r, answer));
    // `r` may be gone. Outside of its own events somebody must do this for a connection.
    ngx_http_run_posted_requests(c);
}

Claim Verification::make_claim(Worker& worker) {
    stage_ = Stage::in_turn;
    worker_ = &worker;
    if (request_ == nullptr) return {};
    webhook_ = worker.webhook(request_, location_conf(request_));
    if (webhook_ == nullptr) return {};
    state_->is_packed = body_.body().substr(0, gzip_magic.size()) == gzip_magic;
    return {&webhook_->secrets.keyring(), body_.body(), state_->mac};
}

Verification::Next Verification::take_turn(const Claim& claim, int64_t now_ms) {
    if (request_ == nullptr) return Next::nobody;  // it left, and nothing was promised
    if (webhook_ == nullptr) {
        refuse(Verdict::unavailable, "its location is not served by this process");
        return Next::nobody;
    }
    if (must_wait(claim)) {
        awaits_ = Awaited::secret;
        return park();
    }
    stage_ = Stage::judged;
    Judgement judgement = claim.secret < 0
                              ? unmatched_judgement()
                              : worker_->verifier().judge(claim, webhook_->rules, now_ms);
    if (!std::exchange(is_noted_, true)) worker_->note_judgement(*webhook_, judgement);
    if (!state_->keep(request_->pool, judgement)) {
        answer(answers::unavailable);
        return Next::nobody;
    }
    const Next next = judged(judgement, now_ms);
    return next == Next::worker ? park() : next;
}

Verification::Next Verification::park() {
    stage_ = Stage::parked;
    start_deadline();
    return Next::worker;
}

bool Verification::must_wait(const Claim& claim) {
    if (claim.secret >= 0) return false;
    const int64_t remaining = remaining_ms();
    const int64_t until_us = system_clock().steady_us() + remaining * 1'000;
    const LocationSecrets::Doubt doubt = webhook_->secrets.doubt(claim, since_us_, until_us);
    unless_matched_ = doubt.is_blind ? Verdict::unavailable : Verdict::forged;
    if (!doubt.expects_news || remaining <= 0) return false;

    // Requests that may be forged must not take the places of those that are not.
    const size_t places = webhook_->max_parked / (doubt.is_blind ? 1 : 2);
    if (worker_->parked() < places) return true;
    if (doubt.is_blind) unless_matched_ = Verdict::overloaded;
    return false;
}

Judgement Verification::unmatched_judgement() const {
    Judgement judgement;
    judgement.verdict = unless_matched_;
    if (unless_matched_ == Verdict::unavailable) {
        judgement.reason = "no secret arrived before momento_webhook_timeout";
    } else if (unless_matched_ == Verdict::overloaded) {
        judgement.reason = awaits_ == Awaited::signatures
                               ? "signatures could not be read back in time"
                               : "too many requests are parked";
    }
    return judgement;
}

void Verification::start_deadline() {
    deadline_.start_timer(std::max<int64_t>(remaining_ms(), 1));
}

void Verification::run_deadline() {
    switch (stage_) {
        case Stage::in_turn:
            return;  // which is about to come, and waits no more
        case Stage::parked: {
            const std::unique_ptr<Verification> self = worker_->unpark(*this);
            stage_ = Stage::judged;
            Judgement judgement = unmatched_judgement();
            state_->verdict = judgement.verdict;
            judged(judgement, system_clock().wall_ms());
            return;
        }
        case Stage::judged:
            miss_deadline();
            return;
    }
}

int64_t Verification::remaining_ms() const {
    const int64_t timeout = location_conf(request_).timeout_ms;
    const ngx_time_t* now = ngx_timeofday();
    const int64_t elapsed =
        (static_cast<int64_t>(now->sec) - static_cast<int64_t>(request_->start_sec)) * 1000 +
        (static_cast<int64_t>(now->msec) - static_cast<int64_t>(request_->start_msec));
    // The wall clock may have been set meanwhile.
    return timeout - std::clamp<int64_t>(elapsed, 0, timeout);
}

Verification::Next Verification::refuse(Verdict verdict, const char* why) {
    state_->verdict = verdict;
    if (verdict == Verdict::overloaded || verdict == Verdict::unavailable) {
        worker_->report_overload(why);
        answer(answers::unavailable);
        return Next::nobody;
    }
    ngx_log_error(NGX_LOG_INFO, request_->connection->log, 0, "momento: webhook is %s%s%s",
                  verdict_name(verdict), *why == '\0' ? "" : ": ", why);
    answer(answers::unauthorized);
    return Next::nobody;
}

bool Verification::waits_for_secret(size_t source) const {
    return awaits_ == Awaited::secret && webhook_->secrets.uses(source);
}

Verification::Replay Verification::check_replay(const Judgement& judgement, int64_t now_ms) {
    ReplayZone* zone = location_conf(request_).replay;
    if (zone == nullptr) return Replay::first;
    if (ReplayHold* hold = state_->hold; hold != nullptr && hold->zone == zone) {
        // A gate that it came through has reserved it.
        replay_id_ = hold->id;
        reserved_in_ = std::exchange(hold->zone, nullptr);
        return Replay::first;
    }
    if (!worker_->signatures().is_filled(*zone)) return wait_for_signatures();

    replay_id_ = make_replay_id(state_->mac);
    const int64_t publish_ms =
        judgement.payload ? judgement.payload->publish_timestamp : now_ms;
    const bool may_take_over = reading_ != 0 && worker_->signatures().has_ended(reading_);
    const ReplayZone::Reservation reservation =
        zone->reserve(replay_id_, publish_ms, may_take_over, now_ms);
    switch (reservation.outcome) {
        case ReplayZone::Outcome::reserved:
            reserved_in_ = zone;
            return Replay::first;
        case ReplayZone::Outcome::duplicate:
            return refuse_copy(reservation.first);
        case ReplayZone::Outcome::unsettled:
            // Nothing is wrong here: no line at level error, as for other overloads.
            state_->verdict = Verdict::overloaded;
            ngx_log_error(
                NGX_LOG_INFO, request_->connection->log, 0,
                "momento: webhook is answered 503: its first copy is not settled yet");
            answer(answers::unavailable);
            return Replay::refused;
        case ReplayZone::Outcome::abandoned:
            reading_ = worker_->signatures().read();
            return wait_for_signatures();
        case ReplayZone::Outcome::full:
            worker_->report_full(*zone);
            refuse(Verdict::overloaded, "there is no room in its replay zone");
            return Replay::refused;
    }
    return Replay::refused;
}

Verification::Replay Verification::wait_for_signatures() {
    if (remaining_ms() <= 0 || worker_->parked() >= webhook_->max_parked) {
        refuse(Verdict::overloaded, "too many requests are parked");
        return Replay::refused;
    }
    awaits_ = Awaited::signatures;
    unless_matched_ = Verdict::overloaded;
    return Replay::waits;
}

// As the first copy would be answered now.
Verification::Replay Verification::refuse_copy(ReplayTable::State first) {
    state_->verdict = Verdict::duplicate;
    ngx_log_error(NGX_LOG_INFO, request_->connection->log, 0, "momento: webhook is duplicate");
    const LocationConf& location = location_conf(request_);
    if (first == ReplayTable::State::malformed) {
        answer(answers::bad_request);
    } else if (location.is_webhook() && location.ack == Ack::delivered &&
               first != ReplayTable::State::delivered) {
        answer(answers::accepted);
    } else {
        answer(answers::success);
    }
    return Replay::refused;
}

bool Verification::is_replay(int64_t now_ms) const {
    const ReplayZone* zone = location_conf(request_).replay;
    return zone != nullptr && zone->knows(make_replay_id(state_->mac), now_ms);
}

ReplayZone* Verification::take_reservation() {
    return std::exchange(reserved_in_, nullptr);
}

}  // namespace momento
