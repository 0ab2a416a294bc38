#include "answer.h"

#include "boundary.h"

namespace momento {

namespace {

ngx_str_t to_str(std::string_view text) {
    ngx_str_t str;
    str.len = text.size();
    str.data = reinterpret_cast<u_char*>(const_cast<char*>(text.data()));
    return str;
}

ngx_int_t add_header(ngx_http_request_t* r, const Answer& answer) {
    if (answer.header_name.empty()) return NGX_OK;
    auto* header = static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_out.headers));
    if (header == nullptr) return NGX_ERROR;
    *header = {};  // its members differ between versions
    header->hash = 1;
    header->key = to_str(answer.header_name);
    header->value = to_str(answer.header_value);
    return NGX_OK;
}

// `body` lives as long as the request.
ngx_int_t send_body(ngx_http_request_t* r, ngx_uint_t status, std::string_view type,
                    ngx_str_t body) {
    r->headers_out.status = status;
    r->headers_out.content_length_n = static_cast<off_t>(body.len);
    r->headers_out.content_type = to_str(type);
    r->headers_out.content_type_len = type.size();
    r->headers_out.content_type_lowcase = nullptr;
    // Without this, an If-Match in the request would make a 412 of our 200.
    r->disable_not_modified = 1;

    ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return rc;

    auto* buffer = static_cast<ngx_buf_t*>(ngx_calloc_buf(r->pool));
    if (buffer == nullptr) return NGX_ERROR;
    buffer->pos = body.data;
    buffer->last = body.data + body.len;
    buffer->memory = 1;
    buffer->last_buf = 1;
    buffer->last_in_chain = 1;

    ngx_chain_t out;
    out.buf = buffer;
    out.next = nullptr;
    return ngx_http_output_filter(r, &out);
}

}  // namespace

ngx_int_t send_answer(ngx_http_request_t* r, const Answer& answer) {
    // Nobody is asked to go on with a body that nobody wants.
    r->expect_tested = 1;
    if (ngx_http_discard_request_body(r) != NGX_OK) r->keepalive = 0;

    if (add_header(r, answer) != NGX_OK) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    return send_body(r, answer.status, "application/json", to_str(answer.body));
}

ngx_int_t send_text(ngx_http_request_t* r, ngx_uint_t status, std::string_view type,
                    std::string_view text) {
    const ngx_str_t body = to_pool(r->pool, text);
    if (body.data == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    return send_body(r, status, type, body);
}

}  // namespace momento
