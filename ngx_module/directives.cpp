#include "directives.h"

#include <algorithm>

#include "base/clock.h"
#include "boundary.h"
#include "metrics_zone.h"
#include "spool/record.h"
#include "spool/segment.h"
#include "verify_gate.h"
#include "webhook_handler.h"
#include "worker.h"

namespace momento {

Range max_age_range{Range::Unit::time, 1, 3650LL * 86'400'000, "a time from 1ms to 3650d"};
Range max_ahead_range{Range::Unit::time, 0, 3650LL * 86'400'000, "a time from 0 to 3650d"};
Range max_body_range{Range::Unit::size, 1, 16 << 20, "a size from 1 to 16m"};
Range timeout_range{Range::Unit::time, 1, 3'600'000, "a time from 1ms to 1h"};
Range parked_range{Range::Unit::number, 1, 1'000'000, "a number from 1 to 1000000"};

namespace {

constexpr int64_t default_max_age_ms = 60'000;
constexpr int64_t default_max_ahead_ms = 10'000;
constexpr int64_t default_max_body = 256 << 10;
constexpr int64_t momento_patience_ms = 5'000;
constexpr int64_t default_timeout_ms = 4'000;  // below that
constexpr int64_t parked_by_connections = 0;

// Of a log: with so many what is kept for a while leaves room for what is new.
constexpr uint64_t ample_segments = 8;

const Range spool_size_range{Range::Unit::size, 4 << 20, 1LL << 40, "a size from 4m to 1024g"};
const Range segment_size_range{Range::Unit::size, 1 << 20, 1 << 30, "a size from 1m to 1g"};

// What a segment must hold beside the body of one record.
constexpr int64_t record_overhead =
    segment_header_size + record_header_size + 6 * max_record_field;

char duplicate[] = "is duplicate";

std::string list_destinations(const MainConf& main) {
    if (main.destinations.empty()) return "there is no \"momento_destination\"";
    std::string list;
    for (const DestinationSettings& destination : main.destinations) {
        list += (list.empty() ? "" : ", ") + quoted(destination.name);
    }
    return list + " is expected";
}

void inherit(int64_t& value, int64_t parent, int64_t otherwise) {
    if (value == unset_number) value = parent != unset_number ? parent : otherwise;
}

// limit_req answers 503 unless it is told to, as a full log does.
void doubt_limit(ngx_conf_t* cf, const LocationConf& location) {
    // The module's own type is private; these are its first members since nginx 0.8.18.
    struct LimitConf {
        ngx_array_t limits;
        ngx_uint_t limit_log_level;
        ngx_uint_t delay_log_level;
        ngx_uint_t status_code;
    };
    for (ngx_uint_t i = 0; cf->cycle->modules[i] != nullptr; ++i) {
        const ngx_module_t* module = cf->cycle->modules[i];
        if (std::string_view(module->name) != "ngx_http_limit_req_module") continue;
        const auto* http = static_cast<ngx_http_conf_ctx_t*>(cf->ctx);
        const auto* conf = static_cast<LimitConf*>(http->loc_conf[module->ctx_index]);
        const bool is_doubtful = conf != nullptr && conf->limits.nelts > 0 &&
                                 conf->status_code == NGX_HTTP_SERVICE_UNAVAILABLE;
        if (!is_doubtful) return;
        warn_at(cf, location.place,
                "\"limit_req\" of a \"momento_webhook\" answers 503, as a full log does: "
                "\"limit_req_status 429;\" tells them apart");
        return;
    }
}

// The checks of a location that is a webhook.
char* check_webhook(ngx_conf_t* cf, MainConf& main, LocationConf& location) {
    if (core_location(cf)->handler != webhook_handler || begins_with_return(cf)) {
        return refuse_at(cf, location.place,
                         "\"momento_webhook\" has no effect: another directive of the same "
                         "location answers its requests");
    }
    if (main.spool.path.empty()) {
        return refuse_at(cf, location.place,
                         "\"momento_webhook\" needs \"momento_spool\" at http level");
    }
    if (location.destination_value == nullptr) {
        auto destination = std::find_if(
            main.destinations.begin(), main.destinations.end(),
            [&](const DestinationSettings& d) { return d.name == location.destination_name; });
        if (destination == main.destinations.end()) {
            return refuse_at(cf, location.place,
                             "unknown destination " + quoted(location.destination_name) +
                                 " in \"momento_webhook\": " + list_destinations(main));
        }
        location.destination = static_cast<size_t>(destination - main.destinations.begin());
    } else if (main.destinations.empty()) {
        return refuse_at(cf, location.place,
                         "\"momento_webhook\" needs a \"momento_destination\" at http level");
    }
    char* checked = check_verification(cf, main, location, "momento_webhook");
    if (checked != conf_ok) return checked;
    doubt_limit(cf, location);
    if (location.max_body + record_overhead > static_cast<int64_t>(main.spool.segment_size)) {
        return refuse_at(cf, location.place,
                         "\"momento_webhook_max_body\" of " +
                             std::to_string(location.max_body) +
                             " bytes does not fit into a segment of \"momento_spool\" (" +
                             std::to_string(main.spool.segment_size) + " bytes)");
    }
    return conf_ok;
}

// The letters of a destination are a log like any other, of a size of their own.
Status check_letters(const MainConf& main, DestinationSettings& destination, bool is_sized) {
    if (!is_sized) {
        destination.dead_letter_size =
            std::max(destination.dead_letter_size, smallest_log(main.spool));
    }
    SpoolSettings letters = main.spool;
    letters.size = destination.dead_letter_size;
    Status status = check(letters);
    if (status) return status;
    return Error{"invalid \"dead_letter\" of destination " + quoted(destination.name) + ": " +
                 status.error().text + " of \"momento_spool\""};
}

// A destination that variables name, once a request is known to be authentic.
char* compile_destination(ngx_conf_t* cf, LocationConf& location) {
    auto* value = static_cast<ngx_http_complex_value_t*>(
        ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t)));
    if (value == nullptr) return conf_error;
    ngx_http_compile_complex_value_t compile{};
    compile.cf = cf;
    compile.value = &static_cast<ngx_str_t*>(cf->args->elts)[1];
    compile.complex_value = value;
    if (ngx_http_compile_complex_value(&compile) != NGX_OK) return conf_error;
    location.destination_value = value;
    return conf_ok;
}

}  // namespace

