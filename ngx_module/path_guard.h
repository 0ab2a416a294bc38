// Keeps what an event says out of the names of files: `nginx -t` refuses $momento_ variables
// that tell it where nginx makes a path (access_log, root, alias and their like). Control
// characters stand escaped in these variables, but "/" and ".." do not.
//
// Such directives are other modules', and no hook tells which variables they name. So while
// http{} is read their setters are ours, which look at the words and call theirs. Part of the
// configuration: the setters are back where they belong when it has been read, or when it is
// given up. What comes by way of `map` or `set` is not seen.
#pragma once

#include <vector>

#include "ngx.h"

namespace momento {

class PathGuard {
  public:
    PathGuard() = default;
    ~PathGuard() { release(); }
    PathGuard(const PathGuard&) = delete;
    PathGuard& operator=(const PathGuard&) = delete;

    // Before the directives of http{} are read, and behind them.
    void take(ngx_conf_t* cf);
    void release();

  private:
    using Setter = char* (*)(ngx_conf_t* cf, ngx_command_t* command, void* conf);
    struct Guarded {
        ngx_command_t* command;
        Setter setter;
    };

    static char* set_path(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
    Setter setter_of(const ngx_command_t* command) const;

    std::vector<Guarded> guarded_;
};

}  // namespace momento
