#include "gateway/settings.h"

#include <utility>

#include "aws/configuration.h"
#include "aws/endpoints.h"
#include "aws/sqs.h"
#include "base/ascii.h"
#include "http/certificates.h"
#include "http/environment_proxy.h"
#include "http/url.h"

namespace momento {
namespace {

constexpr uint64_t min_segment_size = 1u << 20;
constexpr uint64_t min_segments = 4;
constexpr char any_region[] = "us-east-1";

Error of_destination(const DestinationSettings& settings, const std::string& text) {
    return Error{"destination \"" + settings.name + "\": " + text};
}

Error of_secret(const SecretSettings& settings, const std::string& text) {
    return Error{"secret \"" + settings.source.name() + "\": " + text};
}

// What the environment says about the way to AWS, where a directive does not.
Status check_way(const aws::EnvironmentSnapshot& env, const aws::Reach& directives) {
    if (!directives.proxy.empty()) {
        if (Status proxy = check_proxy_url(directives.proxy); !proxy) return proxy;
    } else if (const std::string& proxy = env.get("HTTPS_PROXY"); !proxy.empty()) {
        if (Status status = check_proxy_url(with_scheme(proxy)); !status) {
            return Error{env.source("HTTPS_PROXY") + ": " + status.error().text};
        }
    }
    const std::string certificates = aws::trusted_certificates(env);
    if (!directives.trusted_certificate.empty() || certificates.empty()) return {};
    if (Status status = check_certificates(certificates); !status) {
        return Error{aws::trusted_certificates_source(env) + " \"" + certificates +
                     "\" cannot be used: " + status.error().text};
    }
    return {};
}

Result<aws::EnvironmentSnapshot> read_environment(const aws::EnvironmentSnapshot& env,
                                                  const std::string& profile,
                                                  const aws::Reach& directives,
                                                  Warnings& warnings) {
    auto configuration = aws::read_configuration(env, profile);
    if (!configuration) return configuration.error();
    if (Status way = check_way(configuration->environment, directives); !way) {
        return way.error();
    }
    for (std::string& warning : configuration->warnings) {
        warnings.push_back(std::move(warning));
    }
    return configuration->environment;
}

// An endpoint of its own has one service only.
aws::Reach reach_of(const DestinationSettings& settings, const std::string& endpoint = {}) {
    return {endpoint, settings.proxy, settings.trusted_certificate};
}

// Where the region decides who is spoken to.
void doubt_region(const aws::Endpoint& service, Warnings& warnings) {
    const bool is_regional =
        service.url.host.find('.' + service.signing_region + '.') != std::string::npos;
    if (!is_regional) return;
    if (auto doubt = aws::doubt_region(service.signing_region)) {
        warnings.push_back(*std::move(doubt));
    }
}

Status resolve_eventbridge(DestinationSettings& settings, Warnings& warnings) {
    const aws::EnvironmentSnapshot& env = settings.environment;
    const auto bus = aws::parse_bus(settings.bus);
    if (!bus) return of_destination(settings, bus.error().text);
    const auto region = aws::choose_region(settings.region, bus->region, env);
    if (!region) return of_destination(settings, region.error().text);
    if (!region->empty()) {
        Status status = resolve_in_region(settings, *region);
        if (status) doubt_region(settings.service, warnings);
        return status;
    }

    if (lower_case(env.get("AWS_EC2_METADATA_DISABLED")) == "true") {
        return of_destination(settings, "no region known, set \"region\" or AWS_REGION");
    }
    // What is wrong in one region is wrong in all.
    DestinationSettings trial = settings;
    return resolve_in_region(trial, any_region);
}

// Queues of AWS are spoken to at their region's endpoint, which may be overridden; all others
// (emulators, VPC endpoints) where their URL points.
Status resolve_queue(DestinationSettings& settings) {
    const aws::EnvironmentSnapshot& env = settings.environment;
    const auto in_setting = [&settings](const std::string& text) {
        return of_destination(settings, "dead_letter: " + text);
    };
    const auto queue = aws::parse_queue_url(settings.dead_letter_queue);
    if (!queue) return in_setting(queue.error().text);
    const auto other_region = aws::choose_region(settings.region, {}, env);
    if (!other_region) return in_setting(other_region.error().text);
    const std::string& region = queue->region.empty() ? *other_region : queue->region;
    if (region.empty()) {
        return in_setting("no region known for \"" + settings.dead_letter_queue +
                          "\", set \"region\" or AWS_REGION");
    }
    const bool is_regions_own = aws::is_regional_host(queue->url.host);
    auto service = aws::resolve_endpoint(
        aws::Service::sqs, region, env,
        reach_of(settings, is_regions_own ? std::string() : queue->url.origin()));
    if (!service) return in_setting(service.error().text);
    settings.queue_service = std::move(*service);
    auto sts = aws::resolve_endpoint(aws::Service::sts, region, env, reach_of(settings));
    if (!sts) return in_setting(sts.error().text);
    settings.queue_sts = std::move(*sts);
    return {};
}

}  // namespace

Status resolve(DestinationSettings& settings, const aws::EnvironmentSnapshot& environment,
               Warnings& warnings) {
    const bool has_bus = settings.kind == DestinationSettings::Kind::eventbridge;
    const bool has_queue = !settings.dead_letter_queue.empty();
    if (!has_bus && !has_queue) return {};
    auto read = read_environment(environment, settings.credentials.profile, reach_of(settings),
                                 warnings);
    if (!read) return of_destination(settings, read.error().text);
    settings.environment = std::move(*read);
    if (has_bus) {
        if (Status status = resolve_eventbridge(settings, warnings); !status) return status;
    }
    return has_queue ? resolve_queue(settings) : Status();
}

bool needs_region(const DestinationSettings& settings) {
    return settings.kind == DestinationSettings::Kind::eventbridge && settings.region.empty();
}

Status resolve_in_region(DestinationSettings& settings, const std::string& region) {
    settings.region = region;
    const aws::EnvironmentSnapshot& env = settings.environment;
    auto endpoint = aws::resolve_endpoint(aws::Service::eventbridge, region, env,
                                          reach_of(settings, settings.endpoint));
    if (!endpoint) return of_destination(settings, endpoint.error().text);
    settings.service = std::move(*endpoint);
    auto sts = aws::resolve_endpoint(aws::Service::sts, region, env, reach_of(settings));
    if (!sts) return of_destination(settings, sts.error().text);
    settings.sts = std::move(*sts);
    return {};
}

Status resolve(SecretSettings& settings, const aws::EnvironmentSnapshot& environment,
               Warnings& warnings) {
    if (settings.source.kind != SecretSource::Kind::secrets_manager) return {};
    const auto secret_region = aws::secret_region(settings.source.location);
    if (!secret_region) return of_secret(settings, secret_region.error().text);
    auto read = read_environment(environment, {}, {}, warnings);
    if (!read) return of_secret(settings, read.error().text);
    settings.environment = std::move(*read);

    const aws::EnvironmentSnapshot& env = settings.environment;
    const auto region = aws::choose_region({}, *secret_region, env);
    if (!region) return of_secret(settings, region.error().text);
    if (region->empty()) {
        return of_secret(settings,
                         "no region known, name the secret by its ARN or set AWS_REGION");
    }
    auto endpoint = aws::resolve_endpoint(aws::Service::secrets_manager, *region, env);
    if (!endpoint) return of_secret(settings, endpoint.error().text);
    settings.service = std::move(*endpoint);
    doubt_region(settings.service, warnings);
    auto sts = aws::resolve_endpoint(aws::Service::sts, *region, env);
    if (!sts) return of_secret(settings, sts.error().text);
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
