// Memory of a new zone of shared memory, while the configuration is read.
#pragma once

#include "ngx.h"

namespace momento {

// Zeros, to be taken before anything else was taken from that zone, or given back to it.
// nullptr if there is not so much.
//
// The kernel gives zeros, page by page, to whoever looks: to clear them would cost all the
// memory at once, and seconds, also in `nginx -t`.
inline void* take_zeros(ngx_slab_pool_t* pool, size_t size) {
#if (NGX_DEBUG_MALLOC || NGX_HAVE_DEBUG_MALLOC)
    return ngx_slab_calloc(pool, size);  // nginx may have filled it with something else
#else
    return ngx_slab_alloc(pool, size);
#endif
}

}  // namespace momento
