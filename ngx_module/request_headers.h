// Request headers that nginx keeps no pointer to.
#pragma once

#include <string_view>

#include "ngx.h"

namespace momento {

struct FoundHeader {
    size_t count = 0;
    std::string_view value;  // of the first
};

FoundHeader find_header(ngx_http_request_t* r, const ngx_str_t& lowcase_name);

}  // namespace momento
