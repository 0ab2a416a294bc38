#include "webhook_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "boundary.h"
#include "directives.h"
#include "request_headers.h"
#include "worker.h"

namespace momento {

namespace {

ngx_str_t signature_header = ngx_string("momento-signature");

// A piece of body that nginx wrote to a temporary file: still in the page cache.
bool append_file(ngx_buf_t* piece, RecordBuffer& body) {
    std::array<u_char, 16'384> block;
    for (off_t at = piece->file_pos; at < piece->file_last;) {
        const auto wanted =
            static_cast<size_t>(std::min<off_t>(block.size(), piece->file_last - at));
        const ssize_t got = ngx_read_file(piece->file, block.data(), wanted, at);
        if (got <= 0) return false;
        body.append_body({reinterpret_cast<char*>(block.data()), static_cast<size_t>(got)});
        at += got;
    }
    return true;
}

off_t body_size(ngx_http_request_t* r) {
    off_t size = 0;
    if (r->request_body == nullptr) return size;
    for (ngx_chain_t* link = r->request_body->bufs; link; link = link->next) {
        size += ngx_buf_size(link->buf);
    }
    return size;
}

// The whole body. Nothing if it cannot be read back from its temporary file.
std::optional<RecordBuffer> collect_body(ngx_http_request_t* r, Worker& worker) {
    RecordBuffer body = worker.new_record(static_cast<size_t>(body_size(r)));
    if (r->request_body == nullptr) return body;
    for (ngx_chain_t* link = r->request_body->bufs; link; link = link->next) {
        ngx_buf_t* piece = link->buf;
        if (ngx_buf_in_memory(piece)) {
            body.append_body({reinterpret_cast<char*>(piece->pos),
                              static_cast<size_t>(piece->last - piece->pos)});
        } else if (piece->in_file && !append_file(piece, body)) {
            return std::nullopt;
        }
    }
    return body;
}

constexpr char too_large[] = "larger than momento_webhook_max_body";

// Of a dry run. It has no verdict, and is counted all the same.
void count_unjudged(ngx_http_request_t* r, const char* why) {
    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "momento: dry run: webhook is not judged: it is %s", why);
    WebhookMetrics* metrics = main_conf(r)->webhooks[location_conf(r).webhook]->metrics;
    if (metrics != nullptr) metrics->dry_run.fetch_add(1, std::memory_order_relaxed);
}

// NGX_DONE if the worker has it now, else what to finalize the request with.
ngx_int_t hand_over(ngx_http_request_t* r, MakeVerification make, LetThrough let_through) {
    RequestState* state = RequestState::find(r);
    if (state == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;

    // The filter has not seen a body that was read before this handler ran.
    if (body_size(r) > state->max_body) {
        if (!state->dry_run) return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        count_unjudged(r, too_large);
        return let_through(r, state);
    }

    Worker* worker = Worker::current();
    if (worker == nullptr) {
        state->verdict = Verdict::unavailable;
        state->count();
        return send_answer(r, answers::unavailable);
    }
    auto body = collect_body(r, *worker);
    if (!body) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    auto verification = make(r, state, std::move(*body));
    if (verification == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    worker->enqueue(std::move(verification));
    return NGX_DONE;
}

ngx_http_request_body_filter_pt next_body_filter;

ngx_int_t bound_body(ngx_http_request_t* r, ngx_chain_t* in) noexcept {
    auto* state =
        static_cast<RequestState*>(ngx_http_get_module_ctx(r, ngx_http_momento_module));
    if (state != nullptr) {
        for (ngx_chain_t* link = in; link; link = link->next) {
            state->received += ngx_buf_size(link->buf);
        }
        if (state->received > state->max_body && !state->dry_run) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "momento: webhook is %s: %O bytes", too_large, state->max_body);
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
    }
    return next_body_filter(r, in);
}

}  // namespace

Precheck check_request(ngx_http_request_t* r) {
    using Next = Precheck::Next;
    const LocationConf& location = location_conf(r);
    const bool is_post = r->method == NGX_HTTP_POST;
    if (is_post && r->headers_in.content_length_n <= location.max_body) return {};
    if (location.dry_run) {
        count_unjudged(r, is_post ? too_large : "not a POST");
        return {Next::let_through, NGX_OK};
    }
    if (!is_post) return {Next::refuse, send_answer(r, answers::method_not_allowed)};
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "momento: webhook is %s: %O bytes",
                  too_large, r->headers_in.content_length_n);
    return {Next::refuse, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE};
}

RequestState* begin_request(ngx_http_request_t* r) {
    RequestState* state = RequestState::make(r);
    if (state == nullptr) return nullptr;
    const LocationConf& location = location_conf(r);
    state->max_body = static_cast<off_t>(location.max_body);
    state->dry_run = location.dry_run != 0;
    state->metrics = main_conf(r)->webhooks[location.webhook]->metrics;
    return state;
}

bool read_signature(ngx_http_request_t* r, RequestState* state) {
    const FoundHeader signature = find_header(r, signature_header);
    if (signature.count == 1) {
        if (auto mac = parse_signature(signature.value)) {
            state->mac = *mac;
            return true;
        }
    }
    state->verdict = signature.count == 1 ? Verdict::forged : Verdict::unsigned_;
    state->count();
    const ngx_uint_t level = state->dry_run ? NGX_LOG_NOTICE : NGX_LOG_INFO;
    ngx_log_error(level, r->connection->log, 0, "momento: %swebhook is %s",
                  state->dry_run ? "dry run: " : "", verdict_name(*state->verdict));
    return false;
}

// nginx calls this once the body is there; it may do so before the handler returns.
void submit(ngx_http_request_t* r, MakeVerification make, LetThrough let_through) noexcept {
    const ngx_int_t rc = contain(r->connection->log, ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR},
                                 [&] { return hand_over(r, make, let_through); });
    if (rc != NGX_DONE) ngx_http_finalize_request(r, rc);
}

void install_body_filter() {
    next_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = bound_body;
}

}  // namespace momento
