#include "gateway/destinations.h"

#include <utility>

#include "aws/credentials_chain.h"
#include "destination/eventbridge.h"
#include "destination/file.h"

namespace momento {

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

    const aws::StsSettings sts{settings.sts, settings.proxy, settings.trusted_certificate};
    aws::ProviderTools provider{tools.clock, tools.random, tools.http, tools.logger,
                                "destination \"" + settings.name + '"'};
    provider.server_clock =
        std::make_shared<aws::ServerClock>(*tools.clock, *tools.logger, provider.user);
    return std::make_shared<EventBridge>(
        std::move(eventbridge),
        aws::make_credentials(settings.credentials, gateway.environment, sts, provider),
        aws::ServiceTools{tools.clock, tools.logger, tools.http, provider.server_clock},
        BusWatch{tools.random, tools.bus});
}

}  // namespace momento
