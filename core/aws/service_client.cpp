#include "aws/service_client.h"

#include <utility>

#include "aws/error_class.h"
#include "aws/service_error.h"
#include "base/version.h"

namespace momento::aws {
namespace {

// Of whoever runs this as a part of nginx.
constexpr char environment_hint[] =
    "; the environment, and HOME with its .aws, are those of nginx's master (systemctl edit "
    "nginx)";

// How long a call waits for credentials that are being fetched.
constexpr int64_t credentials_patience_us = 3'000'000;

bool same(const Credentials& a, const Credentials& b) {
    return a.access_key_id == b.access_key_id && a.secret_access_key == b.secret_access_key &&
           a.session_token == b.session_token;
}

// Something new to sign with may help.
bool is_against_signature(const HttpResult& http) {
    const HttpResponse& response = http.response;
    if (http.failed || (response.status >= 200 && response.status < 300)) return false;
    ErrorClass error = classify_error(parse_service_error(response).code, response.status);
    return error == ErrorClass::credentials || error == ErrorClass::clock;
}

HttpRequest bare_request(const ServiceSettings& settings) {
    HttpRequest request;
    request.url = settings.endpoint.url.text();
    request.connect_timeout_ms = settings.connect_timeout_ms;
    request.total_timeout_ms = settings.total_timeout_ms;
    request.proxy = settings.endpoint.proxy;
    request.trusted_certificate = settings.endpoint.trusted_certificate;
    request.max_connections = static_cast<int>(settings.connections);
    return request;
}

CanonicalForm form_of(const Url& url, const Headers& headers) {
    const std::string host = url.authority();
    SignableRequest signable;
    signable.host = host;
    signable.path = url.path;
    signable.query = url.query;
    signable.headers = &headers;
    return CanonicalForm(signable);
}

}  // namespace

// What the calls of one operation have in common: composed once.
struct ServiceClient::Operation {
    Operation(std::string_view name, const ServiceSettings& settings);

    const std::string target;
    const HttpRequest request;  // without headers and body
    const Headers headers;
    const CanonicalForm form;
};

struct ServiceClient::Attempt {
    const Operation* operation = nullptr;
    Body body;
    Done done;
    int64_t patience_ends_us = 0;
    std::shared_ptr<const Credentials> used;
    int64_t used_correction_ms = 0;

