// momento_destination: a block whose settings are read by a table of their own.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <utility>

#include "boundary.h"
#include "destination/kind.h"
#include "directives.h"
#include "http/certificates.h"
#include "spool/slots.h"

namespace momento {

namespace {

constexpr int64_t second = 1000;
constexpr int64_t day = 86'400 * second;

constexpr size_t max_source = 256;  // characters, PutEventsRequestEntry

const Range entries_range{Range::Unit::number, 1, 10, "a number from 1 to 10"};
const Range bytes_range{Range::Unit::size, 1 << 10, 1'000'000, "a size from 1k to 1000000"};
const Range linger_range{Range::Unit::time, 0, 60 * second, "a time from 0 to 60s"};
const Range connections_range{Range::Unit::number, 1, 1000, "a number from 1 to 1000"};
const Range connect_range{Range::Unit::time, 10, 60 * second, "a time from 10ms to 60s"};
const Range total_range{Range::Unit::time, 10, 600 * second, "a time from 10ms to 10m"};
const Range retry_for_range{Range::Unit::time, second, 30 * day, "a time from 1s to 30d"};
const Range max_delay_range{Range::Unit::time, 10, 3600 * second, "a time from 10ms to 1h"};
const Range letters_range{Range::Unit::size, 4 << 20, 1LL << 40, "a size from 4m to 1024g"};

// What one block has said so far.
struct Block {
    DestinationSettings settings;
    ngx_open_file_t* file = nullptr;
    std::vector<std::string_view> seen;  // settings, in their order
    bool sizes_letters = false;          // "dead_letter file size="

