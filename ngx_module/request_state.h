// What one request carries: what was read of its headers, and what its variables say.
//
// Lives in the request's pool, plain data; survives internal redirects (error_page), which
// wipe a module's context, so that the access log can still tell the verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

#include "gateway/shared_metrics.h"
#include "ingest/verifier.h"
#include "ngx.h"

namespace momento {

class ReplayZone;

// A signature that is settled when the request ends, by what the application answered.
struct ReplayHold {
    ngx_http_request_t* request;
    ReplayZone* zone;  // nullptr: nothing is held any more
    ReplayId id;

    // nullptr if there is no memory.
    static ReplayHold* make(ngx_http_request_t* r);
};

struct RequestState {
    Mac mac{};
    off_t max_body = 0;
    off_t received = 0;  // bytes of body so far

    bool dry_run = false;
    bool is_packed = false;             // the body looks gzip'ed
    WebhookMetrics* metrics = nullptr;  // nullptr: not counted

    std::optional<Verdict> verdict;

    std::optional<size_t> passed_gate;  // LocationConf::webhook of the last one
    ReplayHold* hold = nullptr;         // of a gate

    // Of an authentic request only. Texts as variables tell them (variable_text.h).
    bool authentic = false;
    bool has_sequence = false;
    int64_t sequence = 0;
    int64_t age_ms = 0;
    ngx_str_t cache{};
    ngx_str_t topic{};
    ngx_str_t token_id{};

    // A new one for this request, which is judged (again). nullptr if there is no memory.
    static RequestState* make(ngx_http_request_t* r);

    // Of this request or, in a subrequest, of its main one. nullptr if there is none.
    static RequestState* find(ngx_http_request_t* r);

    // Counts the verdict: once, when the request is answered.
    void count() const;

    // Keeps what the variables say. False if there is no memory.
    bool keep(ngx_pool_t* pool, const Judgement& judgement);
};
static_assert(std::is_trivially_destructible_v<RequestState>);

}  // namespace momento
