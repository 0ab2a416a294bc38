// The kind `eventbridge` (kind.h): an event bus, in the classic API.
#include <algorithm>
#include <utility>

#include "aws/instance_metadata.h"
#include "base/ascii.h"
#include "destination/awaiting_region.h"
#include "destination/aws_account.h"
#include "destination/eventbridge.h"
#include "destination/kind.h"

namespace momento {
namespace {

constexpr char any_region[] = "us-east-1";

Status resolve_bus(TargetSettings& settings, Warnings& warnings) {
    const aws::EnvironmentSnapshot& env = settings.aws.environment;
    const auto bus = aws::parse_bus(settings.target);
    if (!bus) return settings.error(bus.error().text);
    const auto region = aws::choose_region(settings.aws.region, bus->region, env);
    if (!region) return settings.error(region.error().text);
    if (!region->empty()) {
        Status status = resolve_in_region(settings, *region);
        if (status) aws::doubt_region_of(settings.aws.service, warnings);
        return status;
    }

    if (lower_case(env.get("AWS_EC2_METADATA_DISABLED")) == "true") {
        return settings.error("no region known, set \"region\" or AWS_REGION");
    }
    // What is wrong in one region is wrong in all.
    TargetSettings trial = settings;
    return resolve_in_region(trial, any_region);
}

EventLimits bus_limits(const TargetSettings& settings) {
    EventLimits limits = putevents_limits;
    limits.entry_overhead =
        PutEventsEncoder(settings.source, settings.target).entry_size(Record{});
    limits.entry_bytes = settings.batch.bytes;
    return limits;
}

std::shared_ptr<Destination> make_in_region(const TargetSettings& settings,
                                            const DestinationTools& tools) {
    EventBridgeSettings eventbridge;
    eventbridge.name = settings.name;
    eventbridge.bus = settings.target;
    eventbridge.source = settings.source;
    eventbridge.endpoint = settings.aws.service;
    eventbridge.limits = settings.batch;
    eventbridge.connections = settings.http.connections;
    eventbridge.connect_timeout_ms = settings.http.connect_timeout_ms;
    eventbridge.total_timeout_ms = settings.http.total_timeout_ms;
    AwsAccount account =
        make_aws_account(settings.subject(), settings.aws.sts, settings.aws, tools);
    return std::make_shared<EventBridge>(std::move(eventbridge), account.credentials,
                                         account.tools, BusWatch{tools.random, tools.bus});
}

// One whose region only the instance knows holds its events until that has told it.
std::shared_ptr<Destination> make_bus(const TargetSettings& settings,
                                      const DestinationTools& tools) {
    if (!needs_region(settings)) return make_in_region(settings, tools);
    DestinationTools unwatched = tools;
    unwatched.bus = nullptr;
    auto metadata =
        aws::InstanceMetadata::create(settings.aws.environment, *tools.clock, *tools.http);
    return std::make_shared<AwaitingRegion>(
        settings.subject(), std::move(metadata), make_in_region(settings, unwatched),
        [settings, tools](const std::string& region) -> Result<std::shared_ptr<Destination>> {
            TargetSettings there = settings;
            if (Status status = resolve_in_region(there, region); !status) {
                return status.error();
            }
            return make_in_region(there, tools);
        },
        AwaitingRegion::Tools{tools.clock, tools.random, tools.logger});
}

}  // namespace

const DestinationKind eventbridge_kind = {
    "eventbridge",
    "eventbridge bus;",
    "the name or ARN of a bus",
    {"region", "endpoint", "proxy", "credentials", "source", "batch", "connections", "timeout",
     "trusted_certificate"},
    "",
    false,
    true,
    true,
    // Source: "PutEvents", Amazon EventBridge API Reference; "Error codes" of its User Guide.
    {"MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException",
     "NotAuthorizedForDetailTypeException", "RedactionFailure", "InvalidAccountIdException",
     "ValidationException", "RequestEntityTooLarge"},
    resolve_bus,
    bus_limits,
    make_bus,
};

bool needs_region(const TargetSettings& settings) {
    return settings.aws.region.empty();
}

Status resolve_in_region(TargetSettings& settings, const std::string& region) {
    settings.aws.region = region;
    const aws::EnvironmentSnapshot& env = settings.aws.environment;
    const auto reach_of = [&settings](const std::string& endpoint) {
        return aws::Reach{endpoint, settings.http.proxy, settings.http.trusted_certificate};
    };
    auto endpoint = aws::resolve_endpoint(aws::Service::eventbridge, region, env,
                                          reach_of(settings.aws.endpoint));
    if (!endpoint) return settings.error(endpoint.error().text);
    settings.aws.service = std::move(*endpoint);
    auto sts = aws::resolve_endpoint(aws::Service::sts, region, env, reach_of({}));
    if (!sts) return settings.error(sts.error().text);
    settings.aws.sts = std::move(*sts);
    return {};
}

}  // namespace momento