ngx_http_core_loc_conf_t* core_location(const ngx_conf_t* cf) {
    return static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
}

MainConf* main_conf(const ngx_conf_t* cf) {
    return static_cast<MainConf*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_momento_module));
}

MainConf* main_conf(ngx_http_request_t* r) {
    return static_cast<MainConf*>(ngx_http_get_module_main_conf(r, ngx_http_momento_module));
}

MainConf* main_conf(const ngx_cycle_t* cycle) {
    return static_cast<MainConf*>(
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_momento_module));
}

const LocationConf& location_conf(const ngx_http_request_t* r) {
    return *static_cast<LocationConf*>(
        ngx_http_get_module_loc_conf(r, ngx_http_momento_module));
}

void keep_variable(ngx_conf_t* cf, const std::string& name, Visibility visibility) {
    if (visibility == Visibility::master_only) {
        main_conf(cf)->private_variables.push_back(name);
    }
    auto* core =
        reinterpret_cast<ngx_core_conf_t*>(ngx_get_conf(cf->cycle->conf_ctx, ngx_core_module));
    auto* variable = static_cast<ngx_str_t*>(ngx_array_push(&core->env));
    if (variable == nullptr) throw std::bad_alloc();
    variable->len = 0;
    *variable = to_pool(cf->pool, name);
    if (variable->data == nullptr) throw std::bad_alloc();
}

void* create_main_conf(ngx_conf_t* cf) noexcept {
    return make_in_pool<MainConf>(cf->pool);
}

