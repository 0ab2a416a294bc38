// Signed calls of one AWS service: waits a little for credentials, signs, sends, and tries
// once more with something new to sign with when AWS speaks against credentials or clock.
//
// Belongs to the delivery thread. `done` runs exactly once per call, from inside step() or
// HttpClient::run(), never from inside call(). Nothing else is retried here: what an answer
// means is the caller's to say. Destroy the HttpClient's transfers first: their callbacks
// lead here.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "aws/endpoints.h"
#include "aws/server_clock.h"
#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/logger.h"
#include "http/client.h"

namespace momento::aws {

struct ServiceSettings {
    std::string user;  // who calls, for log lines: "destination \"bus\""
    Endpoint endpoint;
    std::string content_type;  // the service's JSON protocol
    size_t connections = 64;
    int64_t connect_timeout_ms = 3'000;
    int64_t total_timeout_ms = 10'000;
};

struct ServiceTools {
    const Clock* clock = nullptr;
    Logger* logger = nullptr;
    HttpClient* http = nullptr;
    std::shared_ptr<ServerClock> server_clock = nullptr;  // nothing: one of its own
};

struct ServiceReply {
    bool unsent = false;         // for want of credentials
    std::string no_credentials;  // why; for people
    HttpResult http;             // otherwise
};

class ServiceClient {
  public:
    using Done = std::function<void(ServiceReply)>;
    using Body = std::function<std::string()>;

    ServiceClient(ServiceSettings settings, std::shared_ptr<CredentialsProvider> credentials,
                  ServiceTools tools);
    ~ServiceClient();

    // `target` is the operation, as X-Amz-Target names it: one of a few. `body` is composed
    // when it is sent, and again for a second try: until `done` runs it must be the same.
    void call(std::string_view target, Body body, Done done);
    void call(std::string_view target, std::string body, Done done);

    void step();  // once per turn

    // From here on nothing new leaves: what waits comes back unsent with the next step().
    void stop() { stopping_ = true; }

    const ServerClock& server_clock() const { return *server_clock_; }

    // When the credentials that signed last will expire, wall clock; nothing: never, or none
    // were there yet.
    std::optional<int64_t> credentials_expires_ms() const { return credentials_expires_ms_; }

  private:
    struct Operation;
    struct Attempt;
    using AttemptPtr = std::shared_ptr<Attempt>;

    const Operation& find_or_make(std::string_view target);
    void wait(const AttemptPtr& attempt);
    bool start_if_ready(const AttemptPtr& attempt);
    void start(const AttemptPtr& attempt);
    void receive(const AttemptPtr& attempt, HttpResult http);
    void report_credentials(const std::string& why);
    void report_blanks();

    const ServiceSettings settings_;
    const ServiceTools tools_;
    const std::shared_ptr<ServerClock> server_clock_;
    const std::shared_ptr<CredentialsProvider> credentials_;
    Sigv4Signer signer_;
    std::list<Operation> operations_;
    std::vector<AttemptPtr> waiting_;  // for credentials
    std::string reported_;             // why there were no credentials, as last logged
    bool told_of_blanks_ = false;      // around the credentials
    std::optional<int64_t> credentials_expires_ms_;
    bool stopping_ = false;
};

}  // namespace momento::aws
