// Refuses a binary whose structures are not those this module was compiled against.
//
// nginx compares versions and build options only. Distributions patch structures without
// changing either (Debian's 1.22.1 has a bit in ngx_connection_t that upstream's 1.22.1 has
// not): such a pair loads, and then reads and writes the wrong fields.
#pragma once

#include "ngx.h"

namespace momento {

// Called before anything else of the module touches nginx's structures. NGX_ERROR after
// having said so in the log. Changes nothing.
ngx_int_t check_layout(ngx_conf_t* cf);

}  // namespace momento
