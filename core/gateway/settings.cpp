#include "gateway/settings.h"

#include <utility>

#include "aws/endpoints.h"

namespace momento {
namespace {

constexpr uint64_t min_segment_size = 1u << 20;
constexpr uint64_t min_segments = 4;

Error of_secret(const SecretSettings& settings, const std::string& text) {
    return Error{"secret \"" + settings.source.name() + "\": " + text};
}

}  // namespace

Status resolve(SecretSettings& settings, const aws::EnvironmentSnapshot& environment,
               Warnings& warnings) {
    if (settings.source.kind != SecretSource::Kind::secrets_manager) return {};
    const auto secret_region = aws::secret_region(settings.source.location);
    if (!secret_region) return of_secret(settings, secret_region.error().text);
    auto read = aws::read_environment(environment, {}, {}, warnings);
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
    aws::doubt_region_of(settings.service, warnings);
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