void* create_location_conf(ngx_conf_t* cf) noexcept {
    return make_in_pool<LocationConf>(cf->pool);
}

char* merge_location_conf(ngx_conf_t* cf, void* parent_conf, void* child_conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        const auto& parent = *static_cast<LocationConf*>(parent_conf);
        auto& child = *static_cast<LocationConf*>(child_conf);

        inherit(child.max_age_ms, parent.max_age_ms, default_max_age_ms);
        inherit(child.max_ahead_ms, parent.max_ahead_ms, default_max_ahead_ms);
        inherit(child.max_body, parent.max_body, default_max_body);
        inherit(child.timeout_ms, parent.timeout_ms, default_timeout_ms);
        inherit(child.parked, parent.parked, parked_by_connections);
        ngx_conf_merge_value(child.dry_run, parent.dry_run, 0);
        if (child.verify == NGX_CONF_UNSET && !child.is_webhook()) child.place = parent.place;
        ngx_conf_merge_value(child.verify, parent.verify, 0);
        if (child.replay_name.empty()) {
            child.replay_name = parent.replay_name.empty() ? replay_off : parent.replay_name;
        }
        if (!child.secrets) child.secrets = parent.secrets;
        if (child.ack == Ack::unset) {
            child.ack = parent.ack == Ack::unset ? Ack::durable : parent.ack;
        }

        if (child.has_status && core_location(cf)->handler != status_handler) {
            return refuse_at(cf, child.status_place,
                             "\"momento_status\" has no effect: another directive of the "
                             "same location answers its requests");
        }
        if (child.is_webhook()) return check_webhook(cf, *main_conf(cf), child);

        // Inside "if" and "limit_except" it is still the location around them.
        ngx_http_core_loc_conf_t* core = core_location(cf);
        if (core->noname && (parent.is_gate || parent.is_webhook())) {
            child.role() = parent.role();
            const bool is_left_out = core->lmt_excpt && core->handler == nullptr;
            if (child.is_webhook() && is_left_out) core->handler = webhook_handler;
            return conf_ok;
        }
        return child.verify ? check_gate(cf, *main_conf(cf), child) : conf_ok;
    });
}

// Of files that are there already: a new one is a regular file.
void doubt_files(ngx_conf_t* cf, const MainConf& main) {
    if (main.spool.sync != SyncMode::always) return;
    for (const FileTarget& target : main.files) {
        const DestinationSettings& destination = main.destinations[target.destination];
        struct stat info {};
        if (stat(destination.target.c_str(), &info) != 0 || S_ISREG(info.st_mode)) continue;
        const Place& place = main.places[target.destination];
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%s\" of destination \"%s\" is no regular file and cannot be synced: "
                      "its events count as delivered when they are written in %s:%ui",
                      destination.target.c_str(), destination.name.c_str(), place.file.c_str(),
                      place.line);
    }
}

// What replay zones need takes room that a small log has not.
void doubt_size(ngx_conf_t* cf, const MainConf& main, const GatewaySettings& settings) {
    const uint64_t segments = main.spool.size / main.spool.segment_size;
    if (segments >= ample_segments) return;
    for (const DestinationSettings& destination : settings.destinations) {
        if (destination.retain_ms == 0) continue;
        warn_at(cf, main.spool_place,
                "\"momento_spool\" has " + std::to_string(segments) +
                    " segments only, and a replay zone keeps delivered events of " +
                    quoted(destination.name) + " for " +
                    std::to_string(destination.retain_ms / 1000) +
                    " s: webhooks are answered 503 while these fill it; make \"size\" "
                    "larger, or \"segment\" smaller");
        return;
    }
}

