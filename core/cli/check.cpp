// momentoctl check: proves that a destination's settings work, without sending an event.
#include <curl/curl.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include "aws/credentials_chain.h"
#include "aws/service_client.h"
#include "aws/service_error.h"
#include "base/json.h"
#include "base/random.h"
#include "cli/command.h"
#include "cli/no_log.h"
#include "cli/options.h"
#include "destination/putevents.h"
#include "gateway/settings.h"

namespace momento::cli {

namespace {

constexpr char describe_target[] = "AWSEvents.DescribeEventBus";
constexpr int64_t patience_us = 30'000'000;
constexpr int64_t turn_ms = 100;
// momento_webhook_max_ahead's default: from there on webhooks are refused.
constexpr int64_t clock_tolerance_s = 10;

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

Result<DestinationSettings> read_settings(const Arguments& arguments) {
    DestinationSettings settings;
    settings.name = "check";
    std::optional<std::string> region, endpoint, proxy, credentials, profile, cacert;
    Options options;
    options.text("--region", &region)
        .text("--endpoint", &endpoint)
        .text("--proxy", &proxy)
        .text("--credentials", &credentials)
        .text("--profile", &profile)
        .text("--cacert", &cacert);
    Result<Arguments> operands = options.parse(arguments, 1, 1, "one BUS");
    if (!operands) return operands.error();
    if (credentials && profile) {
        return Error{"\"--profile\" is a kind of credentials, leave it or --credentials out"};
    }
    settings.bus = operands->front();
    settings.region = region.value_or("");
    settings.endpoint = endpoint.value_or("");
    settings.proxy = proxy.value_or("");
    settings.trusted_certificate = cacert.value_or("");
    if (profile) {
        if (profile->empty()) return Error{"\"--profile\" needs a name"};
        settings.credentials = {aws::CredentialsSettings::Kind::profile, *profile};
    }
    if (!credentials) return settings;
    for (const KindName& known : kinds) {
        if (known.name != *credentials) continue;
        settings.credentials.kind = known.kind;
        return settings;
    }
    return Error{"invalid --credentials \"" + *credentials +
                 "\", give auto, environment, web_identity, container or instance, or use "
                 "--profile NAME"};
}

// Everything a destination calls AWS with, stepped until it has its answer.
class Caller {
  public:
    Caller(const DestinationSettings& settings, const aws::EnvironmentSnapshot& env)
        : http_(make_curl_client()) {
        aws::ProviderTools tools{&system_clock(), &system_random(), http_.get(), &log_,
                                 "check"};
        tools.server_clock =
            std::make_shared<aws::ServerClock>(system_clock(), log_, tools.user);
        credentials_ = aws::make_credentials(
            settings.credentials, env,
            {settings.sts, settings.proxy, settings.trusted_certificate}, tools);
        aws::ServiceSettings service;
        service.user = tools.user;
        service.endpoint = settings.service;
        service.content_type = putevents_content_type;
        service.proxy = settings.proxy;
        service.trusted_certificate = settings.trusted_certificate;
        client_ = std::make_unique<aws::ServiceClient>(
            service, credentials_,
            aws::ServiceTools{&system_clock(), &log_, http_.get(), tools.server_clock});
    }

    aws::CredentialsAnswer find_credentials() {
        const int64_t end_us = system_clock().steady_us() + patience_us;
        aws::CredentialsAnswer answer = credentials_->get();
        while (answer.state == aws::CredentialsAnswer::State::pending &&
               system_clock().steady_us() < end_us) {
            http_->run(turn_ms);
            answer = credentials_->get();
        }
        return answer;
    }

    const char* kind() const { return credentials_->name(); }

    aws::ServiceReply describe(const std::string& bus) {
        std::optional<aws::ServiceReply> reply;
        Json request = Json::object();
        request.set("Name", Json::string(bus));
        client_->call(describe_target, request.dump(),
                      [&reply](aws::ServiceReply got) { reply = std::move(got); });
        while (!reply) {  // the client's own timeouts end this
            http_->run(turn_ms);
            client_->step();
        }
        return std::move(*reply);
    }

  private:
    NoLog log_;
    std::unique_ptr<HttpClient> http_;
    std::shared_ptr<aws::CredentialsProvider> credentials_;
    std::unique_ptr<aws::ServiceClient> client_;
};

// One line each; true if it is as it should be.
class Report {
  public:
    explicit Report(std::ostream& out) : out_(out) {}

