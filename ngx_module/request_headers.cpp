#include "request_headers.h"

#include "boundary.h"

namespace momento {

FoundHeader find_header(ngx_http_request_t* r, const ngx_str_t& lowcase_name) {
    FoundHeader found;
    for (ngx_list_part_t* part = &r->headers_in.headers.part; part; part = part->next) {
        auto* headers = static_cast<ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            const ngx_table_elt_t& header = headers[i];
            if (header.hash == 0 || header.key.len != lowcase_name.len ||
                ngx_strncmp(header.lowcase_key, lowcase_name.data, lowcase_name.len) != 0) {
                continue;
            }
            if (found.count++ == 0) found.value = to_view(header.value);
        }
    }
    return found;
}

}  // namespace momento
