#include "gateway/destinations.h"

#include <utility>
#include <vector>

#include "destination/eventbridge.h"
#include "destination/file.h"

namespace momento {
namespace {

using aws::CredentialsSettings;

std::unique_ptr<aws::CredentialsProvider> make_credentials(const CredentialsSettings& settings,
                                                           const aws::EnvironmentSnapshot& env,
                                                           const Clock& clock) {
    using Kind = CredentialsSettings::Kind;
    const bool all = settings.kind == Kind::automatic;
    std::vector<std::unique_ptr<aws::CredentialsProvider>> providers;
    if (all || settings.kind == Kind::environment) {
        providers.push_back(aws::make_environment_provider(env));
    }
    if (all || settings.kind == Kind::profile) {
        providers.push_back(aws::make_profile_provider(env, settings.profile, clock));
    }
    return aws::make_credentials_chain(std::move(providers));
}

}  // namespace

std::shared_ptr<Destination> make_destination(const DestinationSettings& settings,
                                              const GatewaySettings& gateway,
                                              const DestinationTools& tools) {
    const BatchLimits limits{settings.batch_entries, settings.batch_bytes};
    if (settings.kind == DestinationSettings::Kind::file) {
        FileSettings file;
        file.source = settings.source;
        file.region = settings.region;
        file.limits = limits;
        file.sync = gateway.spool.sync;
        return std::make_shared<FileDestination>(std::move(file), *tools.clock);
    }

    EventBridgeSettings eventbridge;
    eventbridge.name = settings.name;
    eventbridge.bus = settings.bus;
    eventbridge.source = settings.source;
    eventbridge.endpoint = settings.service;
    eventbridge.proxy = settings.proxy;
    eventbridge.trusted_certificate = settings.trusted_certificate;
    eventbridge.limits = limits;
    eventbridge.connections = settings.connections;
    eventbridge.connect_timeout_ms = settings.connect_timeout_ms;
    eventbridge.total_timeout_ms = settings.total_timeout_ms;
    return std::make_shared<EventBridge>(
        std::move(eventbridge),
        make_credentials(settings.credentials, gateway.environment, *tools.clock),
        EventBridgeTools{tools.clock, tools.logger, tools.http});
}

}  // namespace momento
