#include "gateway/settings.h"

#include <utility>

#include "aws/endpoints.h"
#include "aws/profile_file.h"
#include "http/url.h"

namespace momento {
namespace {

constexpr uint64_t min_segment_size = 1u << 20;
constexpr uint64_t min_segments = 4;

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

Status resolve_eventbridge(DestinationSettings& settings, const aws::EnvironmentSnapshot& env) {
    const auto bus = aws::parse_bus(settings.bus);
    if (!bus) return of_destination(settings, bus.error().text);

    const std::string& profile = settings.credentials.profile;
    const auto profile_region = aws::profile_setting(env, profile, "region");
    if (!profile_region) return of_destination(settings, profile_region.error().text);
    const auto region = aws::choose_region(settings.region, bus->region, env, *profile_region);
    if (!region) return of_destination(settings, region.error().text);
    if (region->empty()) {
        return of_destination(settings, "no region known, set \"region\" or AWS_REGION");
    }
    settings.region = *region;

    auto endpoint = find_endpoint(aws::Service::eventbridge, settings.region, profile, env,
                                  settings.endpoint);
    if (!endpoint) return of_destination(settings, endpoint.error().text);
    settings.service = std::move(*endpoint);
    auto sts = find_endpoint(aws::Service::sts, settings.region, profile, env);
    if (!sts) return of_destination(settings, sts.error().text);
    settings.sts = std::move(*sts);

    if (settings.proxy.empty()) return {};
    if (const Status proxy = check_proxy_url(settings.proxy); !proxy) {
        return of_destination(settings, proxy.error().text);
    }
    return {};
}

}  // namespace

Status resolve(DestinationSettings& settings, const aws::EnvironmentSnapshot& environment) {
    if (settings.kind == DestinationSettings::Kind::file) return {};
    return resolve_eventbridge(settings, environment);
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
