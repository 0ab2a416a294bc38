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
    if (watch.cell == nullptr) return;
    guard_.emplace(service_settings(settings_).user, settings_.bus,
                   settings_.endpoint.url.text(), client_,
                   BusGuard::Tools{tools.clock, watch.random, tools.logger, watch.cell});
}

BatchLimits EventBridge::limits() const {
    // EventBridge's own limit is "less than", BatchLimits' is "at most".
    return {std::min(settings_.limits.entries, putevents_max_entries),
            std::min(settings_.limits.bytes, putevents_max_bytes) - 1};
}

void EventBridge::send(std::vector<const Record*> records, Done done) {
    Batch batch{std::move(records), std::move(done)};
    const BusGuard::State bus = guard_ ? guard_->state() : BusGuard::State::unwatched;
    // What is refused waits too: `done` must not run in here.
    if (bus == BusGuard::State::unasked || bus == BusGuard::State::missing) {
        waiting_.push_back(std::move(batch));
    } else {
        put(std::move(batch));
    }
}

void EventBridge::put(Batch batch) {
    const size_t entries = batch.records.size();
    client_.call(
        putevents_target,
        [this, records = std::move(batch.records)] { return encoder_.encode(records); },
        [entries, done = std::move(batch.done)](const aws::ServiceReply& reply) {
            done(reply.unsent ? held(entries, "CredentialsUnavailable", reply.no_credentials)
                              : read_putevents_answer(reply.http, entries).result);
        });
}

void EventBridge::release_waiting() {
    const BusGuard::State bus = guard_->state();
    if (bus == BusGuard::State::unasked && !stopping_) return;
    for (Batch& batch : std::exchange(waiting_, {})) {
        const size_t entries = batch.records.size();
        if (bus == BusGuard::State::missing) {
            batch.done(
                held(entries, "ResourceNotFoundException", "the event bus does not exist"));
        } else if (stopping_) {
            batch.done(held(entries, "Cancelled", "the gateway ends"));
        } else {
            put(std::move(batch));
        }
    }
}

void EventBridge::step() {
    if (guard_ && !stopping_) guard_->step();
    client_.step();
    if (!waiting_.empty()) release_waiting();
}

void EventBridge::stop_sending() {
    stopping_ = true;
    client_.stop();
}

}  // namespace momento
