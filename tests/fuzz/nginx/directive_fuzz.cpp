// Configurations, read as nginx -t and a reload read them, up to where files and sockets
// would be opened. The input is a program that writes one: each byte chooses a directive, an
// argument, or where a block ends. Directives and where they stand come from the module's own
// table, so that none is forgotten.
//
// What is refused must say so; what is taken must be whole; nothing may be left behind.
#include <cstdint>
#include <string>
#include <string_view>

#include "directives.h"
#include "nginx_process.h"

using namespace momento;

namespace {

constexpr const char* first_configuration = "events { worker_connections 64; } http { }";

constexpr size_t max_configuration = 16'384;
constexpr int max_depth = 4;

constexpr std::string_view words[] = {
    "bus",
    "audit",
    "",
    "on",
    "off",
    "none",
    "unset",
    "os",
    "always",
    "durable",
    "delivered",
    "json",
    "prometheus",
    "health",
    "file",
    "sqs",
    "auto",
    "environment",
    "profile",
    "web_identity",
    "container",
    "instance",
    "default",
    "us-west-2",
    "no region",
    "aws.x",
    "arn:aws:events:eu-west-1:123456789012:event-bus/b",
    "arn:aws:events:eu-west-1:123456789012:event-busv2/b",
    "arn:aws:events",
    "arn:::::",
    "https://localhost:8443",
    "http://[::1]:1/x",
    "http://u:p@h",
    "ftp://x",
    "http://",
    "https://h:99999",
    "%%DIR%%/spool",
    "spool",
    "/",
    "//",
    "%%DIR%%/secret",
    "file:%%DIR%%/secret",
    "file:%%DIR%%/secret#x",
    "file:%%DIR%%/json",
    "file:json#other",
    "file:%%DIR%%/empty",
    "file:%%DIR%%/none",
    "file:%%DIR%%",
    "file:",
    "file:#",
    "env:HOME",
    "env:NONE",
    "env:",
    "secretsmanager:x",
    "secretsmanager:",
    "{\"momentoSecret\":1}",
    "%%DIR%%/bus.json",
    "$momento_topic",
    "${momento_cache}x",
    "$",
    "${",
    "$nothing",
    "$momento_verdict",
    "cache=c",
    "topic=t",
    "cache=",
    "previous=1h",
    "previous=",
    "=",
    "=x",
    "size=4m",
    "size=1g",
    "size=1",
    "size=",
    "size=-1",
    "size=99999999999999999999",
    "segment=1m",
    "segment=2g",
    "sync=os",
    "sync=maybe",
    "entries=10",
    "entries=0",
    "linger=5ms",
    "connect=3s",
    "total=1s",
    "for=24h",
    "max_delay=20s",
    "0",
    "1",
    "-1",
    "100",
    "4k",
    "16m",
    "1024g",
    "60s",
    "5ms",
    "0s",
    "3650d",
    "1M",
    "1y",
    "10",
    "1 1",
    "18446744073709551616",
    "9223372036854775807",
    "1.5s",
    "s",
    "k",
    "%%DIR%%/certificate.pem",
    "/etc/ssl/certs/ca-certificates.crt",
};

// As plain values: they stand in the configuration, and must be nowhere else.
constexpr std::string_view secrets[] = {
    "hush-1234567890",
    "hush-1234567890#x",
    R"({"momentoSecret":"hush-1234567890"})",
    R"({"other":"hush-1234567890"})",
    R"({"momentoSecret":["hush-1234567890"]})",
};

constexpr std::string_view settings[] = {
    "eventbridge",
    "file",
    "region",
    "endpoint",
    "proxy",
    "credentials",
    "source",
    "batch",
    "connections",
    "timeout",
    "retry",
    "dead_letter",
    "trusted_certificate",
    "momento_spool",
};

// nginx's own, which decide what a location is.
constexpr std::string_view statements[] = {
    "return 204;",
    "proxy_pass http://127.0.0.1:1;",
    "root html;",
    "stub_status;",
    "client_max_body_size 1k;",
    "client_max_body_size 0;",
    "satisfy any; allow all;",
    "internal;",
    "error_page 403 /x;",
    "set $x 1;",
    "rewrite ^ /x last;",
    "auth_request /x;",
    "try_files $uri =404;",
    "limit_req zone=z;",
    "deny all;",
    "alias /x;",
    "mirror /x;",
    "access_log off;",
    "access_log %%DIR%%/x combined;",
    "access_log %%DIR%%/$momento_topic combined;",
    "root /x/${momento_cache};",
    "limit_req_zone $momento_cache zone=z:1m rate=1r/s;",
    "map $momento_topic $d { volatile; default bus; a none; }",
    "log_format m '$momento_verdict$momento_age';",
    "env X=1;",
};

enum class Level { http, server, location, destination };

// Writes a configuration as the bytes say; without bytes it ends everything.
class Composer {
  public:
    Composer(const uint8_t* data, size_t size) : data_(data), end_(data + size) {}

