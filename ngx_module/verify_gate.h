// `momento_webhook_verify`: the verification of a webhook in front of whatever else answers
// the requests of a location, which then gets the body as it arrived.
//
// A handler of the PRECONTENT phase: after rate limiting and access control, so that
// `satisfy any` cannot stand in for it, and before try_files, mirror and content. A request
// passes once it is verified by the location it is in; one that an internal redirect takes to
// another gate is judged there again.
#pragma once

#include "conf_values.h"
#include "ngx.h"

namespace momento {

// After the configuration was read.
ngx_int_t add_verify_gate(ngx_conf_t* cf);

// Whether a "return" of the location would answer before the gate has looked.
bool has_return(const ngx_conf_t* cf);

// Whether a "return" of the location answers all its requests.
bool begins_with_return(const ngx_conf_t* cf);

}  // namespace momento
