// momentoctl check: proves that a destination's settings work, without sending an event.
#include <curl/curl.h>

#include <cstdlib>
#include <ostream>

#include "aws/server_clock.h"
#include "aws/service_error.h"
#include "base/json.h"
#include "cli/aws_access.h"
#include "cli/command.h"
#include "cli/options.h"
#include "destination/putevents.h"
#include "gateway/settings.h"

namespace momento::cli {

namespace {

constexpr char describe_target[] = "AWSEvents.DescribeEventBus";
// momento_webhook_max_ahead's default: from there on webhooks are refused.
constexpr int64_t clock_tolerance_s = 10;

aws::ServiceReply describe(AwsCaller& caller, const std::string& bus) {
    Json request = Json::object();
    request.set("Name", Json::string(bus));
    return caller.call(describe_target, request.dump());
}

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

bool find_region(DestinationSettings& settings, Report& report) {
    if (needs_region(settings)) {
        const Result<std::string> region = ask_instance_region(settings.environment);
        const Status resolved =
            region ? resolve_in_region(settings, *region) : Status(region.error());
        if (!resolved) {
            return report.print(
                false, "region",
                "not configured, and instance metadata do not tell: " + resolved.error().text);
        }
    }
    return report.print(true, "region", settings.region);
}

bool report_credentials(AwsCaller& caller, Report& report) {
    const aws::CredentialsAnswer answer = caller.find_credentials();
    if (answer.state != aws::CredentialsAnswer::State::ready) {
        return report.print(false, "credentials",
                            answer.error.empty() ? "nobody answered in time" : answer.error);
    }
    std::string text = caller.credentials_kind();
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
    if (aws::is_foreign(reply.http.response)) {
        report.print(false, "bus", aws::foreign_advice(reply.http.response));
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
        reply.unsent || reply.http.failed ? nullptr : aws::date_of_aws(reply.http.response);
    const time_t server = date ? curl_getdate(date->c_str(), nullptr) : -1;
    if (server == -1) return;
    const int64_t ahead_s = system_clock().wall_ms() / 1'000 - int64_t{server};
    std::string text = std::to_string(std::abs(ahead_s)) + " s ";
    text += ahead_s < 0 ? "behind AWS's" : "ahead of AWS's";
    const bool good = std::abs(ahead_s) < clock_tolerance_s;
    report.print(good, "clock", good ? "agrees with AWS's" : text + ": set it");
}

OptionTable all_options() {
    OptionTable options = {{"--endpoint", "URL", "default: from the region"}};
    options.insert(options.begin(), aws_options().begin(), aws_options().end());
    return options;
}

Result<Outcome> check(const Given& given, Console& console) {
    if (Status status = check_operands(given.operands(), 1, 1, "one BUS"); !status) {
        return status.error();
    }
    DestinationSettings settings;
    settings.name = "check";
    settings.bus = given.operands().front();
    settings.endpoint = given.text("--endpoint").value_or("");
    if (Status status = apply_aws_options(given, settings); !status) return status.error();

    if (Status resolved = resolve(settings, console); !resolved) return resolved.error();

    prepare_network();
    Report report(console.out);
    if (!find_region(settings, report)) return Outcome::found;
    report.print(true, "endpoint", settings.service.url.text());
    AwsCaller caller(settings, settings.service, settings.sts, putevents_content_type);
    if (report_credentials(caller, report)) {
        const aws::ServiceReply reply = describe(caller, settings.bus);
        report_bus(settings.bus, reply, report);
        report_clock(reply, report);
    }
    return report.all_good() ? Outcome::fine : Outcome::found;
}

}  // namespace

const Command check_command{
    "check",
    "proves that a destination's settings work",
    {"BUS [OPTION]..."},
    R"(Finds region, endpoint and credentials as a destination with these settings does, looks the
event bus up (events:DescribeEventBus) and compares this machine's clock with AWS's. It sends
no event: whether events:PutEvents is allowed is not known before. Exit status 0 if all is
well, 1 if something is not.

Run it as the worker's user, with the environment of the nginx master: the AWS_* variables
count here as they do there.
)",
    all_options(),
    "",
    check};

}  // namespace momento::cli
