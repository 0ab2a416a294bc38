#include "request_state.h"

#include <new>

#include "base/clock.h"
#include "boundary.h"
#include "ingest/variable_text.h"
#include "replay_zone.h"

namespace momento {

namespace {

// Does nothing, but is found again: the pool's cleanups outlive a request's contexts.
void mark(void*) {}

// The request ends. What its answer became is known, whether or not it could be sent.
void settle(void* data) {
    auto* hold = static_cast<ReplayHold*>(data);
    if (hold->zone == nullptr) return;
    const int64_t now_ms = system_clock().wall_ms();
    const ngx_uint_t status = hold->request->headers_out.status;
    if (status >= NGX_HTTP_OK && status < NGX_HTTP_BAD_REQUEST) {
        hold->zone->settle(hold->id, ReplayTable::State::accepted, now_ms);
    } else {
        hold->zone->withdraw(hold->id, now_ms);
    }
}

// For a variable. No data if there is no memory.
ngx_str_t told(ngx_pool_t* pool, std::string_view text) {
    return is_variable_text(text) ? to_pool(pool, text) : to_pool(pool, variable_text(text));
}

}  // namespace

ReplayHold* ReplayHold::make(ngx_http_request_t* r) {
    ngx_http_cleanup_t* cleanup = ngx_http_cleanup_add(r, sizeof(ReplayHold));
    if (cleanup == nullptr) return nullptr;
    cleanup->handler = settle;
    return new (cleanup->data) ReplayHold{r, nullptr, {}};
}

RequestState* RequestState::make(ngx_http_request_t* r) {
    ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(r->pool, sizeof(RequestState));
    if (cleanup == nullptr) return nullptr;
    const RequestState* before = find(r);
    cleanup->handler = mark;
    auto* state = new (cleanup->data) RequestState();
    if (before != nullptr) state->hold = before->hold;
    ngx_http_set_ctx(r, state, ngx_http_momento_module);
    return state;
}

RequestState* RequestState::find(ngx_http_request_t* r) {
    r = r->main;
    if (void* state = ngx_http_get_module_ctx(r, ngx_http_momento_module)) {
        return static_cast<RequestState*>(state);
    }
    for (ngx_pool_cleanup_t* cleanup = r->pool->cleanup; cleanup; cleanup = cleanup->next) {
        if (cleanup->handler == mark) return static_cast<RequestState*>(cleanup->data);
    }
    return nullptr;
}

void RequestState::count() const {
    if (metrics == nullptr || !verdict) return;
    const auto count_one = [](Counter& counter) {
        counter.fetch_add(1, std::memory_order_relaxed);
    };
    if (*verdict == Verdict::stale || *verdict == Verdict::early) {
        metrics->untimely_ms.store(static_cast<uint64_t>(age_ms), std::memory_order_relaxed);
    }
    if (*verdict == Verdict::forged && is_packed) count_one(metrics->packed);
    count_one(dry_run ? metrics->dry_verdicts[*verdict] : metrics->requests[*verdict]);
    if (dry_run) count_one(metrics->dry_run);
}

bool RequestState::keep(ngx_pool_t* pool, const Judgement& judgement) {
    verdict = judgement.verdict;
    if (!judgement.payload) return true;

    const Payload& payload = *judgement.payload;
    cache = told(pool, payload.cache);
    topic = told(pool, payload.topic);
    token_id = told(pool, payload.token_id);
    if (cache.data == nullptr || topic.data == nullptr || token_id.data == nullptr)
        return false;
    has_sequence = payload.sequence.has_value();
    sequence = payload.sequence.value_or(0);
    age_ms = judgement.age_ms;
    authentic = true;
    return true;
}

}  // namespace momento