// Those of one name are counted together, and so told of.
std::vector<WebhookSettings> list_webhooks(const MainConf& main) {
    std::vector<WebhookSettings> list;
    for (const LocationConf* location : main.webhooks) {
        auto known = std::find_if(
            list.begin(), list.end(),
            [&](const WebhookSettings& settings) { return settings.label == location->label; });
        if (known == list.end()) {
            known = list.insert(list.end(), {location->label, {}, true});
        }
        known->is_gate = known->is_gate && location->is_gate;
        for (const LocationSecret& secret : *location->secrets) {
            const auto& names = known->secrets;
            if (std::find(names.begin(), names.end(), secret.name) != names.end()) continue;
            known->secrets.push_back(secret.name);
        }
    }
    return list;
}

ngx_int_t finish_configuration(ngx_conf_t* cf) noexcept {
    return contain(cf->log, ngx_int_t{NGX_ERROR}, [&] {
        MainConf& main = *main_conf(cf);
        if (add_metrics_zone(cf, main) != NGX_OK) return NGX_ERROR;
        if (add_verify_gate(cf) != NGX_OK) return NGX_ERROR;
        auto settings = std::make_shared<GatewaySettings>();
        settings->secrets = main.secrets;
        settings->webhooks = list_webhooks(main);
        settings->read_ms = system_clock().wall_ms();
        if (main.spool.path.empty()) {
            main.files.clear();  // nothing will be written there
            main.settings = std::move(settings);
            return NGX_OK;
        }

        for (size_t i = 0; i < main.destinations.size(); ++i) {
            Status letters = check_letters(main, main.destinations[i], main.sizes_letters[i]);
            if (!letters) {
                refuse_at(cf, main.places[i], letters.error().text);
                return NGX_ERROR;
            }
        }
        doubt_files(cf, main);
        settings->spool = main.spool;
        settings->destinations = main.destinations;
        for (size_t i = 0; i < settings->destinations.size(); ++i) {
            settings->destinations[i].retain_ms = longest_memory_ms(main, i);
        }
        doubt_size(cf, main, *settings);
        main.settings = std::move(settings);
        for (const FileTarget& target : main.files) target.file->flush = files_reopen_hook;
        return NGX_OK;
    });
}

char* set_spool(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& main = *static_cast<MainConf*>(conf);
        if (!main.spool.path.empty()) return duplicate;

        const Arguments arguments = arguments_of(cf);
        // "/spool/" and "/spool" are one path. Nothing is left of "/": nginx would take the
        // prefix for it, and give that to the workers' user.
        std::string_view directory_name = arguments[1];
        while (!directory_name.empty() && directory_name.back() == '/') {
            directory_name.remove_suffix(1);
        }
        if (directory_name.empty()) {
            return refuse(cf, "invalid value " + quoted(arguments[1]) +
                                  " in \"momento_spool\": a directory of its own is expected");
        }
        ngx_str_t path = to_pool(cf->pool, directory_name);
        if (path.data == nullptr || ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
            return conf_error;
        }
        // nginx would take it for the directory that it is to make, and change its mode.
        ngx_file_info_t info;
        const bool is_there = ngx_file_info(path.data, &info) != NGX_FILE_ERROR;
        if (is_there && !ngx_is_dir(&info)) {
            return refuse(cf, "invalid value " + quoted(arguments[1]) +
                                  " in \"momento_spool\": it is not a directory");
        }
        // nginx makes one directory, not those above, and does not say where it was named.
        std::string above(to_view(path));
        above.resize(std::max<size_t>(above.rfind('/'), 1));
        if (!is_there && access(above.c_str(), F_OK) != 0 && ngx_errno == NGX_ENOENT) {
            return refuse(cf, "\"momento_spool\" cannot be made: there is no directory " +
                                  quoted(above) + ", make it first");
        }

        auto size = static_cast<int64_t>(main.spool.size);
        auto segment_size = static_cast<int64_t>(main.spool.segment_size);
        auto read_sync = [&](std::string_view value) {
            main.spool.sync = value == "os" ? SyncMode::os : SyncMode::always;
            return value == "os" || value == "always";
        };
        Status parameters =
            read_parameters(arguments, 2, "\"momento_spool\"",
                            {Parameter::number("size", spool_size_range, size),
                             Parameter::number("segment", segment_size_range, segment_size),
                             {"sync", "\"always\" or \"os\"", read_sync}});
        if (!parameters) return refuse(cf, parameters.error().text);

        main.spool.path = to_view(path);
        main.spool_place = Place::here(cf);
        main.spool.size = static_cast<uint64_t>(size);
        main.spool.segment_size = static_cast<uint64_t>(segment_size);
        if (Status numbers = check(main.spool); !numbers) {
            return refuse(cf, "invalid \"momento_spool\": " + numbers.error().text);
        }

        // nginx makes the directory and gives it to the workers' user. No manager and no
        // loader: they would make nginx start its cache manager.
        auto* directory = static_cast<ngx_path_t*>(ngx_pcalloc(cf->pool, sizeof(ngx_path_t)));
        if (directory == nullptr) return conf_error;
        directory->name = path;
        directory->conf_file = cf->conf_file->file.name.data;
        directory->line = cf->conf_file->line;
        return ngx_add_path(cf, &directory) == NGX_OK ? conf_ok : conf_error;
    });
}

