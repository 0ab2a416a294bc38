#include "gateway/settings.h"

#include <utility>

#include "aws/endpoints.h"
#include "aws/profile_file.h"
#include "aws/sqs.h"
#include "base/ascii.h"
#include "http/url.h"

namespace momento {
namespace {

constexpr uint64_t min_segment_size = 1u << 20;
constexpr uint64_t min_segments = 4;
constexpr char any_region[] = "us-east-1";

Error of_destination(const DestinationSettings& settings, const std::string& text) {
    return Error{"destination \"" + settings.name + "\": " + text};
}

Result<aws::Endpoint> find_endpoint(aws::Service service, const std::string& region,
                                    const std::string& profile,
                                    const aws::EnvironmentSnapshot& env,
                                    const std::string& override_url = {}) {
    const auto profile_url = aws::profile_endpoint(env, profile, aws::profile_key(service));
    if (!profile_url) return profile_url.error();
    return aws::resolve_endpoint(service, region, env, override_url, *profile_url);
}

Status check_proxy(const DestinationSettings& settings) {
    if (settings.proxy.empty()) return {};
    if (const Status proxy = check_proxy_url(settings.proxy); !proxy) {
        return of_destination(settings, proxy.error().text);
    }
    return {};
}

Result<std::string> find_region(const DestinationSettings& settings,
                                const std::string& bus_region,
                                const aws::EnvironmentSnapshot& env) {
    const auto of_profile = aws::profile_setting(env, settings.credentials.profile, "region");
    if (!of_profile) return of_profile.error();
    return aws::choose_region(settings.region, bus_region, env, *of_profile);
}

Status resolve_eventbridge(DestinationSettings& settings, const aws::EnvironmentSnapshot& env) {
    const auto bus = aws::parse_bus(settings.bus);
    if (!bus) return of_destination(settings, bus.error().text);
    const auto region = find_region(settings, bus->region, env);
    if (!region) return of_destination(settings, region.error().text);
    if (Status proxy = check_proxy(settings); !proxy) return proxy;
    if (!region->empty()) return resolve_in_region(settings, env, *region);

    if (lower_case(env.get("AWS_EC2_METADATA_DISABLED")) == "true") {
        return of_destination(settings, "no region known, set \"region\" or AWS_REGION");
    }
    // What is wrong in one region is wrong in all.
    DestinationSettings trial = settings;
    return resolve_in_region(trial, env, any_region);
}

// Queues of AWS are spoken to at their region's endpoint, which may be overridden; all others
// (emulators, VPC endpoints) where their URL points.
Status resolve_queue(DestinationSettings& settings, const aws::EnvironmentSnapshot& env) {
    const auto in_setting = [&settings](const std::string& text) {
        return of_destination(settings, "dead_letter: " + text);
    };
    const auto queue = aws::parse_queue_url(settings.dead_letter_queue);
    if (!queue) return in_setting(queue.error().text);
    const auto other_region = find_region(settings, {}, env);
    if (!other_region) return in_setting(other_region.error().text);
    const std::string& region = queue->region.empty() ? *other_region : queue->region;
    if (region.empty()) {
        return in_setting("no region known for \"" + settings.dead_letter_queue +
                          "\", set \"region\" or AWS_REGION");
    }
    const std::string& profile = settings.credentials.profile;
    const bool is_regions_own = aws::is_regional_host(queue->url.host);
    auto service = find_endpoint(aws::Service::sqs, region, profile, env,
                                 is_regions_own ? std::string() : queue->url.origin());
    if (!service) return in_setting(service.error().text);
    settings.queue_service = std::move(*service);
    auto sts = find_endpoint(aws::Service::sts, region, profile, env);
    if (!sts) return in_setting(sts.error().text);
    settings.queue_sts = std::move(*sts);
    return check_proxy(settings);
}

}  // namespace

Status resolve(DestinationSettings& settings, const aws::EnvironmentSnapshot& environment) {
    if (settings.kind == DestinationSettings::Kind::eventbridge) {
        if (Status status = resolve_eventbridge(settings, environment); !status) return status;
    }
    return settings.dead_letter_queue.empty() ? Status() : resolve_queue(settings, environment);
}

bool needs_region(const DestinationSettings& settings) {
    return settings.kind == DestinationSettings::Kind::eventbridge && settings.region.empty();
}

Status resolve_in_region(DestinationSettings& settings,
                         const aws::EnvironmentSnapshot& environment,
                         const std::string& region) {
    settings.region = region;
    const std::string& profile = settings.credentials.profile;
    auto endpoint = find_endpoint(aws::Service::eventbridge, region, profile, environment,
                                  settings.endpoint);
    if (!endpoint) return of_destination(settings, endpoint.error().text);
    settings.service = std::move(*endpoint);
    auto sts = find_endpoint(aws::Service::sts, region, profile, environment);
    if (!sts) return of_destination(settings, sts.error().text);
    settings.sts = std::move(*sts);
    return {};
}

Status resolve(SecretSettings& settings, const aws::EnvironmentSnapshot& env) {
    if (settings.source.kind != SecretSource::Kind::secrets_manager) return {};
    const auto about = [&settings](const std::string& text) {
        return Error{"secret \"" + settings.source.name() + "\": " + text};
    };
    const auto secret_region = aws::secret_region(settings.source.location);
    if (!secret_region) return about(secret_region.error().text);
    const auto profile_region = aws::profile_setting(env, {}, "region");
    if (!profile_region) return about(profile_region.error().text);
    const auto region = aws::choose_region({}, *secret_region, env, *profile_region);
    if (!region) return about(region.error().text);
    if (region->empty()) {
        return about("no region known, name the secret by its ARN or set AWS_REGION");
    }
    auto endpoint = find_endpoint(aws::Service::secrets_manager, *region, {}, env);
    if (!endpoint) return about(endpoint.error().text);
    settings.service = std::move(*endpoint);
    auto sts = find_endpoint(aws::Service::sts, *region, {}, env);
    if (!sts) return about(sts.error().text);
    settings.sts = std::move(*sts);
    return {};
}

uint64_t smallest_log(const SpoolSettings& settings) {
    return min_segments * settings.segment_size;
}

Status check(const SpoolSettings& settings) {
    if (settings.segment_size < min_segment_size) {
        return Error{"segment must be at least 1m"};
    }
    if (settings.size / min_segments < settings.segment_size) {
        return Error{"size must be at least 4 segments"};
    }
    return {};
}

}  // namespace momento
