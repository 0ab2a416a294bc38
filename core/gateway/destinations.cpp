#include "gateway/destinations.h"

#include <utility>

#include "aws/credentials_chain.h"
#include "aws/instance_metadata.h"
#include "aws/sqs.h"
#include "destination/awaiting_region.h"
#include "destination/eventbridge.h"
#include "destination/file.h"

namespace momento {
namespace {

// What speaks to AWS for one user: its credentials, and the clock they share.
struct Account {
    std::shared_ptr<aws::CredentialsProvider> credentials;
    aws::ServiceTools tools;
};

Account make_account(const std::string& user, const aws::Endpoint& sts,
                     const DestinationSettings& settings, const DestinationTools& tools) {
    aws::ProviderTools provider{tools.clock, tools.random, tools.http, tools.logger, user};
    provider.errands = tools.errands;
    provider.server_clock =
        std::make_shared<aws::ServerClock>(*tools.clock, *tools.logger, user);
    return {aws::make_credentials(settings.credentials, settings.environment, sts, provider),
            {tools.clock, tools.logger, tools.http, provider.server_clock}};
}

std::shared_ptr<Destination> make_eventbridge(const DestinationSettings& settings,
                                              const DestinationTools& tools) {
    EventBridgeSettings eventbridge;
    eventbridge.name = settings.name;
    eventbridge.bus = settings.bus;
    eventbridge.source = settings.source;
    eventbridge.endpoint = settings.service;
    eventbridge.limits = {settings.batch_entries, settings.batch_bytes};
    eventbridge.connections = settings.connections;
    eventbridge.connect_timeout_ms = settings.connect_timeout_ms;
    eventbridge.total_timeout_ms = settings.total_timeout_ms;
    Account account =
        make_account("destination \"" + settings.name + '"', settings.sts, settings, tools);
    return std::make_shared<EventBridge>(std::move(eventbridge), account.credentials,
                                         account.tools, BusWatch{tools.random, tools.bus});
}

std::shared_ptr<Destination> make_awaiting_region(const DestinationSettings& settings,
                                                  const DestinationTools& tools) {
    DestinationTools unwatched = tools;
    unwatched.bus = nullptr;
    auto metadata =
        aws::InstanceMetadata::create(settings.environment, *tools.clock, *tools.http);
    return std::make_shared<AwaitingRegion>(
        "destination \"" + settings.name + '"', std::move(metadata),
        make_eventbridge(settings, unwatched),
        [settings, tools](const std::string& region) -> Result<std::shared_ptr<Destination>> {
            DestinationSettings there = settings;
            if (Status status = resolve_in_region(there, region); !status) {
                return status.error();
            }
            return make_eventbridge(there, tools);
        },
        AwaitingRegion::Tools{tools.clock, tools.random, tools.logger});
}

}  // namespace

std::shared_ptr<Destination> make_destination(const DestinationSettings& settings,
                                              const GatewaySettings& gateway,
                                              const DestinationTools& tools) {
    if (needs_region(settings)) return make_awaiting_region(settings, tools);
    if (settings.kind == DestinationSettings::Kind::eventbridge) {
        return make_eventbridge(settings, tools);
    }
    FileSettings file;
    file.name = settings.name;
    file.path = settings.file_path;
    file.spool = gateway.spool.path;
    file.source = settings.source;
    file.region = settings.region;
    file.limits = {settings.batch_entries, settings.batch_bytes};
    file.sync = gateway.spool.sync;
    return std::make_shared<FileDestination>(std::move(file), *tools.clock, *tools.files,
                                             tools.errands);
}

std::optional<LetterForm> letter_form(const DestinationSettings& settings) {
    if (settings.dead_letter_queue.empty()) return {};
    return LetterForm{settings.name, settings.bus.empty() ? settings.file_path : settings.bus,
                      settings.source, settings.queue_service.signing_region};
}

std::shared_ptr<Destination> make_letter_queue(const DestinationSettings& settings,
                                               const DestinationTools& tools) {
    const std::optional<LetterForm> form = letter_form(settings);
    if (!form) return nullptr;
    auto parsed = aws::parse_queue_url(settings.dead_letter_queue);
    if (!parsed) return nullptr;  // resolve() has refused it

    DeadLetterQueueSettings queue;
    queue.form = *form;
    queue.queue = std::move(*parsed);
    queue.service.user = "dead-letter queue of destination \"" + settings.name + '"';
    queue.service.endpoint = settings.queue_service;
    queue.service.content_type = aws::sqs_content_type;
    queue.service.connect_timeout_ms = settings.connect_timeout_ms;
    queue.service.total_timeout_ms = settings.total_timeout_ms;
    Account account = make_account(queue.service.user, settings.queue_sts, settings, tools);
    return std::make_shared<DeadLetterQueue>(std::move(queue), account.credentials,
                                             account.tools);
}

}  // namespace momento
