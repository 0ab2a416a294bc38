// momentoctl check: proves that a destination's settings work; sends an event only if asked.
#include <curl/curl.h>

#include <cstdlib>
#include <ostream>

#include "aws/server_clock.h"
#include "aws/service_error.h"
#include "base/json.h"
#include "cli/as_worker.h"
#include "cli/aws_access.h"
#include "cli/check_report.h"
#include "cli/command.h"
#include "cli/webhook_client.h"
#include "destination/eventbridge.h"
#include "destination/putevents.h"

namespace momento::cli {

namespace {

constexpr char describe_target[] = "AWSEvents.DescribeEventBus";
// momento_webhook_max_ahead's default: from there on webhooks are refused.
constexpr int64_t max_ahead_s = 10;

// By these consumers and rules tell the event of --put.
constexpr char marked_cache[] = "momentoctl";
constexpr char marked_topic[] = "check";

aws::ServiceReply describe_bus(AwsCaller& caller, const std::string& bus) {
    Json request = Json::object();
    request.set("Name", Json::string(bus));
    return caller.call(describe_target, request.dump());
}

bool find_region(TargetSettings& settings, CheckReport& report) {
    if (needs_region(settings)) {
        const Result<std::string> region = ask_instance_region(settings.aws.environment);
        const Status resolved =
            region ? resolve_in_region(settings, *region) : Status(region.error());
        if (!resolved) {
            return report.print(
                false, "region",
                "not configured, and instance metadata do not tell: " + resolved.error().text);
        }
    }
    return report.print(true, "region", settings.aws.region);
}

bool report_credentials(AwsCaller& caller, CheckReport& report) {
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

// Whether an event may be sent: not to a bus that is not there, nor with a key that is none.
bool report_bus(const std::string& bus, const aws::ServiceReply& reply, CheckReport& report) {
    const std::string name = '"' + bus + '"';
    const bool is_answered = !reply.unsent && !reply.http.failed;
    if (is_answered && is_description(reply.http.response)) {
        return report.print(true, "bus", name + " exists");
    }
    if (is_answered &&
        aws::parse_service_error(reply.http.response).is("ResourceNotFoundException")) {
        return report.print(false, "bus",
                            name +
                                " does not exist: EventBridge would take events for it and "
                                "drop them");
    }
    const Refusal refusal = explain(reply, "bus", name + " may not be looked up");
    report.print(false, refusal.where, refusal.text);
    return std::string_view(refusal.where) == "bus";
}

void report_clock(const aws::ServiceReply& reply, CheckReport& report) {
    const std::string* date =
        reply.unsent || reply.http.failed ? nullptr : aws::date_of_aws(reply.http.response);
    const time_t server = date ? curl_getdate(date->c_str(), nullptr) : -1;
    if (server == -1) return;
    const int64_t ahead_s = system_clock().wall_ms() / 1'000 - int64_t{server};
    std::string text = std::to_string(std::abs(ahead_s)) + " s ";
    text += ahead_s < 0 ? "behind AWS's" : "ahead of AWS's";
    const bool good = std::abs(ahead_s) < max_ahead_s;
    report.print(good, "clock", good ? "agrees with AWS's" : text + ": set it");
}

// EventBridge's name of the one event of a request; empty if it tells none.
std::string event_id(const HttpResponse& response) {
    const Result<Json> json = Json::parse(response.body);
    const auto id = json ? json->get("Entries").at(0).get("EventId").as_string() : std::nullopt;
    return id ? std::string(*id) : "";
}

void put_event(AwsCaller& caller, const TargetSettings& settings, CheckReport& report) {
    WebhookEvent event;
    event.cache = marked_cache;
    event.topic = marked_topic;
    event.publish_timestamp = system_clock().wall_ms();
    event.event_timestamp = event.publish_timestamp;
    event.text = "sent by momentoctl check --put: nobody needs it";
    const Result<std::string> body = encode_webhook(event);
    if (!body) return (void)report.print(false, "put", body.error().text);
    Record record;
    record.cache = event.cache;
    record.topic = event.topic;
    record.accepted_ms = event.publish_timestamp;
    record.body = *body;
    const PutEventsEncoder encoder(settings.source, settings.target);
    const aws::ServiceReply reply = caller.call(putevents_target, encoder.encode({&record}));

    if (!reply.unsent && !reply.http.failed && !aws::is_foreign(reply.http.response)) {
        const PutEventsAnswer answer = read_putevents_answer(reply.http, 1);
        const EntryVerdict& entry = answer.result.entries.at(0);
        if (entry.kind == EntryVerdict::Kind::delivered) {
            report.print(true, "put",
                         "the bus took an event, source \"" + settings.source +
                             "\", detail-type \"" + marked_cache + '#' + marked_topic +
                             "\", id " + event_id(reply.http.response));
            return;
        }
        if (reply.http.response.status == 200) {
            report.print(false, "put", "refused: " + entry.code + ": " + entry.message);
            return;
        }
    }
    const Refusal refusal = explain(reply, "put", "an event may not be put");
    report.print(false, refusal.where, refusal.text);
}

void print_advice(const Given& given, const Console& console) {
    Arguments arguments = {"check"};
    arguments.insert(arguments.end(), given.arguments().begin(), given.arguments().end());
    const std::string line = as_worker(arguments, console);
    if (given.flag("--json")) {
        console.out << Json::object().set("as_worker", Json::string(line)).dump() << '\n';
        return;
    }
    console.out << "\nthat was this user with this environment; as a worker, with what systemd "
                   "gives the master:\n  "
                << printable(line) << '\n';
}

OptionTable check_options() {
    OptionTable options = aws_options();
    options.insert(options.begin() + 1, {"--endpoint", "URL", "default: from the region"});
    options.push_back({"--put", "",
                       "sends one event, too, if the bus is there: detail-type "
                       "\"momentoctl#check\"; needs events:PutEvents",
                       Option::Kind::flag});
    options.push_back({"--source", "NAME", "its source; default \"Momento\""});
    return options;
}

Result<Outcome> check(const Given& given, Console& console) {
    if (Status status = check_operands(given.operands(), 1, 1, "one BUS"); !status) {
        return status.error();
    }
    if (given.text("--source") && !given.flag("--put")) {
        return Error{"\"--source\" is for --put"};
    }
    TargetSettings settings;
    settings.name = "check";
    settings.kind = &eventbridge_kind;
    settings.target = given.operands().front();
    settings.aws.endpoint = given.text("--endpoint").value_or("");
    settings.source = given.text("--source").value_or(settings.source);
    if (Status status = apply_aws_options(given, settings); !status) return status.error();

    if (Status resolved = resolve(settings, console); !resolved) return resolved.error();

    prepare_network();
    CheckReport report(console.out, given.flag("--json"));
    if (find_region(settings, report)) {
        report.print(true, "endpoint", settings.aws.service.url.text());
        AwsCaller caller(settings.aws, settings.aws.service, settings.aws.sts,
                         putevents_content_type);
        if (report_credentials(caller, report)) {
            const aws::ServiceReply reply = describe_bus(caller, settings.target);
            const bool may_put = report_bus(settings.target, reply, report);
            report_clock(reply, report);
            if (given.flag("--put") && may_put) put_event(caller, settings, report);
        }
    }
    if (!given.flag("--quiet")) print_advice(given, console);
    return report.all_good() ? Outcome::fine : Outcome::found;
}

}  // namespace

const Command check_command{
    "check",
    "proves that a destination's settings work",
    {"BUS [OPTION]..."},
    R"(Finds region, endpoint and credentials as a destination with these settings does, looks the
event bus up (events:DescribeEventBus) and compares this machine's clock with AWS's. It sends
no event, unless asked: whether events:PutEvents is allowed is not known before. What AWS says
is believed, and what somebody else says in its place is called that. Exit status 0 if all is
well, 1 if something is not.

The AWS_* variables count here as they do for the nginx master, and files as this user may read
them. At the end it prints how to run it as a worker, with the environment that systemd gives
the master; in a container, run it there: docker exec and kubectl exec have its environment.
)",
    check_options(),
    "",
    check};

}  // namespace momento::cli
