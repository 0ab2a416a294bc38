#include "status_handler.h"

#include <string>

#include "answer.h"
#include "base/clock.h"
#include "boundary.h"
#include "directives.h"
#include "gateway/status.h"
#include "request_headers.h"

namespace momento {

namespace {

ngx_str_t accept_header = ngx_string("accept");

// Prometheus asks for text; who asks for nothing, or for anything, gets JSON.
bool wants_text(ngx_http_request_t* r) {
    const std::string_view accept = find_header(r, accept_header).value;
    for (const char* type : {"text/plain", "application/openmetrics-text"}) {
        if (accept.find(type) != std::string_view::npos) return true;
    }
    return false;
}

StatusContext make_context(const MainConf& main) {
    StatusContext context;
    context.now_ms = system_clock().wall_ms();
    context.nginx = NGINX_VERSION;
    context.now_us = system_clock().steady_us();
    const auto now_ms = context.now_ms;
    for (const ReplayZone& zone : main.replay_zones) {
        context.replay_zones.push_back(
            {zone.name(), zone.count(now_ms), zone.capacity(), zone.times_full()});
    }
    return context;
}

ngx_int_t send_status(ngx_http_request_t* r) {
    const SharedMetrics* metrics = main_conf(r)->metrics;
    if (metrics == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;

    StatusForm form = location_conf(r).status_form;
    if (form == StatusForm::by_accept) {
        form = wants_text(r) ? StatusForm::prometheus : StatusForm::json;
    }
    const StatusContext context = make_context(*main_conf(r));
    if (form == StatusForm::prometheus) {
        const std::string text = status_prometheus(*metrics, context);
        return send_text(r, NGX_HTTP_OK, "text/plain; version=0.0.4", text);
    }
    if (form == StatusForm::json) {
        return send_text(r, NGX_HTTP_OK, "application/json", status_json(*metrics, context));
    }
    const HealthAnswer health = status_health(*metrics, context);
    const ngx_uint_t status = health.is_failing ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_OK;
    return send_text(r, status, "application/json", health.json);
}

}  // namespace

ngx_int_t status_handler(ngx_http_request_t* r) noexcept {
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) return NGX_HTTP_NOT_ALLOWED;
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) return rc;
    return contain(r->connection->log, ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR},
                   [r] { return send_status(r); });
}

}  // namespace momento
