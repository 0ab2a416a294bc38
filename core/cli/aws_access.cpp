#include "cli/aws_access.h"

#include <curl/curl.h>

#include <array>
#include <csignal>
#include <optional>
#include <string_view>
#include <utility>

#include "aws/credentials_chain.h"
#include "aws/instance_metadata.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/random.h"
#include "http/certificates.h"

namespace momento::cli {

namespace {

constexpr int64_t patience_us = 30'000'000;
constexpr int64_t turn_ms = 100;

struct KindName {
    std::string_view name;
    aws::CredentialsSettings::Kind kind;
};
constexpr std::array<KindName, 5> kinds = {{
    {"auto", aws::CredentialsSettings::Kind::automatic},
    {"environment", aws::CredentialsSettings::Kind::environment},
    {"web_identity", aws::CredentialsSettings::Kind::web_identity},
    {"container", aws::CredentialsSettings::Kind::container},
    {"instance", aws::CredentialsSettings::Kind::instance},
}};

}  // namespace

const OptionTable& aws_options() {
    static const OptionTable options = {
        {"--region", "NAME", "default: as a destination's"},
        {"--proxy", "URL", "default: HTTPS_PROXY, but for hosts of NO_PROXY"},
        {"--credentials", "KIND",
         "auto (default), environment, web_identity, container, instance"},
        {"--profile", "NAME", "credentials of that profile"},
        {"--cacert", "FILE",
         "trust the certificates in this PEM file; default: AWS_CA_BUNDLE, the profile's "
         "ca_bundle, or the system's"},
    };
    return options;
}

Status apply_aws_options(const Given& given, TargetSettings& settings) {
    const std::optional<std::string> credentials = given.text("--credentials");
    const std::optional<std::string> profile = given.text("--profile");
    const std::optional<std::string> cacert = given.text("--cacert");
    if (credentials && profile) {
        return Error{"\"--profile\" is a kind of credentials, leave it or --credentials out"};
    }
    settings.aws.region = given.text("--region").value_or("");
    settings.http.proxy = given.text("--proxy").value_or("");
    settings.http.trusted_certificate = cacert.value_or("");
    if (cacert) {
        if (Status status = check_certificates(*cacert); !status) {
            return Error{"invalid --cacert \"" + *cacert + "\": " + status.error().text};
        }
    }
    if (profile) {
        if (profile->empty()) return Error{"\"--profile\" needs a name"};
        settings.aws.credentials = {aws::CredentialsSettings::Kind::profile, *profile};
    }
    if (!credentials) return {};
    for (const KindName& known : kinds) {
        if (known.name != *credentials) continue;
        settings.aws.credentials.kind = known.kind;
        return {};
    }
    return Error{"invalid --credentials \"" + *credentials +
                 "\", give auto, environment, web_identity, container or instance, or use "
                 "--profile NAME"};
}

AwsCaller::AwsCaller(const AwsPart& settings, const aws::Endpoint& service_endpoint,
                     const aws::Endpoint& sts, const char* content_type)
    : http_(make_http_client()) {
    aws::ProviderTools tools{&system_clock(), &system_random(), http_.get(), &log_,
                             "momentoctl"};
    tools.server_clock = std::make_shared<aws::ServerClock>(system_clock(), log_, tools.user);
    credentials_ =
        aws::make_credentials(settings.credentials, settings.environment, sts, tools);
    aws::ServiceSettings service;
    service.user = tools.user;
    service.endpoint = service_endpoint;
    service.content_type = content_type;
    client_ = std::make_unique<aws::ServiceClient>(
        service, credentials_,
        aws::ServiceTools{&system_clock(), &log_, http_.get(), tools.server_clock});
}

AwsCaller::~AwsCaller() = default;

aws::CredentialsAnswer AwsCaller::find_credentials() {
    const int64_t end_us = system_clock().steady_us() + patience_us;
    aws::CredentialsAnswer answer = credentials_->get();
    while (answer.state == aws::CredentialsAnswer::State::pending &&
           system_clock().steady_us() < end_us) {
        http_->run(turn_ms);
        answer = credentials_->get();
    }
    return answer;
}

aws::ServiceReply AwsCaller::call(const char* target, const std::string& body) {
    std::optional<aws::ServiceReply> reply;
    client_->call(target, body, [&reply](aws::ServiceReply got) { reply = std::move(got); });
    while (!reply) {  // the client's own timeouts end this
        http_->run(turn_ms);
        client_->step();
    }
    return std::move(*reply);
}

namespace {

void say(const Warnings& warnings, Console& console) {
    for (const std::string& warning : warnings) {
        console.say("momentoctl: warning: " + warning);
    }
}

}  // namespace

Status resolve(TargetSettings& settings, Console& console) {
    Warnings warnings;
    const auto environment = aws::EnvironmentSnapshot::take(console.environment);
    const Status resolved = momento::resolve(settings, environment, warnings);
    say(warnings, console);
    return resolved;
}

Status resolve_letter_queue(TargetSettings& settings, Console& console) {
    Warnings warnings;
    const auto environment = aws::EnvironmentSnapshot::take(console.environment);
    const Status resolved = momento::resolve_letter_queue(settings, environment, warnings);
    say(warnings, console);
    return resolved;
}

Result<std::string> ask_instance_region(const aws::EnvironmentSnapshot& env) {
    const std::unique_ptr<HttpClient> http = make_http_client();
    auto metadata = aws::InstanceMetadata::create(env, system_clock(), *http);
    if (!metadata) return metadata.error();
    std::optional<HttpResult> answer;
    (*metadata)->get(aws::instance_region_path,
                     [&answer](HttpResult got) { answer = std::move(got); });
    while (!answer) http->run(turn_ms);  // its own timeouts end this
    if (answer->failed) return Error{answer->failure.text};
    if (answer->response.status != 200) {
        return Error{"its answer is " + std::to_string(answer->response.status)};
    }
    return std::string(trim(answer->response.body));
}

void prepare_network() {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace momento::cli
