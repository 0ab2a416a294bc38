#include "webhook_handler.h"

#include <string>
#include <utility>

#include "answer.h"
#include "boundary.h"
#include "ingest/event_record.h"
#include "request_headers.h"
#include "webhook_job.h"
#include "webhook_request.h"

namespace momento {

namespace {

ngx_str_t trace_header = ngx_string("x-amzn-trace-id");

std::string read_trace_header(ngx_http_request_t* r) {
    const FoundHeader found = find_header(r, trace_header);
    if (found.count != 1 || !is_trace_header(found.value)) return {};
    return std::string(found.value);
}

std::unique_ptr<Verification> make_job(ngx_http_request_t* r, RequestState* state,
                                       RecordBuffer body) {
    return WebhookJob::attach(r, state, std::move(body), read_trace_header(r));
}

ngx_int_t let_through(ngx_http_request_t* r, RequestState*) {
    return send_answer(r, answers::dry_run);
}

void receive_body(ngx_http_request_t* r) noexcept {
    submit(r, make_job, let_through);
}

}  // namespace

ngx_int_t webhook_handler(ngx_http_request_t* r) noexcept {
    if (r != r->main) return NGX_HTTP_NOT_FOUND;

    const Precheck precheck = check_request(r);
    if (precheck.next == Precheck::Next::refuse) return precheck.rc;
    if (precheck.next == Precheck::Next::let_through) {
        return send_answer(r, answers::dry_run);
    }
    RequestState* state = begin_request(r);
    if (state == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (!read_signature(r, state)) {
        return send_answer(r, state->dry_run ? answers::dry_run : answers::unauthorized);
    }
    const ngx_int_t rc = ngx_http_read_client_request_body(r, receive_body);
    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

}  // namespace momento
