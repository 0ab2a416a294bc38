#include "destination/eventbridge.h"

#include <algorithm>
#include <utility>

namespace momento {
namespace {

BatchResult held(size_t entries, const char* code, const std::string& message) {
    BatchResult result;
    result.entries.assign(entries, {EntryVerdict::Kind::hold, code, message});
    return result;
}

aws::ServiceSettings service_settings(const EventBridgeSettings& settings) {
    aws::ServiceSettings service;
    service.user = "destination \"" + settings.name + '"';
    service.endpoint = settings.endpoint;
    service.content_type = putevents_content_type;
    service.proxy = settings.proxy;
    service.trusted_certificate = settings.trusted_certificate;
    service.connections = settings.connections;
    service.connect_timeout_ms = settings.connect_timeout_ms;
    service.total_timeout_ms = settings.total_timeout_ms;
    return service;
}

}  // namespace

EventBridge::EventBridge(EventBridgeSettings settings,
                         std::shared_ptr<aws::CredentialsProvider> credentials,
                         const aws::ServiceTools& tools, BusWatch watch)
    : settings_(std::move(settings)),
      encoder_(settings_.source, settings_.bus),
      client_(service_settings(settings_), std::move(credentials), tools) {
    if (!watch.may_ask) return;
    guard_.emplace(service_settings(settings_).user, settings_.bus, client_,
                   BusGuard::Tools{tools.clock, watch.random, tools.logger},
                   std::move(watch.may_ask));
}

BatchLimits EventBridge::limits() const {
    // EventBridge's own limit is "less than", BatchLimits' is "at most".
    return {std::min(settings_.limits.entries, putevents_max_entries),
            std::min(settings_.limits.bytes, putevents_max_bytes) - 1};
}

void EventBridge::send(std::vector<const Record*> batch, Done done) {
    if (guard_ && guard_->state() == BusGuard::State::missing) {
        refusals_.push_back([entries = batch.size(), done = std::move(done)] {
            done(held(entries, "ResourceNotFoundException", "the event bus does not exist"));
        });
        return;
    }
    client_.call(
        putevents_target, encoder_.encode(batch),
        [entries = batch.size(), done = std::move(done)](const aws::ServiceReply& reply) {
            done(reply.unsent ? held(entries, "CredentialsUnavailable", reply.no_credentials)
                              : read_putevents_answer(reply.http, entries).result);
        });
}

void EventBridge::step() {
    if (guard_ && !stopping_) guard_->step();
    client_.step();
    for (auto& refuse : std::exchange(refusals_, {})) refuse();
}

void EventBridge::stop_sending() {
    stopping_ = true;
    client_.stop();
}

}  // namespace momento
