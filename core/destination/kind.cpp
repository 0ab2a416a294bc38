#include "destination/kind.h"

#include <algorithm>
#include <utility>

#include "aws/sqs.h"
#include "destination/eventbridge.h"
#include "destination/file.h"

namespace momento {
namespace {

// An endpoint of its own has one service only.
aws::Reach reach_of(const TargetSettings& settings, const std::string& endpoint = {}) {
    return {endpoint, settings.http.proxy, settings.http.trusted_certificate};
}

Status read_environment(TargetSettings& settings, const aws::EnvironmentSnapshot& environment,
                        Warnings& warnings) {
    auto read = aws::read_environment(environment, settings.aws.credentials.profile,
                                      reach_of(settings), warnings);
    if (!read) return settings.error(read.error().text);
    settings.aws.environment = std::move(*read);
    return {};
}

// Queues of AWS are spoken to at their region's endpoint, which may be overridden; all others
// (emulators, VPC endpoints) where their URL points.
Status find_queue(TargetSettings& settings) {
    const aws::EnvironmentSnapshot& env = settings.aws.environment;
    const std::string& url = settings.letter_queue.url;
    const auto in_setting = [&settings](const std::string& text) {
        return settings.error("dead_letter: " + text);
    };
    const auto queue = aws::parse_queue_url(url);
    if (!queue) return in_setting(queue.error().text);
    const auto other_region = aws::choose_region(settings.aws.region, {}, env);
    if (!other_region) return in_setting(other_region.error().text);
    const std::string& region = queue->region.empty() ? *other_region : queue->region;
    if (region.empty()) {
        return in_setting("no region known for \"" + url + "\", set \"region\" or AWS_REGION");
    }
    const bool is_regions_own = aws::is_regional_host(queue->url.host);
    auto service = aws::resolve_endpoint(
        aws::Service::sqs, region, env,
        reach_of(settings, is_regions_own ? std::string() : queue->url.origin()));
    if (!service) return in_setting(service.error().text);
    settings.letter_queue.service = std::move(*service);
    auto sts = aws::resolve_endpoint(aws::Service::sts, region, env, reach_of(settings));
    if (!sts) return in_setting(sts.error().text);
    settings.letter_queue.sts = std::move(*sts);
    return {};
}

}  // namespace

const std::vector<const DestinationKind*>& destination_kinds() {
    static const std::vector<const DestinationKind*> kinds = {
        &eventbridge_kind,
        &file_kind,
    };
    return kinds;
}

const DestinationKind* find_kind(std::string_view name) {
    const auto& kinds = destination_kinds();
    const auto found = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const auto* kind) { return kind->name == name; });
    return found == kinds.end() ? nullptr : *found;
}

EventLimits common_limits() {
    EventLimits common;
    for (const DestinationKind* kind : destination_kinds()) {
        const EventLimits limits = kind->limits({});
        const bool is_strictest = limits.names < common.names ||
                                  limits.nesting < common.nesting ||
                                  (limits.int64_only && !common.int64_only);
        if (is_strictest) common.whose = limits.whose;
        common.names = std::min(common.names, limits.names);
        common.nesting = std::min(common.nesting, limits.nesting);
        common.int64_only = common.int64_only || limits.int64_only;
    }
    return common;
}

Status resolve(TargetSettings& settings, const aws::EnvironmentSnapshot& environment,
               Warnings& warnings) {
    if (settings.kind == nullptr) return settings.error("it has no kind");
    const bool has_queue = !settings.letter_queue.url.empty();
    if (settings.kind->speaks_aws || has_queue) {
        if (Status read = read_environment(settings, environment, warnings); !read) return read;
    }
    if (settings.kind->resolve != nullptr) {
        if (Status status = settings.kind->resolve(settings, warnings); !status) return status;
    }
    return has_queue ? find_queue(settings) : Status();
}

Status resolve_letter_queue(TargetSettings& settings,
                            const aws::EnvironmentSnapshot& environment, Warnings& warnings) {
    if (Status read = read_environment(settings, environment, warnings); !read) return read;
    return find_queue(settings);
}

}  // namespace momento
