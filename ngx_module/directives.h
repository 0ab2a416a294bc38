// The module's configuration: what each level of nginx.conf holds, how it is read, merged
// and checked. It ends in core's immutable GatewaySettings and, for every webhook, a
// WebhookSettings.
//
// Everything here runs while the configuration is read (in the master, as root, also under
// nginx -t) and has no effect but files that nginx itself opens and directories it makes.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "conf_values.h"
#include "gateway/settings.h"
#include "gateway/shared_metrics.h"
#include "ingest/freshness.h"
#include "ingest/location_secrets.h"
#include "ngx.h"
#include "path_guard.h"
#include "replay_zone.h"
#include "status_handler.h"

namespace momento {

struct LocationConf;

// A file that nginx opens, and opens again on USR1, for a destination.
struct FileTarget {
    size_t destination = 0;  // index into the settings
    ngx_open_file_t* file = nullptr;
};

struct MainConf {
    SpoolSettings spool;  // no path: no "momento_spool"
    Place spool_place;
    std::vector<DestinationSettings> destinations;
    std::vector<Place> places;        // of the destinations' ends
    std::vector<bool> sizes_letters;  // a destination says how large its letters may get
    std::vector<FileTarget> files;
    std::vector<LocationConf*> webhooks;  // and gates; by LocationConf::webhook
    std::deque<ReplayZone> replay_zones;
    std::vector<SecretSettings> secrets;  // that may change; each source once

    aws::EnvironmentSnapshot environment;
    bool has_environment = false;                // AWS's variables were read
    std::set<std::string> warned_of;             // what profiles have that is not heeded
    std::vector<std::string> private_variables;  // of the environment: not for workers

    SharedMetrics* metrics = nullptr;  // once its zone is there

    PathGuard paths;  // at work while http{} is read

    // What runs; without a spool it has no destinations.
    std::shared_ptr<const GatewaySettings> settings;
};

inline constexpr int64_t unset_number = -1;

// What nginx's slots and set_number() reach by offset.
struct LocationValues {
    int64_t max_age_ms = unset_number;
    int64_t max_ahead_ms = unset_number;
    int64_t max_body = unset_number;
    int64_t timeout_ms = unset_number;
    int64_t parked = unset_number;  // 0 once merged: a quarter of worker_connections
    ngx_flag_t dry_run = NGX_CONF_UNSET;
    ngx_flag_t verify = NGX_CONF_UNSET;
};

enum class Ack { unset, durable, delivered };

// What a location is: a webhook, a gate, or neither (yet). Blocks inside it that are a location
// of their own to nginx alone, "if" and "limit_except", are the same: they have it as a whole.
struct LocationRole {
    std::string destination_name;  // empty: no webhook
    Place place;                   // of "momento_webhook" or "momento_webhook_verify"
    bool is_gate = false;          // "momento_webhook_verify", and another content handler
    size_t destination = 0;        // index into the settings
    size_t webhook = 0;            // index into MainConf::webhooks
    std::string label;             // its name in the metrics
    WebhookMetrics* metrics = nullptr;
    // What names the destination, for each request anew; nullptr: destination_name does.
    ngx_http_complex_value_t* destination_value = nullptr;
    ReplayZone* replay = nullptr;  // nullptr: off

    bool is_webhook() const { return !destination_name.empty(); }
};

struct LocationConf : LocationValues, LocationRole {
    StatusForm status_form = StatusForm::by_accept;
    bool has_status = false;
    Place status_place;
    Ack ack = Ack::unset;
    std::shared_ptr<std::vector<LocationSecret>> secrets;  // nullptr: none here
    std::string replay_name;                               // as configured; empty: not

    LocationRole& role() { return *this; }
    const LocationRole& role() const { return *this; }
    FreshnessWindow window() const { return {max_age_ms, max_ahead_ms}; }
};

MainConf* main_conf(const ngx_conf_t* cf);
MainConf* main_conf(ngx_http_request_t* r);
MainConf* main_conf(const ngx_cycle_t* cycle);  // nullptr without http{}
const LocationConf& location_conf(const ngx_http_request_t* r);

// --- for the module's tables

void* create_main_conf(ngx_conf_t* cf) noexcept;
void* create_location_conf(ngx_conf_t* cf) noexcept;
char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child) noexcept;
ngx_int_t finish_configuration(ngx_conf_t* cf) noexcept;

char* set_spool(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_destination(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_webhook(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_webhook_secret(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_status(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_replay_zone(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_webhook_replay(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_webhook_verify(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;
char* set_webhook_ack(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;

// A number of LocationValues: `offset` says which, `post` is its Range.
char* set_number(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept;

extern Range max_age_range;
extern Range max_ahead_range;
extern Range max_body_range;
extern Range timeout_range;
extern Range parked_range;

// --- between the files of directives

inline constexpr std::string_view replay_off = "off";

ngx_http_core_loc_conf_t* core_location(const ngx_conf_t* cf);

// The checks of a webhook (whose own come first) or a gate, once everything is known: its
// secrets and its replay zone. From here on it has an index.
char* check_verification(ngx_conf_t* cf, MainConf& main, LocationConf& location,
                         const char* directive);

// "momento_webhook_verify", also one that is inherited.
char* check_gate(ngx_conf_t* cf, MainConf& main, LocationConf& location);

// How long what webhooks wrote for a destination must be there to be read back for replay
// zones, in milliseconds. One that variables name may be any.
int64_t longest_memory_ms(const MainConf& main, size_t destination);

// Once, for all that needs it: what AWS's variables say while the configuration is read.
void take_environment(ngx_conf_t* cf, MainConf& main);

// Logs what resolve() warns of, each sentence once.
void warn_once(ngx_conf_t* cf, MainConf& main, const Warnings& warnings);

// Makes a variable of the master's environment survive a binary upgrade: nginx passes on
// only what `env` names. Workers do not see a private one. std::bad_alloc if there is no
// memory.
enum class Visibility { workers, master_only };
void keep_variable(ngx_conf_t* cf, const std::string& name, Visibility visibility);

}  // namespace momento
