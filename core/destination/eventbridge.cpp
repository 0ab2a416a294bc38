#include "destination/eventbridge.h"

#include <algorithm>
#include <utility>

#include "base/version.h"

namespace momento {
namespace {

// How long a batch waits for credentials that are being fetched before it is held.
constexpr int64_t credentials_patience_us = 3'000'000;

bool same(const aws::Credentials& a, const aws::Credentials& b) {
    return a.access_key_id == b.access_key_id && a.secret_access_key == b.secret_access_key &&
           a.session_token == b.session_token;
}

BatchResult held(size_t entries, const char* code, std::string message) {
    BatchResult result;
    result.entries.assign(entries, {EntryVerdict::Kind::hold, code, std::move(message)});
    return result;
}

}  // namespace

struct EventBridge::Attempt {
    std::vector<const Record*> batch;
    Done done;
    int64_t patience_ends_us = 0;
    std::shared_ptr<const aws::Credentials> used;

    int64_t used_offset_ms = 0;

    // Set once AWS spoke against credentials or clock: what counts unless a second try,
    // with something new to sign with, says otherwise.
    bool second = false;
    BatchResult refusal;
};

EventBridge::EventBridge(EventBridgeSettings settings,
                         std::unique_ptr<aws::CredentialsProvider> credentials,
                         EventBridgeTools tools)
    : settings_(std::move(settings)),
      encoder_(settings_.source, settings_.bus),
      tools_(std::move(tools)),
      server_clock_(tools_.server_clock ? tools_.server_clock
                                        : std::make_shared<aws::ServerClock>(
                                              *tools_.clock, *tools_.logger,
                                              "destination \"" + settings_.name + '"')),
      credentials_(std::move(credentials)),
      signer_(settings_.endpoint.signing_region, settings_.endpoint.signing_name) {}

EventBridge::~EventBridge() = default;

BatchLimits EventBridge::limits() const {
    // EventBridge's own limit is "less than", BatchLimits' is "at most".
    return {std::min(settings_.limits.entries, putevents_max_entries),
            std::min(settings_.limits.bytes, putevents_max_bytes) - 1};
}

void EventBridge::send(std::vector<const Record*> batch, Done done) {
    auto attempt = std::make_shared<Attempt>();
    attempt->batch = std::move(batch);
    attempt->done = std::move(done);
    attempt->patience_ends_us = tools_.clock->steady_us() + credentials_patience_us;
    // Without credentials the verdict waits too: it must not be given from in here.
    if (!start_if_ready(attempt)) waiting_.push_back(attempt);
}

void EventBridge::step() {
    std::vector<AttemptPtr> waiting = std::move(waiting_);
    waiting_.clear();
    for (const AttemptPtr& attempt : waiting) {
        if (start_if_ready(attempt)) continue;

        aws::CredentialsAnswer answer = credentials_->get();
        bool pending = answer.state == aws::CredentialsAnswer::State::pending;
        if (pending && !stopping_ && tools_.clock->steady_us() < attempt->patience_ends_us) {
            waiting_.push_back(attempt);
        } else if (attempt->second) {
            attempt->done(std::move(attempt->refusal));
        } else {
            std::string why = pending ? "they are still being fetched" : answer.error;
            report_credentials(why);
            attempt->done(held(attempt->batch.size(), "CredentialsUnavailable", why));
        }
    }
}

// Once for each reason, and again after they were there in between.
void EventBridge::report_credentials(const std::string& why) {
    if (stopping_ || why == reported_) return;
    reported_ = why;
    tools_.logger->write(Severity::error,
                         "destination \"" + settings_.name + "\": no credentials: " + why);
}

// False if there is nothing to sign with, or nothing new for a second try.
bool EventBridge::start_if_ready(const AttemptPtr& attempt) {
    if (stopping_) return false;
    aws::CredentialsAnswer answer = credentials_->get();
    if (answer.state != aws::CredentialsAnswer::State::ready) return false;
    bool nothing_new = attempt->second && attempt->used_offset_ms == clock_offset_ms() &&
                       same(*attempt->used, *answer.credentials);
    if (nothing_new) return false;
    reported_.clear();
    attempt->used = std::move(answer.credentials);
    attempt->used_offset_ms = clock_offset_ms();
    start(attempt);
    return true;
}

void EventBridge::start(const AttemptPtr& attempt) {
    HttpRequest request;
    const Url& url = settings_.endpoint.url;
    request.url = url.text();
    request.body = encoder_.encode(attempt->batch);
    request.headers = {{"Content-Type", putevents_content_type},
                       {"X-Amz-Target", putevents_target},
                       {"User-Agent", std::string("momento-webhook/") + version}};
    request.connect_timeout_ms = settings_.connect_timeout_ms;
    request.total_timeout_ms = settings_.total_timeout_ms;
    request.proxy = settings_.proxy;
    request.trusted_certificate = settings_.trusted_certificate;
    request.max_connections = static_cast<int>(settings_.connections);

    std::string host = url.authority();
    aws::SignableRequest signable;
    signable.host = host;
    signable.path = url.path;
    signable.query = url.query;
    signable.headers = &request.headers;
    signable.body = request.body;
    for (auto& header : signer_.sign(signable, *attempt->used, server_clock_->now_ms())) {
        request.headers.push_back(std::move(header));
    }
    tools_.http->start(std::move(request),
                       [this, attempt](const HttpResult& http) { receive(attempt, http); });
}

void EventBridge::receive(const AttemptPtr& attempt, const HttpResult& http) {
    server_clock_->learn(http);
    PutEventsAnswer answer = read_putevents_answer(http, attempt->batch.size());
    bool may_help =
        answer.error == aws::ErrorClass::credentials || answer.error == aws::ErrorClass::clock;
    if (!may_help || attempt->second) {
        attempt->done(std::move(answer.result));
        return;
    }
    attempt->second = true;
    attempt->refusal = std::move(answer.result);
    attempt->patience_ends_us = tools_.clock->steady_us() + credentials_patience_us;
    if (attempt->used_offset_ms == clock_offset_ms()) {
        // Of many batches that fail together only the first may throw credentials away.
        aws::CredentialsAnswer current = credentials_->get();
        bool still_current = current.state == aws::CredentialsAnswer::State::ready &&
                             same(*current.credentials, *attempt->used);
        if (still_current) credentials_->invalidate();
    }
    if (!start_if_ready(attempt)) waiting_.push_back(attempt);
}

}  // namespace momento
