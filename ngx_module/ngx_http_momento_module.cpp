// The module: its tables and its life cycle.

#include "base/version.h"
#include "boundary.h"
#include "directives.h"
#include "layout_guard.h"
#include "ngx.h"
#include "surroundings.h"
#include "variables.h"
#include "webhook_request.h"
#include "worker.h"

namespace momento {

namespace {

ngx_int_t preconfiguration(ngx_conf_t* cf) noexcept {
    if (check_layout(cf) != NGX_OK) return NGX_ERROR;
    if (add_variables(cf) != NGX_OK) return NGX_ERROR;
    return contain(cf->log, ngx_int_t{NGX_ERROR}, [cf] {
        main_conf(cf)->paths.take(cf);
        return ngx_int_t{NGX_OK};
    });
}

ngx_int_t postconfiguration(ngx_conf_t* cf) noexcept {
    main_conf(cf)->paths.release();
    install_body_filter();
    return finish_configuration(cf);
}

// In the master, before it forks. Must not fail: on a reload that would end the master.
ngx_int_t init_module(ngx_cycle_t* cycle) noexcept {
    return contain(cycle->log, ngx_int_t{NGX_OK}, [cycle] {
        const MainConf* main = main_conf(cycle);
        if (main == nullptr) return ngx_int_t{NGX_OK};
        doubt_surroundings(cycle, *main);
        if (ngx_test_config) return ngx_int_t{NGX_OK};

        const std::string& spool = main->spool.path;
        if (main->metrics != nullptr && !main->metrics->orphans.begin_configuration(spool)) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "momento: spool \"%s\" is one too many, or its name is too long, to "
                          "be looked through for orphans once it is not configured any more",
                          spool.c_str());
        }
        if (spool.empty()) return ngx_int_t{NGX_OK};
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "ngx_http_momento_module %s", version);
        return ngx_int_t{NGX_OK};
    });
}

// Must not fail: nginx would give the worker up for good.
ngx_int_t init_process(ngx_cycle_t* cycle) noexcept {
    return contain(cycle->log, ngx_int_t{NGX_OK}, [cycle] {
        Worker::start(cycle);
        return ngx_int_t{NGX_OK};
    });
}

void exit_process(ngx_cycle_t* cycle) noexcept {
    contain(cycle->log, 0, [] {
        Worker::stop();
        return 0;
    });
}

constexpr ngx_uint_t any_level = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

// clang-format off
ngx_command_t commands[] = {

    { ngx_string("momento_spool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1234,
      set_spool,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      nullptr },

    { ngx_string("momento_destination"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      set_destination,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      nullptr },

    { ngx_string("momento_webhook"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      set_webhook,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      nullptr },

    { ngx_string("momento_webhook_secret"),
      any_level|NGX_CONF_TAKE1234,
      set_webhook_secret,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      nullptr },

    { ngx_string("momento_webhook_max_age"),
      any_level|NGX_CONF_TAKE1,
      set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(LocationValues, max_age_ms),
      &max_age_range },

    { ngx_string("momento_webhook_max_ahead"),
      any_level|NGX_CONF_TAKE1,
      set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(LocationValues, max_ahead_ms),
      &max_ahead_range },

    { ngx_string("momento_webhook_max_body"),
      any_level|NGX_CONF_TAKE1,
      set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(LocationValues, max_body),
      &max_body_range },

    { ngx_string("momento_webhook_ack"),
      any_level|NGX_CONF_TAKE1,
      set_webhook_ack,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      nullptr },

    { ngx_string("momento_webhook_timeout"),
      any_level|NGX_CONF_TAKE1,
      set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(LocationValues, timeout_ms),
      &timeout_range },

    { ngx_string("momento_webhook_parked"),
      any_level|NGX_CONF_TAKE1,
      set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(LocationValues, parked),
      &parked_range },

    { ngx_string("momento_replay_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      set_replay_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      nullptr },

    { ngx_string("momento_webhook_replay"),
      any_level|NGX_CONF_TAKE1,
      set_webhook_replay,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      nullptr },

    { ngx_string("momento_webhook_verify"),
      any_level|NGX_CONF_FLAG,
      set_webhook_verify,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(LocationValues, verify),
      nullptr },

    { ngx_string("momento_webhook_dry_run"),
      any_level|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(LocationValues, dry_run),
      nullptr },

    { ngx_string("momento_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      set_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      nullptr },

      ngx_null_command
};

ngx_http_module_t context = {
    preconfiguration,                      /* preconfiguration */
    postconfiguration,                     /* postconfiguration */

    create_main_conf,                      /* create main configuration */
    nullptr,                               /* init main configuration */

    nullptr,                               /* create server configuration */
    nullptr,                               /* merge server configuration */

    create_location_conf,                  /* create location configuration */
    merge_location_conf                    /* merge location configuration */
};
// clang-format on

}  // namespace

}  // namespace momento

// clang-format off
ngx_module_t ngx_http_momento_module = {
    NGX_MODULE_V1,
    &momento::context,                     /* module context */
    momento::commands,                     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    nullptr,                               /* init master */
    momento::init_module,                  /* init module */
    momento::init_process,                 /* init process */
    nullptr,                               /* init thread */
    nullptr,                               /* exit thread */
    momento::exit_process,                 /* exit process */
    nullptr,                               /* exit master */
    NGX_MODULE_V1_PADDING
};
// clang-format on
