// The content handler of "momento_webhook": refuses what needs no body to be refused, reads
// the body, and hands the webhook to the worker for the end of this turn.
#pragma once

#include "ngx.h"

namespace momento {

ngx_int_t webhook_handler(ngx_http_request_t* r) noexcept;

}  // namespace momento
