#include "cli/aws_access.h"

#include <curl/curl.h>

#include <array>
#include <csignal>
#include <ostream>
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

void AwsOptions::add_to(Options& options) {
    options.text("--region", &region_)
        .text("--endpoint", &endpoint_)
        .text("--proxy", &proxy_)
        .text("--credentials", &credentials_)
        .text("--profile", &profile_)
        .text("--cacert", &cacert_);
}

bool AwsOptions::any_given() const {
    return region_ || endpoint_ || proxy_ || credentials_ || profile_ || cacert_;
}

Status AwsOptions::apply_to(DestinationSettings& settings) const {
    if (credentials_ && profile_) {
        return Error{"\"--profile\" is a kind of credentials, leave it or --credentials out"};
    }
    settings.region = region_.value_or("");
    settings.endpoint = endpoint_.value_or("");
    settings.proxy = proxy_.value_or("");
    settings.trusted_certificate = cacert_.value_or("");
    if (cacert_) {
        if (Status status = check_certificates(*cacert_); !status) {
            return Error{"invalid --cacert \"" + *cacert_ + "\": " + status.error().text};
        }
    }
    if (profile_) {
        if (profile_->empty()) return Error{"\"--profile\" needs a name"};
        settings.credentials = {aws::CredentialsSettings::Kind::profile, *profile_};
    }
    if (!credentials_) return {};
    for (const KindName& known : kinds) {
        if (known.name != *credentials_) continue;
        settings.credentials.kind = known.kind;
        return {};
    }
    return Error{"invalid --credentials \"" + *credentials_ +
                 "\", give auto, environment, web_identity, container or instance, or use "
                 "--profile NAME"};
}

AwsCaller::AwsCaller(const DestinationSettings& settings, const aws::Endpoint& service_endpoint,
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

Status resolve(DestinationSettings& settings, Console& console) {
    Warnings warnings;
    Status resolved =
        resolve(settings, aws::EnvironmentSnapshot::take(console.environment), warnings);
    for (const std::string& warning : warnings) {
        console.err << "momentoctl: warning: " << printable(warning) << '\n';
    }
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