    std::string of_this() const { return " of destination " + quoted(settings.name); }
};

struct Setting {
    std::string_view name;
    size_t least;  // arguments behind the name
    size_t most;
    const char* usage;
    bool is_everyones;  // false: kinds name those that they take
    Status (*read)(ngx_conf_t* cf, Block& block, const Arguments& arguments);
};

Error invalid(const Block& block, const Arguments& arguments, std::string_view value,
              std::string_view expected) {
    return Error{"invalid value " + quoted(value) + " in " + quoted(arguments[0]) +
                 block.of_this() + ": " + std::string(expected)};
}

std::string in_setting(const Block& block, const Arguments& arguments) {
    return quoted(arguments[0]) + block.of_this();
}

Status set_text(const Block& block, const Arguments& arguments, const char* what,
                std::string& target) {
    if (arguments[1].empty()) {
        return invalid(block, arguments, "", std::string(what) + " is expected");
    }
    target = arguments[1];
    return {};
}

std::string full_name(ngx_conf_t* cf, std::string_view path, ngx_uint_t conf_prefix) {
    ngx_str_t name = to_pool(cf->pool, path);
    if (name.data == nullptr || ngx_conf_full_name(cf->cycle, &name, conf_prefix) != NGX_OK) {
        throw std::bad_alloc();
    }
    return std::string(to_view(name));
}

// A file that nginx opens, and opens again, for the workers.
Status open_file(ngx_conf_t* cf, Block& block, const Arguments& arguments) {
    block.settings.target = full_name(cf, arguments[1], 0);
    ngx_str_t path = to_pool(cf->pool, block.settings.target);
    if (path.data == nullptr) throw std::bad_alloc();
    block.file = ngx_conf_open_file(cf->cycle, &path);
    if (block.file == nullptr) throw std::bad_alloc();
    if (block.file->flush != nullptr) {
        return invalid(block, arguments, arguments[1],
                       "the file is already written to by another directive");
    }
    return {};
}

Status set_kind(ngx_conf_t* cf, Block& block, const Arguments& arguments,
                const DestinationKind& kind) {
    if (block.settings.kind != nullptr) {
        return Error{"a second kind " + quoted(arguments[0]) + " in destination " +
                     quoted(block.settings.name) + ": it has " +
                     quoted(block.settings.kind->name) + " already"};
    }
    block.settings.kind = &kind;
    if (Status text = set_text(block, arguments, kind.target, block.settings.target); !text) {
        return text;
    }
    return kind.is_file ? open_file(cf, block, arguments) : Status();
}

Status set_region(ngx_conf_t*, Block& block, const Arguments& arguments) {
    return set_text(block, arguments, "the name of a region", block.settings.aws.region);
}

Status set_endpoint(ngx_conf_t*, Block& block, const Arguments& arguments) {
    return set_text(block, arguments, "a URL", block.settings.aws.endpoint);
}

Status set_proxy(ngx_conf_t*, Block& block, const Arguments& arguments) {
    return set_text(block, arguments, "a URL", block.settings.http.proxy);
}

Status set_credentials(ngx_conf_t*, Block& block, const Arguments& arguments) {
    using Credentials = aws::CredentialsSettings::Kind;
    aws::CredentialsSettings& credentials = block.settings.aws.credentials;
    const std::string_view kind = arguments[1];

    if (kind == "profile") {
        if (arguments.size() != 3 || arguments[2].empty()) {
            return Error{"invalid number of arguments in " + in_setting(block, arguments) +
                         ": \"credentials profile name;\" is expected"};
        }
        credentials.kind = Credentials::profile;
        credentials.profile = arguments[2];
        return {};
    }
    constexpr std::pair<std::string_view, Credentials> kinds[] = {
        {"auto", Credentials::automatic},
        {"environment", Credentials::environment},
        {"web_identity", Credentials::web_identity},
        {"container", Credentials::container},
        {"instance", Credentials::instance},
    };
    const auto* named = std::find_if(std::begin(kinds), std::end(kinds),
                                     [&](const auto& known) { return known.first == kind; });
    if (named == std::end(kinds)) {
        return invalid(block, arguments, kind,
                       "\"auto\", \"environment\", \"profile\", \"web_identity\", "
                       "\"container\" or \"instance\" is expected");
    }
    if (arguments.size() != 2) {
        return Error{"invalid number of arguments in " + in_setting(block, arguments) +
                     ": \"credentials " + std::string(kind) + ";\" is expected"};
    }
    credentials.kind = named->second;
    return {};
}

Status set_source(ngx_conf_t*, Block& block, const Arguments& arguments) {
    const std::string_view source = arguments[1];
    if (source.empty() || source.size() > max_source) {
        return invalid(block, arguments, source, "1 to 256 characters are expected");
    }
    if (source.substr(0, 4) == "aws.") {
        return invalid(block, arguments, source, "\"aws.\" is AWS's own");
    }
    block.settings.source = source;
    return {};
}

Status set_batch(ngx_conf_t*, Block& block, const Arguments& arguments) {
    DestinationSettings& settings = block.settings;
    auto entries = static_cast<int64_t>(settings.batch.entries);
    auto bytes = static_cast<int64_t>(settings.batch.bytes);
    Status status =
        read_parameters(arguments, 1, in_setting(block, arguments),
                        {Parameter::number("entries", entries_range, entries),
                         Parameter::number("size", bytes_range, bytes),
                         Parameter::number("linger", linger_range, settings.linger_ms)});
    settings.batch.entries = static_cast<size_t>(entries);
    settings.batch.bytes = static_cast<size_t>(bytes);
    return status;
}

Status set_connections(ngx_conf_t*, Block& block, const Arguments& arguments) {
    auto number = read_number(arguments[1], connections_range);
    if (!number) {
        return invalid(block, arguments, arguments[1],
                       std::string(connections_range.text) + " is expected");
    }
    block.settings.http.connections = static_cast<size_t>(*number);
    return {};
}

Status set_timeout(ngx_conf_t*, Block& block, const Arguments& arguments) {
    HttpPart& settings = block.settings.http;
    Status status = read_parameters(
        arguments, 1, in_setting(block, arguments),
        {Parameter::number("connect", connect_range, settings.connect_timeout_ms),
         Parameter::number("total", total_range, settings.total_timeout_ms)});
    if (!status) return status;
    if (settings.connect_timeout_ms > settings.total_timeout_ms) {
        return Error{"invalid " + in_setting(block, arguments) + ": \"connect\" of " +
                     std::to_string(settings.connect_timeout_ms) +
                     "ms is longer than \"total\" of " +
                     std::to_string(settings.total_timeout_ms) + "ms"};
    }
    return {};
}

Status set_retry(ngx_conf_t*, Block& block, const Arguments& arguments) {
    RetrySettings& retry = block.settings.retry;
    return read_parameters(
        arguments, 1, in_setting(block, arguments),
        {Parameter::number("for", retry_for_range, retry.give_up_after_ms),
         Parameter::number("max_delay", max_delay_range, retry.max_delay_ms)});
}

Status set_dead_letter(ngx_conf_t*, Block& block, const Arguments& arguments) {
    if (arguments[1] == "sqs") {
        if (arguments.size() != 3) {
            return Error{"invalid number of arguments in " + in_setting(block, arguments) +
                         ": \"dead_letter sqs queue-url;\" is expected"};
        }
        if (arguments[2].empty()) {
            return invalid(block, arguments, "", "the URL of a queue is expected");
        }
        block.settings.letter_queue.url = arguments[2];
        return {};
    }
    if (arguments[1] != "file") {
        return invalid(block, arguments, arguments[1], "\"file\" or \"sqs\" is expected");
    }
    auto size = static_cast<int64_t>(block.settings.dead_letter_size);
    Status status = read_parameters(arguments, 2, in_setting(block, arguments),
                                    {Parameter::number("size", letters_range, size)});
    block.settings.dead_letter_size = static_cast<uint64_t>(size);
    block.sizes_letters = arguments.size() > 2;
    return status;
}

Status set_trusted_certificate(ngx_conf_t* cf, Block& block, const Arguments& arguments) {
    if (arguments[1].empty()) return invalid(block, arguments, "", "a path is expected");
    block.settings.http.trusted_certificate = full_name(cf, arguments[1], 1);
    const Status checked = check_certificates(block.settings.http.trusted_certificate);
    return checked ? checked : invalid(block, arguments, arguments[1], checked.error().text);
}

// clang-format off
constexpr Setting settings[] = {
    { "region",              1, 1, "region name;",                                  false, set_region },
    { "endpoint",            1, 1, "endpoint url;",                                 false, set_endpoint },
    { "proxy",               1, 1, "proxy url;",                                    false, set_proxy },
    { "credentials",         1, 2, "credentials kind;",                             false, set_credentials },
    { "source",              1, 1, "source name;",                                  false, set_source },
    { "batch",               1, 3, "batch [entries=10] [size=256k] [linger=5ms];",  false, set_batch },
    { "connections",         1, 1, "connections n;",                                false, set_connections },
    { "timeout",             1, 2, "timeout [connect=3s] [total=10s];",             false, set_timeout },
    { "retry",               1, 2, "retry [for=24h] [max_delay=20s];",              true,  set_retry },
    { "dead_letter",         1, 2, "dead_letter file [size=256m] | sqs queue-url;", true,  set_dead_letter },
    { "trusted_certificate", 1, 1, "trusted_certificate file;",                     false, set_trusted_certificate },
};
// clang-format on

const Setting* find_setting(std::string_view name) {
    const Setting* found =
        std::find_if(std::begin(settings), std::end(settings),
                     [&](const Setting& candidate) { return candidate.name == name; });
    return found == std::end(settings) ? nullptr : found;
}

// What may stand in a block: kinds, and settings.
std::vector<std::string_view> words() {
    std::vector<std::string_view> names;
    for (const DestinationKind* kind : destination_kinds()) names.push_back(kind->name);
    for (const Setting& setting : settings) names.push_back(setting.name);
    return names;
}

std::string list_kinds() {
    std::string list;
    for (const DestinationKind* kind : destination_kinds()) {
        list += (list.empty() ? "" : " or ") + quoted(kind->usage);
    }
    return list + " is expected";
}

Status read_setting(ngx_conf_t* cf, Block& block, const Arguments& arguments) {
    const std::string destination = " in destination " + quoted(block.settings.name);
    const DestinationKind* kind = find_kind(arguments[0]);
    const Setting* setting = find_setting(arguments[0]);
    if (kind == nullptr && setting == nullptr) {
        return Error{"unknown setting " + quoted(arguments[0]) + destination + ": " +
                     suggest(arguments[0], words())};
    }
    const size_t count = arguments.size() - 1;
    const size_t least = kind != nullptr ? 1 : setting->least;
    const size_t most = kind != nullptr ? 1 : setting->most;
    if (count < least || count > most) {
        return Error{"invalid number of arguments in " + in_setting(block, arguments) + ": " +
                     quoted(kind != nullptr ? kind->usage : setting->usage) + " is expected"};
    }
    if (kind != nullptr) return set_kind(cf, block, arguments, *kind);
    const auto& seen = block.seen;
    if (std::find(seen.begin(), seen.end(), setting->name) != seen.end()) {
        return Error{"duplicate setting " + quoted(arguments[0]) + destination};
    }
    block.seen.push_back(setting->name);
    return setting->read(cf, block, arguments);
}

// Once the kind is known, wherever it stood.
Status check_settings(const Block& block) {
    const DestinationKind& kind = *block.settings.kind;
    for (const std::string_view name : block.seen) {
        const auto& taken = kind.settings;
        const bool is_taken = find_setting(name)->is_everyones ||
                              std::find(taken.begin(), taken.end(), name) != taken.end();
        if (is_taken) continue;
        return Error{"setting " + quoted(name) + " in destination " +
                     quoted(block.settings.name) + " has no meaning for " + quoted(kind.name) +
                     kind.elsewhere};
    }
    return {};
}

// nginx calls this for every directive of the block.
char* handle_setting(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        const Arguments arguments = arguments_of(cf);
        if (arguments[0] == "include" && arguments.size() == 2) {
            return ngx_conf_include(cf, nullptr, conf);
        }
        Status status = read_setting(cf, *static_cast<Block*>(conf), arguments);
        return status ? conf_ok : refuse(cf, status.error().text);
    });
}

