#include "surroundings.h"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/permissions.h"
#include "directives.h"
#include "spool/placement.h"

namespace momento {

namespace {

// The groups that nginx gives its workers (initgroups).
std::vector<gid_t> groups_of(const ngx_core_conf_t& core) {
    int count = 32;
    std::vector<gid_t> groups(static_cast<size_t>(count));
    const char* name = core.username != nullptr ? core.username : "";
    if (getgrouplist(name, core.group, groups.data(), &count) == -1) {
        groups.resize(static_cast<size_t>(std::max(count, 1)));
        getgrouplist(name, core.group, groups.data(), &count);
    }
    groups.resize(static_cast<size_t>(std::max(count, 0)));
    groups.push_back(core.group);
    return groups;
}

// nginx heeds `user` only as root. Otherwise what it can reach its workers can, too.
bool knows_workers(const ngx_core_conf_t& core) {
    return geteuid() == 0 && core.user != static_cast<ngx_uid_t>(NGX_CONF_UNSET_UINT);
}

}  // namespace

void doubt_surroundings(const ngx_cycle_t* cycle, const MainConf& main) {
    const ngx_uint_t level = ngx_test_config ? NGX_LOG_WARN : NGX_LOG_ERR;
    const auto say = [cycle, level](const std::string& doubt) {
        // Not by its macro: what a test says belongs to the terminal, whatever the level of the
        // log is. The log itself heeds its level.
        ngx_log_error_core(level, cycle->log, 0, "momento: %s", doubt.c_str());
    };
    const std::string& spool = main.spool.path;
    if (!spool.empty()) {
        for (const std::string& doubt : doubt_placement(spool, main.spool.size)) say(doubt);
    }
    const auto& core =
        *reinterpret_cast<ngx_core_conf_t*>(ngx_get_conf(cycle->conf_ctx, ngx_core_module));
    if (!knows_workers(core)) return;
    const Account workers{core.user, groups_of(core)};
    const std::string user = core.username != nullptr ? core.username : "nobody";
    if (const std::string closed = closed_directory(spool, workers); !closed.empty()) {
        say("spool \"" + spool + "\" cannot be used: workers (user \"" + user + "\") " +
            may_not_enter(closed));
    }
    // When they run they say so themselves.
    if (!ngx_test_config) return;
    for (const SecretSettings& secret : main.secrets) {
        const bool is_file = secret.source.kind == SecretSource::Kind::file;
        if (!is_file || may_read(secret.source.location, workers)) continue;
        say("secret \"" + secret.source.name() + "\" cannot be followed by workers (user \"" +
            user + "\"), a change counts after a reload: a file that a group of theirs may " +
            "read (chgrp, chmod 640) needs none");
    }
}

}  // namespace momento
