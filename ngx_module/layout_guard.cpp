#include "layout_guard.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "base/descriptor.h"

// Each check lets the binary's own code, or its own tables, say where it has a field, and
// compares that with what this module's compiler saw.

namespace momento {

namespace {

// Behind a structure, for a binary that has a larger one.
constexpr size_t slack = 1024;

template <class T>
struct Probe {
    T value;
    std::array<unsigned char, slack> behind;
};

Descriptor open_tcp_socket() {
    for (int family : {AF_INET, AF_INET6}) {
        Descriptor fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (fd) return fd;
    }
    return {};
}

// ngx_tcp_nodelay() must change the one field that we would change. Nothing can be said
// where no TCP socket can be had.
bool same_connection(ngx_log_t* log) {
    Descriptor fd = open_tcp_socket();
    if (!fd) return true;

    Probe<ngx_connection_t> seen{};
    // Debian's binary writes debug lines: wherever it has `log`, it must find one.
    auto* pointers = reinterpret_cast<ngx_log_t**>(&seen.value);
    for (size_t i = 0; i < offsetof(ngx_connection_t, queue) / sizeof(void*); ++i) {
        pointers[i] = log;
    }
    seen.value.fd = fd.get();

    Probe<ngx_connection_t> expected;
    std::memcpy(&expected, &seen, sizeof(seen));
    expected.value.tcp_nodelay = NGX_TCP_NODELAY_SET;

    return ngx_tcp_nodelay(&seen.value) == NGX_OK &&
           std::memcmp(&seen, &expected, sizeof(seen)) == 0;
}

// The request line's parser writes to fields from the middle to the very end.
bool same_request() {
    char line[] = "POST /a+b?c HTTP/1.1\r\n";
    auto* text = reinterpret_cast<u_char*>(line);

    ngx_buf_t buffer{};
    buffer.start = buffer.pos = text;
    buffer.end = buffer.last = text + sizeof(line) - 1;

    Probe<ngx_http_request_t> probe{};
    const ngx_http_request_t& r = probe.value;
    return ngx_http_parse_request_line(&probe.value, &buffer) == NGX_OK &&
           r.method == NGX_HTTP_POST && r.http_version == NGX_HTTP_VERSION_11 &&
           r.http_major == 1 && r.http_minor == 1 && r.quoted_uri == 0 && r.plus_in_uri == 1 &&
           r.complex_uri == 0 && r.request_start == text && r.uri_start == text + 5 &&
           r.args_start == text + 10;
}

// A request's bits: $request_completion is made of a late one of them.
bool same_request_bits(ngx_conf_t* cf) {
    static ngx_str_t name = ngx_string("request_completion");

    auto* cmcf = static_cast<ngx_http_core_main_conf_t*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    auto* keys = static_cast<ngx_hash_key_t*>(cmcf->variables_keys->keys.elts);
    for (ngx_uint_t i = 0; i < cmcf->variables_keys->keys.nelts; ++i) {
        if (keys[i].key.len != name.len ||
            ngx_strncmp(keys[i].key.data, name.data, name.len) != 0) {
            continue;
        }
        auto* variable = static_cast<ngx_http_variable_t*>(keys[i].value);
        Probe<ngx_http_request_t> probe{};
        probe.value.request_complete = 1;
        ngx_http_variable_value_t value{};
        return variable->get_handler(&probe.value, &value, variable->data) == NGX_OK &&
               value.len == 2;
    }
    return false;
}

struct Offset {
    const char* name;
    size_t offset;
};

// The table by which nginx stores the headers it knows.
bool same_headers() {
    constexpr std::array<Offset, 7> known = {{
        {"Host", offsetof(ngx_http_headers_in_t, host)},
        {"User-Agent", offsetof(ngx_http_headers_in_t, user_agent)},
        {"Content-Length", offsetof(ngx_http_headers_in_t, content_length)},
        {"Expect", offsetof(ngx_http_headers_in_t, expect)},
        {"Upgrade", offsetof(ngx_http_headers_in_t, upgrade)},
        {"Authorization", offsetof(ngx_http_headers_in_t, authorization)},
        {"Keep-Alive", offsetof(ngx_http_headers_in_t, keep_alive)},
    }};
    size_t found = 0;
    for (ngx_http_header_t* header = ngx_http_headers_in; header->name.len != 0; ++header) {
        for (const Offset& field : known) {
            if (std::strcmp(reinterpret_cast<char*>(header->name.data), field.name) != 0) {
                continue;
            }
            if (header->offset != field.offset) return false;
            ++found;
        }
    }
    return found == known.size();
}

// Where a module's directives store their values.
template <size_t n>
bool same_offsets(const ngx_module_t& module, const std::array<Offset, n>& known) {
    size_t found = 0;
    for (ngx_command_t* command = module.commands; command->name.len != 0; ++command) {
        for (const Offset& field : known) {
            if (std::strcmp(reinterpret_cast<char*>(command->name.data), field.name) != 0) {
                continue;
            }
            if (command->offset != field.offset) return false;
            ++found;
        }
    }
    return found == known.size();
}

bool same_core_configuration() {
    constexpr std::array<Offset, 2> known = {{
        {"timer_resolution", offsetof(ngx_core_conf_t, timer_resolution)},
        {"working_directory", offsetof(ngx_core_conf_t, working_directory)},
    }};
    return same_offsets(ngx_core_module, known);
}

bool same_http_configuration() {
    constexpr std::array<Offset, 4> known = {{
        {"variables_hash_bucket_size",
         offsetof(ngx_http_core_main_conf_t, variables_hash_bucket_size)},
        {"client_max_body_size", offsetof(ngx_http_core_loc_conf_t, client_max_body_size)},
        {"client_body_timeout", offsetof(ngx_http_core_loc_conf_t, client_body_timeout)},
        {"server_tokens", offsetof(ngx_http_core_loc_conf_t, server_tokens)},
    }};
    return same_offsets(ngx_http_core_module, known);
}

// The first structure that differs, nullptr if none does.
const char* find_difference(ngx_conf_t* cf) {
    // The order matters: a check relies on what the ones before it have shown.
    if (!same_core_configuration()) return "ngx_core_conf_t";
    if (!same_http_configuration()) return "ngx_http_core_loc_conf_t";
    if (!same_headers()) return "ngx_http_headers_in_t";
    if (!same_request()) return "ngx_http_request_t";
    if (!same_request_bits(cf)) return "ngx_http_request_t";
    if (!same_connection(cf->log)) return "ngx_connection_t";
    return nullptr;
}

}  // namespace

ngx_int_t check_layout(ngx_conf_t* cf) {
    const char* structure = find_difference(cf);
    if (structure == nullptr) return NGX_OK;

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "ngx_http_momento_module was built for another nginx " NGINX_VERSION
                  ": its %s is not this binary's, build the module with the headers of the "
                  "nginx that loads it (on Debian: the package nginx-dev)",
                  structure);
    return NGX_ERROR;
}

}  // namespace momento