char* set_webhook(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& location = *static_cast<LocationConf*>(conf);
        if (location.is_webhook()) return duplicate;

        const std::string_view name = arguments_of(cf)[1];
        if (name.empty()) {
            return refuse(cf,
                          "invalid value \"\" in \"momento_webhook\": the name of a "
                          "\"momento_destination\" is expected");
        }
        if (name.find('$') != std::string_view::npos) {
            char* compiled = compile_destination(cf, location);
            if (compiled != conf_ok) return compiled;
        }
        location.destination_name = name;
        location.label = to_view(core_location(cf)->name);
        location.place = Place::here(cf);
        core_location(cf)->handler = webhook_handler;
        return conf_ok;
    });
}

char* set_status(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& location = *static_cast<LocationConf*>(conf);
        if (location.has_status) return duplicate;
        location.has_status = true;
        location.status_place = Place::here(cf);
        core_location(cf)->handler = status_handler;

        const Arguments arguments = arguments_of(cf);
        if (arguments.size() == 1) return conf_ok;
        if (arguments[1] == "json") {
            location.status_form = StatusForm::json;
        } else if (arguments[1] == "prometheus") {
            location.status_form = StatusForm::prometheus;
        } else if (arguments[1] == "health") {
            location.status_form = StatusForm::health;
        } else {
            return refuse(cf, "invalid value " + quoted(arguments[1]) +
                                  " in \"momento_status\": \"json\", \"prometheus\" or "
                                  "\"health\" is expected");
        }
        return conf_ok;
    });
}

char* set_webhook_ack(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& location = *static_cast<LocationConf*>(conf);
        if (location.ack != Ack::unset) return duplicate;

        const std::string_view value = arguments_of(cf)[1];
        if (value == "durable") {
            location.ack = Ack::durable;
        } else if (value == "delivered") {
            location.ack = Ack::delivered;
        } else {
            return refuse(cf, "invalid value " + quoted(value) +
                                  " in \"momento_webhook_ack\": \"durable\" or \"delivered\" "
                                  "is expected");
        }
        return conf_ok;
    });
}

char* set_number(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& target = *reinterpret_cast<int64_t*>(static_cast<char*>(conf) + command->offset);
        if (target != unset_number) return duplicate;

        const auto& range = *static_cast<const Range*>(command->post);
        const std::string_view value = arguments_of(cf)[1];
        auto number = read_number(value, range);
        if (!number) {
            return refuse(cf, "invalid value " + quoted(value) + " in " +
                                  quoted(to_view(command->name)) + ": " + range.text +
                                  " is expected");
        }
        target = *number;
        if (&range == &timeout_range && target > momento_patience_ms) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"momento_webhook_timeout\" is longer than the 5 seconds "
                               "after which Momento gives a webhook up: it would be answered "
                               "when nobody listens any more");
        }
        return conf_ok;
    });
}

}  // namespace momento
