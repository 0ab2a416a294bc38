#include "path_guard.h"

#include <algorithm>
#include <string_view>

#include "boundary.h"
#include "conf_values.h"
#include "directives.h"
#include "variables.h"

namespace momento {

namespace {

// Directives of nginx's own modules that make a path, while a request is answered, of what
// variables say then. Parameters behind the path ("if=", a format) are nobody's path.
struct PathDirective {
    std::string_view name;
    size_t paths;  // so many arguments are paths
};
constexpr size_t all = 64;
constexpr PathDirective path_directives[] = {
    {"access_log", 1},    {"root", 1},        {"alias", 1},
    {"index", all},       {"try_files", all}, {"proxy_store", 1},
    {"fastcgi_store", 1}, {"scgi_store", 1},  {"uwsgi_store", 1},
};

const PathDirective* find_directive(const ngx_str_t& name) {
    const auto* found = std::find_if(
        std::begin(path_directives), std::end(path_directives),
        [&](const PathDirective& directive) { return directive.name == to_view(name); });
    return found == std::end(path_directives) ? nullptr : found;
}

}  // namespace

void PathGuard::take(ngx_conf_t* cf) {
    for (ngx_uint_t i = 0; cf->cycle->modules[i] != nullptr; ++i) {
        const ngx_module_t* module = cf->cycle->modules[i];
        if (module->type != NGX_HTTP_MODULE || module->commands == nullptr) continue;
        for (ngx_command_t* each = module->commands; each->name.len != 0; ++each) {
            if (find_directive(each->name) == nullptr) continue;
            guarded_.push_back({each, each->set});
            each->set = set_path;
        }
    }
}

void PathGuard::release() {
    for (const Guarded& guarded : guarded_) guarded.command->set = guarded.setter;
    guarded_.clear();
}

PathGuard::Setter PathGuard::setter_of(const ngx_command_t* command) const {
    const auto found =
        std::find_if(guarded_.begin(), guarded_.end(),
                     [&](const Guarded& guarded) { return guarded.command == command; });
    return found->setter;
}

char* PathGuard::set_path(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        const Arguments arguments = arguments_of(cf);
        const size_t paths = find_directive(command->name)->paths;
        for (size_t i = 1; i < arguments.size() && i <= paths; ++i) {
            const std::string_view variable = find_event_variable(arguments[i]);
            if (variable.empty()) continue;
            return refuse(cf, quoted("$" + std::string(variable)) + " in " +
                                  quoted(to_view(command->name)) +
                                  ": what an event says does not belong into a path, let a "
                                  "\"map\" of it choose among paths that you write");
        }
        return main_conf(cf)->paths.setter_of(command)(cf, command, conf);
    });
}

}  // namespace momento
