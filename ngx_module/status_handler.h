// Answers `momento_status`.
#pragma once

#include "ngx.h"

namespace momento {

enum class StatusForm { by_accept, json, prometheus, health };

ngx_int_t status_handler(ngx_http_request_t* r) noexcept;

}  // namespace momento
