// Of directives: who is verified how, and where signatures are remembered.
#include <algorithm>

#include "boundary.h"
#include "directives.h"
#include "metrics_zone.h"
#include "replay_zone.h"
#include "verify_gate.h"

namespace momento {

namespace {

const Range replay_size_range{Range::Unit::size, 32 << 10, 4LL << 30, "a size from 32k to 4g"};

char duplicate[] = "is duplicate";

}  // namespace

char* check_verification(ngx_conf_t* cf, MainConf& main, LocationConf& location,
                         const char* directive) {
    if (!location.secrets) {
        return refuse_at(cf, location.place,
                         quoted(directive) + " needs a \"momento_webhook_secret\"");
    }
    if (location.replay_name != replay_off) {
        const auto zone =
            std::find_if(main.replay_zones.begin(), main.replay_zones.end(),
                         [&](const ReplayZone& z) { return z.name() == location.replay_name; });
        if (zone == main.replay_zones.end()) {
            return refuse_at(cf, location.place,
                             "unknown zone " + quoted(location.replay_name) +
                                 " in \"momento_webhook_replay\": a "
                                 "\"momento_replay_zone\" at http level is expected");
        }
        location.replay = &*zone;
        zone->use(location.max_age_ms);
    }
    location.webhook = main.webhooks.size();
    main.webhooks.push_back(&location);
    return conf_ok;
}

char* check_gate(ngx_conf_t* cf, MainConf& main, LocationConf& location) {
    if (has_return(cf)) {
        return refuse_at(cf, location.place,
                         "\"return\" would answer before \"momento_webhook_verify\" has "
                         "looked");
    }
    location.is_gate = true;
    const std::string_view name = to_view(core_location(cf)->name);
    location.label = name.empty() ? "server" : name;
    return check_verification(cf, main, location, "momento_webhook_verify");
}

int64_t longest_memory_ms(const MainConf& main, size_t destination) {
    int64_t longest_ms = 0;
    for (const LocationConf* location : main.webhooks) {
        if (!location->is_webhook() || location->replay == nullptr) continue;
        const bool leads_there =
            location->destination_value != nullptr || location->destination == destination;
        if (!leads_there) continue;
        longest_ms = std::max(longest_ms, location->replay->window_ms());
    }
    return longest_ms;
}

char* set_replay_zone(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& main = *static_cast<MainConf*>(conf);
        const Arguments arguments = arguments_of(cf);
        const std::string name(arguments[1]);
        const bool is_known =
            std::any_of(main.replay_zones.begin(), main.replay_zones.end(),
                        [&](const ReplayZone& zone) { return zone.name() == name; });
        if (is_known) return refuse(cf, "duplicate \"momento_replay_zone\" " + quoted(name));
        if (name.empty() || name == replay_off || name == metrics_zone_name) {
            return refuse(cf, "invalid value " + quoted(name) +
                                  " in \"momento_replay_zone\": another name is expected");
        }
        const auto size = read_number(arguments[2], replay_size_range);
        if (!size) {
            return refuse(cf, "invalid value " + quoted(arguments[2]) +
                                  " in \"momento_replay_zone\": " + replay_size_range.text +
                                  " is expected");
        }
        ReplayZone& zone = main.replay_zones.emplace_back(name);
        return zone.add(cf, static_cast<size_t>(*size)) == NGX_OK ? conf_ok : conf_error;
    });
}

char* set_webhook_replay(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& location = *static_cast<LocationConf*>(conf);
        if (!location.replay_name.empty()) return duplicate;
        const std::string_view name = arguments_of(cf)[1];
        if (name.empty()) {
            return refuse(cf,
                          "invalid value \"\" in \"momento_webhook_replay\": the name of a "
                          "\"momento_replay_zone\" or \"off\" is expected");
        }
        location.replay_name = name;
        return conf_ok;
    });
}

char* set_webhook_verify(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& location = *static_cast<LocationConf*>(conf);
        if (!location.is_webhook()) location.place = Place::here(cf);
        return ngx_conf_set_flag_slot(cf, command, conf);
    });
}

}  // namespace momento