    std::string compose() {
        text_ = "events { worker_connections 64; }\nhttp {\n";
        block(Level::http, 0);
        return std::move(text_);
    }

  private:
    uint8_t next() { return data_ < end_ ? *data_++ : 0; }

    template <size_t size>
    std::string_view pick(const std::string_view (&from)[size]) {
        return from[next() % size];
    }

    // The first byte 0 ends a block, and so does the end of the input.
    void block(Level level, int depth) {
        for (uint8_t choice; (choice = next()) != 0 && text_.size() < max_configuration;) {
            statement(level, depth, choice);
        }
        text_ += "}\n";
    }

    void statement(Level level, int depth, uint8_t choice) {
        if (level == Level::destination && choice < 240) {
            text_ += pick(settings);
            arguments(next() % 4);
            text_ += ";\n";
        } else if (choice < 150) {
            directive(level, depth);
        } else if (choice < 170) {
            text_ += pick(statements);
            text_ += "\n";
        } else if (choice < 180) {
            text_ += word();
            arguments(next() % 3);
            text_ += ";\n";
        } else if (depth < max_depth) {
            inner(level, depth, choice);
        }
    }

    void inner(Level level, int depth, uint8_t choice) {
        switch (level) {
            case Level::http:
                if (choice % 2 == 0) {
                    text_ += "server {\n";
                    return block(Level::server, depth + 1);
                }
                text_ += "momento_destination";
                arguments(1);
                text_ += " {\n";
                return block(Level::destination, depth + 1);
            case Level::server:
            case Level::location:
                if (level == Level::location && choice % 4 == 0) {
                    text_ += "limit_except POST {\n";
                } else if (choice % 4 == 1) {
                    text_ += "if ($request_method = GET) {\n";
                } else {
                    text_ += "location ";
                    text_ += choice % 8 < 4 ? "= " : "";
                    text_ += "/" + std::to_string(next() % 8) + " {\n";
                }
                return block(Level::location, depth + 1);
            case Level::destination:
                return;
        }
    }

    // Of the module; with a number of arguments it can have, or almost.
    void directive(Level level, int depth) {
        const ngx_command_t* commands = ngx_http_momento_module.commands;
        size_t count = 0;
        while (commands[count].name.len != 0) ++count;
        const ngx_command_t& command = commands[next() % count];
        text_ += to_view(command.name);

        size_t wanted = 1;
        constexpr ngx_uint_t by_count[] = {NGX_CONF_NOARGS, NGX_CONF_TAKE1, NGX_CONF_TAKE2,
                                           NGX_CONF_TAKE3, NGX_CONF_TAKE4};
        for (size_t i = 0; i < std::size(by_count); ++i) {
            if ((command.type & by_count[i]) != 0 && next() % 2 == 0) wanted = i;
        }
        if (command.set == set_webhook_secret && next() % 2 == 0) {
            text_ += " \"" + escaped(pick(secrets)) + '"';
            --wanted;
        }
        const bool strange = level == Level::destination || next() % 64 == 63;
        arguments(strange ? next() % 6 : wanted);
        if ((command.type & NGX_CONF_BLOCK) != 0 && depth < max_depth) {
            text_ += " {\n";
            block(Level::destination, depth + 1);
        } else {
            text_ += ";\n";
        }
    }

