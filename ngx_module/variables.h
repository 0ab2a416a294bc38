// $momento_verdict and what a verified webhook says about itself.
#pragma once

#include <string_view>

#include "ngx.h"

namespace momento {

ngx_int_t add_variables(ngx_conf_t* cf);

// The first variable in a directive's words that tells what an event says (all of ours but
// the verdict and the version), by its name. Empty: none.
std::string_view find_event_variable(std::string_view text);

}  // namespace momento
