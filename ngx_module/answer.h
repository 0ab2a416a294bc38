// The answers of a webhook: status, body and at most one header of its own.
//
// They are sent as they stand here. nginx's own error responses would go through
// error_page, and Momento would get whatever that makes of them.
#pragma once

#include <string_view>

#include "ngx.h"

namespace momento {

struct Answer {
    ngx_uint_t status;
    std::string_view body;
    std::string_view header_name;
    std::string_view header_value;
};

namespace answers {
inline constexpr Answer success{NGX_HTTP_OK, R"({"message":"Success"})", {}, {}};
inline constexpr Answer accepted{NGX_HTTP_ACCEPTED, R"({"message":"Accepted"})", {}, {}};
inline constexpr Answer dry_run{NGX_HTTP_OK, R"({"message":"Dry run"})", {}, {}};
inline constexpr Answer bad_request{
    NGX_HTTP_BAD_REQUEST, R"({"message":"Bad Request"})", {}, {}};
inline constexpr Answer unauthorized{
    NGX_HTTP_FORBIDDEN, R"({"message":"Unauthorized"})", {}, {}};
inline constexpr Answer method_not_allowed{
    NGX_HTTP_NOT_ALLOWED, R"({"message":"Method Not Allowed"})", "Allow", "POST"};
inline constexpr Answer unavailable{NGX_HTTP_SERVICE_UNAVAILABLE,
                                    R"({"message":"Service Unavailable"})", "Retry-After", "1"};
}  // namespace answers

// Sends it, a body that was not read is thrown away. What is returned is for
// ngx_http_finalize_request().
ngx_int_t send_answer(ngx_http_request_t* r, const Answer& answer);

// A text of our own, copied into the request's pool; `type` is a literal.
ngx_int_t send_text(ngx_http_request_t* r, ngx_uint_t status, std::string_view type,
                    std::string_view text);

}  // namespace momento
