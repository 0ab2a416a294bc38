#include "variables.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/version.h"
#include "boundary.h"
#include "request_state.h"

namespace momento {

namespace {

void set_text(ngx_http_variable_value_t* value, const void* text, size_t length) {
    value->data = static_cast<u_char*>(const_cast<void*>(text));
    value->len = static_cast<unsigned>(length);
    value->valid = 1;
    value->no_cacheable = 0;
    value->not_found = 0;
}

ngx_int_t set_number(ngx_http_request_t* r, ngx_http_variable_value_t* value, int64_t number) {
    auto* text = static_cast<u_char*>(ngx_pnalloc(r->pool, NGX_INT64_LEN));
    if (text == nullptr) return NGX_ERROR;
    set_text(value, text, ngx_sprintf(text, "%L", number) - text);
    return NGX_OK;
}

ngx_int_t get_version(ngx_http_request_t*, ngx_http_variable_value_t* value, uintptr_t) {
    set_text(value, version, sizeof(version) - 1);
    return NGX_OK;
}

ngx_int_t get_verdict(ngx_http_request_t* r, ngx_http_variable_value_t* value, uintptr_t) {
    const RequestState* state = RequestState::find(r);
    if (state == nullptr || !state->verdict) {
        value->not_found = 1;
        return NGX_OK;
    }
    const char* name = verdict_name(*state->verdict);
    set_text(value, name, std::strlen(name));
    return NGX_OK;
}

// `data` is where in RequestState the text stands.
ngx_int_t get_text(ngx_http_request_t* r, ngx_http_variable_value_t* value, uintptr_t data) {
    const RequestState* state = RequestState::find(r);
    if (state == nullptr || !state->authentic) {
        value->not_found = 1;
        return NGX_OK;
    }
    const auto* text =
        reinterpret_cast<const ngx_str_t*>(reinterpret_cast<const char*>(state) + data);
    set_text(value, text->data, text->len);
    return NGX_OK;
}

ngx_int_t get_sequence(ngx_http_request_t* r, ngx_http_variable_value_t* value, uintptr_t) {
    const RequestState* state = RequestState::find(r);
    if (state != nullptr && state->authentic && state->has_sequence) {
        return set_number(r, value, state->sequence);
    }
    value->not_found = 1;
    return NGX_OK;
}

ngx_int_t get_age(ngx_http_request_t* r, ngx_http_variable_value_t* value, uintptr_t) {
    const RequestState* state = RequestState::find(r);
    if (state != nullptr && state->authentic) return set_number(r, value, state->age_ms);
    value->not_found = 1;
    return NGX_OK;
}

// What is known changes in the course of a request.
constexpr ngx_uint_t changing = NGX_HTTP_VAR_NOCACHEABLE;

// clang-format off
ngx_http_variable_t variables[] = {

    { ngx_string("momento_verdict"),
      nullptr,
      get_verdict,
      0,
      changing,
      0 },

    { ngx_string("momento_cache"),
      nullptr,
      get_text,
      offsetof(RequestState, cache),
      changing,
      0 },

    { ngx_string("momento_topic"),
      nullptr,
      get_text,
      offsetof(RequestState, topic),
      changing,
      0 },

    { ngx_string("momento_token_id"),
      nullptr,
      get_text,
      offsetof(RequestState, token_id),
      changing,
      0 },

    { ngx_string("momento_sequence"),
      nullptr,
      get_sequence,
      0,
      changing,
      0 },

    { ngx_string("momento_age"),
      nullptr,
      get_age,
      0,
      changing,
      0 },

    { ngx_string("momento_version"),
      nullptr,
      get_version,
      0,
      0,
      0 },

      ngx_http_null_variable
};
// clang-format on

// The name that begins at the beginning of `text`, as nginx reads it behind a "$".
std::string_view leading_name(std::string_view text) {
    if (!text.empty() && text.front() == '{') {
        text.remove_prefix(1);
        return text.substr(0, text.find('}'));
    }
    const auto end = std::find_if_not(text.begin(), text.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    });
    return text.substr(0, static_cast<size_t>(end - text.begin()));
}

bool tells_of_event(const ngx_http_variable_t& variable) {
    return variable.get_handler != get_verdict && variable.get_handler != get_version;
}

}  // namespace

std::string_view find_event_variable(std::string_view text) {
    for (size_t at = text.find('$'); at != text.npos; at = text.find('$', at + 1)) {
        const std::string_view name = leading_name(text.substr(at + 1));
        for (ngx_http_variable_t* each = variables; each->name.len != 0; ++each) {
            const bool is_this =
                name.size() == each->name.len &&
                ngx_strncasecmp(each->name.data,
                                reinterpret_cast<u_char*>(const_cast<char*>(name.data())),
                                name.size()) == 0;
            if (is_this && tells_of_event(*each)) return to_view(each->name);
        }
    }
    return {};
}

ngx_int_t add_variables(ngx_conf_t* cf) {
    for (ngx_http_variable_t* each = variables; each->name.len != 0; ++each) {
        ngx_http_variable_t* added = ngx_http_add_variable(cf, &each->name, each->flags);
        if (added == nullptr) return NGX_ERROR;
        added->get_handler = each->get_handler;
        added->data = each->data;
    }
    return NGX_OK;
}

}  // namespace momento
