// momento_webhook_secret: where a secret comes from, and its value as far as the master knows.

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "boundary.h"
#include "directives.h"
#include "ingest/secret_file.h"

namespace momento {

namespace {

constexpr int64_t default_previous_ms = 3'600'000;

const Range previous_range{Range::Unit::time, 0, 30LL * 86'400'000, "a time from 0 to 30d"};

bool is_same(const SecretSource& a, const SecretSource& b) {
    return a.kind == b.kind && a.location == b.location && a.member == b.member;
}

Result<SecretValue> load_now(const SecretSource& source) {
    return load_secret(source, [](const std::string& name) { return getenv(name.c_str()); });
}

void warn_of_doubt(ngx_conf_t* cf, const SecretSource& source, const SecretValue& value) {
    if (auto doubt = doubt_secret(source, value.bytes())) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%s", doubt->c_str());
    }
}

// The file of the configuration holds a secret that is given itself.
void warn_of_readers(ngx_conf_t* cf) {
    ngx_file_info_t info;
    const ngx_str_t& file = cf->conf_file->file.name;
    if (ngx_file_info(file.data, &info) == NGX_FILE_ERROR || (info.st_mode & S_IROTH) == 0) {
        return;
    }
    ngx_conf_log_error(
        NGX_LOG_WARN, cf, 0,
        "a secret stands in a file that everybody can read: move it to a file of "
        "its own and write \"file:PATH\", or chmod o-r \"%V\"",
        &file);
}

// What the configuration knew of this file that was in use until now. nullptr: nothing.
std::shared_ptr<const SecretSet> known_before(const ngx_conf_t* cf,
                                              const SecretSource& source) {
    const ngx_cycle_t* old = cf->cycle->old_cycle;
    const MainConf* main =
        old != nullptr && old->conf_ctx != nullptr ? main_conf(old) : nullptr;
    if (main == nullptr) return nullptr;
    for (const SecretSettings& secret : main->secrets) {
        if (is_same(secret.source, source)) return secret.known;
    }
    return nullptr;
}

// The index of a source that may change, which is read or looked up for the first time.
Result<size_t> add_source(ngx_conf_t* cf, const SecretSource& source) {
    MainConf& main = *main_conf(cf);
    auto known =
        std::find_if(main.secrets.begin(), main.secrets.end(),
                     [&](const SecretSettings& s) { return is_same(s.source, source); });
    if (known != main.secrets.end()) return static_cast<size_t>(known - main.secrets.begin());

    SecretSettings settings;
    settings.source = source;
    if (source.kind == SecretSource::Kind::file) {
        settings.known_ms = system_clock().wall_ms();  // before: a change meanwhile shows
        auto value = load_now(source);
        if (!value) return value.error();
        if (auto doubt = doubt_secret_file(source.location)) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%s", doubt->c_str());
        }
        warn_of_doubt(cf, source, *value);
        settings.known = next_set(std::move(*value), settings.known_ms,
                                  known_before(cf, source).get(), settings.known_ms);
    } else {
        take_environment(cf, main);
        Warnings warnings;
        Status known_place = resolve(settings, main.environment, warnings);
        warn_once(cf, main, warnings);
        if (!known_place) return known_place.error();
    }
    main.secrets.push_back(std::move(settings));
    return main.secrets.size() - 1;
}

Result<LocationSecret> read_secret(ngx_conf_t* cf, const Arguments& arguments) {
    const std::string where = "\"momento_webhook_secret\"";

    auto source = SecretSource::parse(arguments[1]);
    if (!source) return Error{"invalid value in " + where + ": " + source.error().text};

    LocationSecret secret;
    int64_t previous_ms = unset_number;
    Status parameters = read_parameters(
        arguments, 2, where,
        {Parameter::text("cache", secret.cache), Parameter::text("topic", secret.topic),
         Parameter::number("previous", previous_range, previous_ms)},
        Unknown::withheld);
    if (!parameters) return parameters.error();

    const bool is_stored = source->kind == SecretSource::Kind::secrets_manager;
    const bool is_file = source->kind == SecretSource::Kind::file;
    if (previous_ms != unset_number && !is_stored && !is_file) {
        return Error{"invalid parameter \"previous=\" in " + where +
                     ": only \"file:\" and \"secretsmanager:\" sources have a previous "
                     "version"};
    }
    // Whoever replaces a file expects the old secret to be gone.
    const int64_t otherwise_ms = is_file ? 0 : default_previous_ms;
    secret.previous_ms = previous_ms == unset_number ? otherwise_ms : previous_ms;
    if (source->kind == SecretSource::Kind::environment) {
        keep_variable(cf, source->location, Visibility::master_only);
    }
    if (is_file) {
        ngx_str_t path = to_pool(cf->pool, source->location);
        if (path.data == nullptr || ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
            throw std::bad_alloc();
        }
        source->location = to_view(path);
    }
    secret.name = source->name();

    const auto unusable = [&where](const Error& error) {
        return Error{"cannot use " + where + ": " + error.text};
    };
    if (is_stored || is_file) {
        auto index = add_source(cf, *source);
        if (!index) return unusable(index.error());
        secret.source = *index;
        return secret;
    }
    auto value = load_now(*source);
    if (!value) return unusable(value.error());
    secret.value = std::move(*value);
    warn_of_doubt(cf, *source, secret.value);
    secret.read_ms = system_clock().wall_ms();
    return secret;
}

}  // namespace

char* set_webhook_secret(ngx_conf_t* cf, ngx_command_t*, void* conf) noexcept {
    return contain(cf->log, conf_error, [&] {
        auto& location = *static_cast<LocationConf*>(conf);

        auto secret = read_secret(cf, arguments_of(cf));
        if (!secret) return refuse(cf, secret.error().text);
        if (secret->name == plain_source) {
            warn_of_readers(cf);
            // Read, and no longer needed: nginx keeps its words as long as the configuration.
            ngx_str_t& value = static_cast<ngx_str_t*>(cf->args->elts)[1];
            OPENSSL_cleanse(value.data, value.len);
        }

        if (!location.secrets) {
            location.secrets = std::make_shared<std::vector<LocationSecret>>();
        }
        for (const LocationSecret& other : *location.secrets) {
            if (other.cache == secret->cache && other.topic == secret->topic &&
                other.name == secret->name && other.value.bytes() == secret->value.bytes()) {
                return refuse(cf, "duplicate secret " + quoted(secret->name) +
                                      " in \"momento_webhook_secret\"");
            }
        }
        location.secrets->push_back(std::move(*secret));
        return conf_ok;
    });
}

}  // namespace momento