char* read_block(ngx_conf_t* cf, Block& block) {
    ngx_conf_t outer = *cf;
    cf->handler = handle_setting;
    cf->handler_conf = reinterpret_cast<char*>(&block);
    char* result = ngx_conf_parse(cf, nullptr);
    cf->handler = outer.handler;
    cf->handler_conf = outer.handler_conf;
    return result;
}

}  // namespace

void take_environment(ngx_conf_t* cf, MainConf& main) {
    if (std::exchange(main.has_environment, true)) return;
    main.environment = aws::EnvironmentSnapshot::take(
        [](const std::string& name) { return getenv(name.c_str()); });
    for (const std::string& name : aws::EnvironmentSnapshot::names()) {
        // HOME says where profile files are, and is nobody's secret.
        // A proxy's URL may hold a password.
        keep_variable(cf, name, name == "HOME" ? Visibility::workers : Visibility::master_only);
    }
}

void warn_once(ngx_conf_t* cf, MainConf& main, const Warnings& warnings) {
    for (const std::string& warning : warnings) {
        if (!main.warned_of.insert(warning).second) continue;
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%s", warning.c_str());
    }
}

char* set_destination(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& main = *static_cast<MainConf*>(conf);
        Block block;
        block.settings.name = arguments_of(cf)[1];
        const std::string name = quoted(block.settings.name);

        if (!is_destination_name(block.settings.name)) {
            return refuse(cf, "invalid name " + name +
                                  " in \"momento_destination\": 1 to 64 letters, digits, "
                                  "\"_\" or \"-\" are expected");
        }
        for (const DestinationSettings& other : main.destinations) {
            if (other.name == block.settings.name) {
                return refuse(cf, "duplicate destination " + name);
            }
        }
        take_environment(cf, main);

        if (char* result = read_block(cf, block); result != conf_ok) return result;

        if (block.settings.kind == nullptr) {
            return refuse(cf, "destination " + name + " has no kind: " + list_kinds());
        }
        if (Status taken = check_settings(block); !taken) {
            return refuse(cf, taken.error().text);
        }
        Warnings warnings;
        Status status = resolve(block.settings, main.environment, warnings);
        warn_once(cf, main, warnings);
        if (!status) return refuse(cf, status.error().text);
        if (block.file != nullptr) {
            for (const FileTarget& other : main.files) {
                if (other.file == block.file) {
                    return refuse(cf, "destination " + name + " writes to the file of " +
                                          quoted(main.destinations[other.destination].name));
                }
            }
            main.files.push_back({main.destinations.size(), block.file});
        }
        main.destinations.push_back(std::move(block.settings));
        main.places.push_back(Place::here(cf));
        main.sizes_letters.push_back(block.sizes_letters);
        return conf_ok;
    });
}

}  // namespace momento
