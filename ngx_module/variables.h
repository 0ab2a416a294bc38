// $momento_verdict and what a verified webhook says about itself.
#pragma once

#include "ngx.h"

namespace momento {

ngx_int_t add_variables(ngx_conf_t* cf);

}  // namespace momento