    bool print(bool good, const char* what, const std::string& text) {
        std::string label = what;
        label.resize(13, ' ');
        out_ << (good ? "ok    " : "fail  ") << label << printable(text) << '\n';
        all_good_ = all_good_ && good;
        return good;
    }

    bool all_good() const { return all_good_; }

  private:
    std::ostream& out_;
    bool all_good_ = true;
};

bool report_credentials(Caller& caller, Report& report) {
    const aws::CredentialsAnswer answer = caller.find_credentials();
    if (answer.state != aws::CredentialsAnswer::State::ready) {
        return report.print(false, "credentials",
                            answer.error.empty() ? "nobody answered in time" : answer.error);
    }
    std::string text = caller.kind();
    if (answer.credentials->expires_ms) {
        const int64_t left_ms = *answer.credentials->expires_ms - system_clock().wall_ms();
        text += ", for another " + std::to_string(left_ms / 60'000) + " minutes";
    }
    return report.print(true, "credentials", text);
}

void report_bus(const std::string& bus, const aws::ServiceReply& reply, Report& report) {
    const std::string name = '"' + bus + '"';
    if (reply.unsent || reply.http.failed) {
        report.print(false, "bus",
                     reply.unsent ? reply.no_credentials : reply.http.failure.text);
        return;
    }
    if (reply.http.response.status == 200) {
        report.print(true, "bus", name + " exists");
        return;
    }
    const aws::ServiceError error = aws::parse_service_error(reply.http.response);
    if (error.is("ResourceNotFoundException")) {
        report.print(false, "bus",
                     name +
                         " does not exist: EventBridge would take events for it and drop "
                         "them");
        return;
    }
    report.print(false, "bus",
                 name + " may not be looked up: status " +
                     std::to_string(reply.http.response.status) +
                     (error.code.empty() ? "" : ", ") + error.code);
}

void report_clock(const aws::ServiceReply& reply, Report& report) {
    const std::string* date =
        reply.unsent || reply.http.failed ? nullptr : reply.http.response.header("date");
    const time_t server = date ? curl_getdate(date->c_str(), nullptr) : -1;
    if (server == -1) return;
    const int64_t ahead_s = system_clock().wall_ms() / 1'000 - int64_t{server};
    std::string text = std::to_string(std::abs(ahead_s)) + " s ";
    text += ahead_s < 0 ? "behind AWS's" : "ahead of AWS's";
    const bool good = std::abs(ahead_s) < clock_tolerance_s;
    report.print(good, "clock", good ? "agrees with AWS's" : text + ": set it");
}

Result<Outcome> check(const Arguments& arguments, Console& console) {
    Result<DestinationSettings> settings = read_settings(arguments);
    if (!settings) return settings.error();
    const auto env = aws::EnvironmentSnapshot::take(console.environment);
    if (Status resolved = resolve(*settings, env); !resolved) return resolved.error();

    curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)std::signal(SIGPIPE, SIG_IGN);
    Report report(console.out);
    report.print(true, "region", settings->region);
    report.print(true, "endpoint", settings->service.url.text());
    Caller caller(*settings, env);
    if (report_credentials(caller, report)) {
        const aws::ServiceReply reply = caller.describe(settings->bus);
        report_bus(settings->bus, reply, report);
        report_clock(reply, report);
    }
    return report.all_good() ? Outcome::fine : Outcome::found;
}

}  // namespace

const Command check_command{"check", "proves that a destination's settings work",
                            R"(usage: momentoctl check BUS [OPTION]...

Finds region, endpoint and credentials as a destination with these settings does, looks the
event bus up (events:DescribeEventBus) and compares this machine's clock with AWS's. It sends
no event: whether events:PutEvents is allowed is not known before. Exit status 0 if all is
well, 1 if something is not.

Run it as the worker's user, with the environment of the nginx master: the AWS_* variables
count here as they do there.

  --region NAME       default: as a destination's
  --endpoint URL      default: from the region
  --proxy URL         default: none
  --credentials KIND  auto (default), environment, web_identity, container, instance
  --profile NAME      credentials of that profile
  --cacert FILE       trust the certificates in this PEM file, instead of the system's
)",
                            check};

}  // namespace momento::cli
