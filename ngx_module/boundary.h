// Where C meets C++: nginx's strings and pools on one side, values and exceptions on the
// other. Event loop and configuration only.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "ngx.h"

namespace momento {

inline std::string_view to_view(const ngx_str_t& text) {
    return {reinterpret_cast<const char*>(text.data), text.len};
}

// A copy in the pool, followed by a NUL as nginx's own parser leaves it. No data if there
// is no memory.
inline ngx_str_t to_pool(ngx_pool_t* pool, std::string_view text) {
    ngx_str_t copy = ngx_null_string;
    auto* data = static_cast<u_char*>(ngx_pnalloc(pool, text.size() + 1));
    if (data == nullptr) return copy;
    *ngx_cpymem(data, text.data(), text.size()) = '\0';
    copy.len = text.size();
    copy.data = data;
    return copy;
}

// The two arguments of "%*s", which needs no NUL.
#define MOMENTO_TEXT(text) (text).size(), (text).data()

// Runs `function`; an exception ends here, in the log, and gives `failed`. Everything that
// nginx calls and that may throw stands in one of these.
template <class Result, class Function>
Result contain(ngx_log_t* log, Result failed, Function&& function) noexcept {
    try {
        return std::forward<Function>(function)();
    } catch (const std::bad_alloc&) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "momento: out of memory");
    } catch (const std::exception& problem) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "momento: %s", problem.what());
    } catch (...) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "momento: unknown exception");
    }
    return failed;
}

// A C++ object that lives as long as the pool. nullptr if there is no memory.
template <class T>
T* make_in_pool(ngx_pool_t* pool) {
    static_assert(alignof(T) <= NGX_ALIGNMENT);
    ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(pool, sizeof(T));
    if (cleanup == nullptr) return nullptr;
    T* object = new (cleanup->data) T();
    cleanup->handler = [](void* data) { static_cast<T*>(data)->~T(); };
    return object;
}

}  // namespace momento
