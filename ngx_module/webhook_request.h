// From nginx's request to a verification: what is looked at before its body is there, and the
// body itself. For the webhook's handler and for the gate.
#pragma once

#include <memory>

#include "ngx.h"
#include "request_state.h"
#include "spool/record.h"
#include "verification.h"

namespace momento {

// What can be said before anything is read, in the order of what it costs to find out: method,
// size. A dry run refuses nothing; what cannot be judged then is logged and counted.
struct Precheck {
    enum class Next { judge, refuse, let_through } next = Next::judge;
    ngx_int_t rc = NGX_OK;  // what to finalize a refused request with
};
Precheck check_request(ngx_http_request_t* r);

// What the request carries from here on. nullptr if there is no memory.
RequestState* begin_request(ngx_http_request_t* r);

// Reads the signature. False: the verdict is there (unsigned, forged), logged and counted.
bool read_signature(ngx_http_request_t* r, RequestState* state);

// Makes the verification of a request whose body was read, and hands it to the worker; takes
// over the reference that reading the body left. For nginx's handlers of a body.
using MakeVerification = std::unique_ptr<Verification> (*)(ngx_http_request_t* r,
                                                           RequestState* state,
                                                           RecordBuffer body);
// Called instead, in a dry run, for a body that turned out too large; takes over the same
// reference. What it returns finalizes the request, unless that is NGX_DONE.
using LetThrough = ngx_int_t (*)(ngx_http_request_t* r, RequestState* state);
void submit(ngx_http_request_t* r, MakeVerification make, LetThrough let_through) noexcept;

// Bounds every body by momento_webhook_max_body: nginx bounds a chunked one by
// client_max_body_size only, which may be off.
void install_body_filter();

}  // namespace momento
