// The only place that includes nginx's headers: they are C, and say so nowhere.
#pragma once

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include <ngx_channel.h>  // needs the ones above

extern ngx_module_t ngx_http_momento_module;
}