    void arguments(size_t count) {
        for (size_t i = 0; i < count; ++i) text_ += " \"" + word() + '"';
    }

    // One of the known ones, two of them joined, or bytes of the input.
    std::string word() {
        const uint8_t choice = next();
        if (choice < 200) return escaped(pick(words));
        if (choice < 220) return escaped(pick(words)) + escaped(pick(words));
        std::string raw;
        for (size_t length = choice - 220; length > 0 && data_ < end_; --length) {
            raw += static_cast<char>(next());
        }
        return escaped(raw);
    }

    static std::string escaped(std::string_view text) {
        std::string out;
        for (char c : text) {
            if (c == '"' || c == '\\') out += '\\';
            if (c != '\0') out += c;
        }
        return out;
    }

    const uint8_t* data_;
    const uint8_t* end_;
    std::string text_;
};

std::string directory;

void fill_in_directory(std::string& text) {
    const std::string word = "%%DIR%%";
    for (size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
        text.replace(at, word.size(), directory);
    }
}

// What workers rely on.
void check_whole(const ngx_cycle_t* cycle) {
    const MainConf* main = main_conf(cycle);
    fuzz::require(main != nullptr, "there is http{}");
    for (const LocationConf* webhook : main->webhooks) {
        fuzz::require(!main->spool.path.empty(), "a webhook has a spool");
        fuzz::require(webhook->secrets && !webhook->secrets->empty(), "a webhook has a secret");
        for (const LocationSecret& secret : *webhook->secrets) {
            fuzz::require(secret.source ? *secret.source < main->secrets.size()
                                        : !secret.value.bytes().empty(),
                          "no secret is empty");
            fuzz::require(secret.name.find(fuzz::secret) == std::string::npos,
                          "no secret is named by its value");
        }
        fuzz::require(webhook->destination_value != nullptr ||
                          webhook->destination < main->destinations.size(),
                      "a webhook has a destination");
        fuzz::require(!main->destinations.empty(), "there is a destination");
        fuzz::require(webhook->max_body > 0 && webhook->timeout_ms > 0, "limits are numbers");
        fuzz::require(static_cast<uint64_t>(webhook->max_body) < main->spool.segment_size,
                      "a body fits into a segment");
    }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {  // NOLINT
    directory = fuzz::start_nginx(first_configuration);
    fuzz::write_file(directory + "/secret", std::string(fuzz::secret) + "\n");
    fuzz::write_file(directory + "/json",
                     R"({"momentoSecret":"hush-1234567890","other":"hush-1234567890 2"})");
    fuzz::write_file(directory + "/empty", "\n");
    // As `nginx -s`: the configuration is read, and that is all.
    ngx_process = NGX_PROCESS_SIGNALLER;
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    if (fuzz::holds_secret({reinterpret_cast<const char*>(data), size})) return 0;
    std::string text = Composer(data, size).compose();
    fill_in_directory(text);
    fuzz::write_file(directory + "/nginx.conf", text);

    static_cast<void>(fuzz::take_errors());
    const fuzz::PoolWatch watch;
    ngx_cycle_t* cycle = ngx_init_cycle(const_cast<ngx_cycle_t*>(ngx_cycle));
    const std::vector<std::string> errors = fuzz::take_errors();
    if (cycle == nullptr) {
        fuzz::require(!errors.empty(), "what is refused says so");
        // Of variables that nobody defined nginx itself does not say where they stand.
        const bool is_about_variable = errors.front().find("unknown \"") != std::string::npos;
        if (!is_about_variable && errors.front().find("nginx.conf:") == std::string::npos) {
            fuzz::fail("an error says where: " + errors.front());
        }
    } else {
        fuzz::require(errors.empty(), "what is taken has no errors");
        check_whole(cycle);
    }
    return 0;
}
