#include "verify_gate.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "answer.h"
#include "base/clock.h"
#include "boundary.h"
#include "directives.h"
#include "replay_zone.h"
#include "verification.h"
#include "webhook_request.h"
#include "worker.h"

namespace momento {

namespace {

// One request at the gate.
class GatedRequest final : public Verification {
  public:
    static std::unique_ptr<Verification> attach(ngx_http_request_t* r, RequestState* state,
                                                RecordBuffer body) {
        std::unique_ptr<GatedRequest> request(new GatedRequest(std::move(body)));
        if (!request->Verification::attach(r, state)) return nullptr;
        return request;
    }

  private:
    explicit GatedRequest(RecordBuffer body) : Verification(std::move(body)) {}

    Next judged(Judgement& judgement, int64_t now_ms) override {
        const bool is_accepted = judgement.verdict == Verdict::accepted;
        if (state().dry_run) {
            if (is_accepted) {
                state().verdict = is_replay(now_ms) ? Verdict::duplicate : Verdict::verified;
            }
            ngx_log_error(NGX_LOG_NOTICE, request()->connection->log, 0,
                          "momento: dry run: webhook is %s", verdict_name(*state().verdict));
            pass();
            return Next::nobody;
        }
        if (judgement.verdict == Verdict::malformed) {
            ngx_log_error(NGX_LOG_WARN, request()->connection->log, 0,
                          "momento: webhook is malformed: %*s", MOMENTO_TEXT(judgement.reason));
            answer(answers::bad_request);
            return Next::nobody;
        }
        if (!is_accepted) return refuse(judgement.verdict, judgement.reason.c_str());
        switch (check_replay(judgement, now_ms)) {
            case Replay::waits:
                return Next::worker;
            case Replay::refused:
                return Next::nobody;
            case Replay::first:
                break;
        }
        return hold_and_pass();
    }

    void miss_deadline() override {}
    void end() override {}

    // What the application answers decides whether the signature is remembered.
    Next hold_and_pass() {
        if (ReplayZone* zone = take_reservation()) {
            if (state().hold == nullptr) state().hold = ReplayHold::make(request());
            if (state().hold == nullptr) {
                zone->withdraw(replay_id(), system_clock().wall_ms());
                return refuse(Verdict::overloaded, "there is no memory");
            }
            state().hold->zone = zone;
            state().hold->id = replay_id();
        }
        state().verdict = Verdict::verified;
        pass();
        return Next::nobody;
    }

    void pass() {
        state().count();
        state().passed_gate = location_conf(request()).webhook;
        ngx_http_request_t* r = detach();
        ngx_connection_t* c = r->connection;
        ngx_http_set_log_request(c->log, r);
        r->write_event_handler = ngx_http_core_run_phases;
        ngx_http_core_run_phases(r);
        // `r` may be gone. Outside of its own events somebody must do this for a connection.
        ngx_http_run_posted_requests(c);
    }
};

// As mirror does: the phases go on where they were, with the reference that reading took.
ngx_int_t let_through(ngx_http_request_t* r, RequestState* state) {
    state->passed_gate = location_conf(r).webhook;
    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
    return NGX_DONE;
}

void receive_body(ngx_http_request_t* r) noexcept {
    submit(r, GatedRequest::attach, let_through);
}

// Of a phase's handler: the request is answered, or will be.
ngx_int_t finalized(ngx_http_request_t* r, ngx_int_t rc) {
    ngx_http_finalize_request(r, rc);
    return NGX_DONE;
}

ngx_int_t gate_handler(ngx_http_request_t* r) noexcept {
    const LocationConf& location = location_conf(r);
    if (!location.is_gate) return NGX_DECLINED;
    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "momento: a subrequest cannot be verified");
        return NGX_HTTP_FORBIDDEN;
    }
    RequestState* state = RequestState::find(r);
    if (state != nullptr && state->passed_gate == location.webhook) return NGX_DECLINED;

    const Precheck precheck = check_request(r);
    if (precheck.next == Precheck::Next::refuse) return finalized(r, precheck.rc);
    if (precheck.next == Precheck::Next::let_through) return NGX_DECLINED;
    state = begin_request(r);
    if (state == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (!read_signature(r, state)) {
        if (state->dry_run) return NGX_DECLINED;
        return finalized(r, send_answer(r, answers::unauthorized));
    }
    const ngx_int_t rc = ngx_http_read_client_request_body(r, receive_body);
    // The reference that reading took is the verification's; this one is the phase's.
    return finalized(r, rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE);
}

}  // namespace

ngx_int_t add_verify_gate(ngx_conf_t* cf) {
    auto* core = static_cast<ngx_http_core_main_conf_t*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    auto* handler = static_cast<ngx_http_handler_pt*>(
        ngx_array_push(&core->phases[NGX_HTTP_PRECONTENT_PHASE].handlers));
    if (handler == nullptr) return NGX_ERROR;
    *handler = gate_handler;
    return NGX_OK;
}

namespace {

struct RewriteCode {
    const uintptr_t* begin = nullptr;
    const uintptr_t* end = nullptr;
};

RewriteCode rewrite_code(const ngx_conf_t* cf) {
    // The rewrite module's own type is private; its first member is the code it runs.
    struct RewriteConf {
        ngx_array_t* codes;
    };
    for (ngx_uint_t i = 0; cf->cycle->modules[i] != nullptr; ++i) {
        const ngx_module_t* module = cf->cycle->modules[i];
        if (std::string_view(module->name) != "ngx_http_rewrite_module") continue;
        const auto* http = static_cast<ngx_http_conf_ctx_t*>(cf->ctx);
        const auto* conf = static_cast<RewriteConf*>(http->loc_conf[module->ctx_index]);
        if (conf == nullptr || conf->codes == nullptr) break;
        const auto* word = static_cast<const uintptr_t*>(conf->codes->elts);
        return {word, word + conf->codes->nelts / sizeof(uintptr_t)};
    }
    return {};
}

const auto return_code = reinterpret_cast<uintptr_t>(ngx_http_script_return_code);

}  // namespace

bool has_return(const ngx_conf_t* cf) {
    const RewriteCode code = rewrite_code(cf);
    return std::find(code.begin, code.end, return_code) != code.end;
}

bool begins_with_return(const ngx_conf_t* cf) {
    const RewriteCode code = rewrite_code(cf);
    return code.begin != code.end && *code.begin == return_code;
}

}  // namespace momento