    // Set once AWS spoke against credentials or clock: what counts unless a second try,
    // with something new to sign with, says otherwise.
    bool second = false;
    HttpResult refusal;
};

ServiceClient::Operation::Operation(std::string_view name, const ServiceSettings& settings)
    : target(name),
      request(bare_request(settings)),
      headers({{"Content-Type", settings.content_type},
               {"X-Amz-Target", target},
               {"User-Agent", std::string("momento-webhook/") + version}}),
      form(form_of(settings.endpoint.url, headers)) {}

ServiceClient::ServiceClient(ServiceSettings settings,
                             std::shared_ptr<CredentialsProvider> credentials,
                             ServiceTools tools)
    : settings_(std::move(settings)),
      tools_(std::move(tools)),
      server_clock_(tools_.server_clock ? tools_.server_clock
                                        : std::make_shared<ServerClock>(
                                              *tools_.clock, *tools_.logger, settings_.user)),
      credentials_(std::move(credentials)),
      signer_(settings_.endpoint.signing_region, settings_.endpoint.signing_name) {}

ServiceClient::~ServiceClient() = default;

void ServiceClient::call(std::string_view target, std::string body, Done done) {
    call(
        target, [body = std::move(body)] { return body; }, std::move(done));
}

void ServiceClient::call(std::string_view target, Body body, Done done) {
    auto attempt = std::make_shared<Attempt>();
    attempt->operation = &find_or_make(target);
    attempt->body = std::move(body);
    attempt->done = std::move(done);
    // Without credentials the reply waits too: it must not be given from in here.
    if (!start_if_ready(attempt)) wait(attempt);
}

void ServiceClient::wait(const AttemptPtr& attempt) {
    attempt->patience_ends_us = tools_.clock->steady_us() + credentials_patience_us;
    waiting_.push_back(attempt);
}

const ServiceClient::Operation& ServiceClient::find_or_make(std::string_view target) {
    for (const Operation& operation : operations_) {
        if (operation.target == target) return operation;
    }
    return operations_.emplace_back(target, settings_);
}

void ServiceClient::step() {
    std::vector<AttemptPtr> waiting = std::move(waiting_);
    waiting_.clear();
    for (const AttemptPtr& attempt : waiting) {
        if (start_if_ready(attempt)) continue;

        CredentialsAnswer answer = credentials_->get();
        bool pending = answer.state == CredentialsAnswer::State::pending;
        if (pending && !stopping_ && tools_.clock->steady_us() < attempt->patience_ends_us) {
            waiting_.push_back(attempt);
            continue;
        }
        ServiceReply reply;
        if (attempt->second) {
            reply.http = std::move(attempt->refusal);
        } else {
            reply.unsent = true;
            reply.no_credentials = pending ? "they are still being fetched" : answer.error;
            report_credentials(reply.no_credentials + (pending ? "" : environment_hint));
        }
        attempt->done(std::move(reply));
    }
}

// Once for each reason, and again after they were there in between.
void ServiceClient::report_credentials(const std::string& why) {
    if (stopping_ || why == reported_) return;
    reported_ = why;
    tools_.logger->write(Severity::error, settings_.user + ": no credentials: " + why);
}

void ServiceClient::report_blanks() {
    if (told_of_blanks_) return;
    told_of_blanks_ = true;
    tools_.logger->write(Severity::error, blanks_warning(settings_.user, credentials_->name()));
}

// False if there is nothing to sign with, or nothing new for a second try.
bool ServiceClient::start_if_ready(const AttemptPtr& attempt) {
    if (stopping_) return false;
    CredentialsAnswer answer = credentials_->get();
    if (answer.state != CredentialsAnswer::State::ready) return false;
    bool nothing_new = attempt->second &&
                       attempt->used_correction_ms == server_clock_->correction_ms() &&
                       same(*attempt->used, *answer.credentials);
    if (nothing_new) return false;
    reported_.clear();
    if (answer.had_blanks) report_blanks();
    attempt->used = std::move(answer.credentials);
    credentials_expires_ms_ = attempt->used->expires_ms;
    attempt->used_correction_ms = server_clock_->correction_ms();
    start(attempt);
    return true;
}

void ServiceClient::start(const AttemptPtr& attempt) {
    const Operation& operation = *attempt->operation;
    HttpRequest request = operation.request;
    request.body = attempt->body();
    request.headers.reserve(operation.headers.size() + sigv4_headers);
    request.headers.assign(operation.headers.begin(), operation.headers.end());
    signer_.sign(operation.form, request.body, *attempt->used, server_clock_->now_ms(),
                 request.headers);
    tools_.http->start(std::move(request),
                       [this, attempt](HttpResult http) { receive(attempt, std::move(http)); });
}

void ServiceClient::receive(const AttemptPtr& attempt, HttpResult http) {
    server_clock_->learn(http);
    const bool is_refusal = is_against_signature(http);
    const bool is_corrected =
        is_refusal && server_clock_->heed(http.response, attempt->used_correction_ms);
    if (attempt->second || !is_refusal) {
        ServiceReply reply;
        reply.http = std::move(http);
        attempt->done(std::move(reply));
        return;
    }
    attempt->second = true;
    attempt->refusal = std::move(http);
    if (!is_corrected) {
        // Of many calls that fail together only the first may throw credentials away.
        CredentialsAnswer current = credentials_->get();
        bool still_current = current.state == CredentialsAnswer::State::ready &&
                             same(*current.credentials, *attempt->used);
        if (still_current) credentials_->invalidate();
    }
    if (!start_if_ready(attempt)) wait(attempt);
}

}  // namespace momento::aws
