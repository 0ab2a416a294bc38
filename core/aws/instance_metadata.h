// The metadata service of an EC2 instance (IMDS), version 2: every answer needs a session
// token, which is fetched and kept here.
// Source: "Use the Instance Metadata Service", Amazon EC2 User Guide; variables as in "IMDS
// client", AWS SDKs and Tools Reference Guide.
//
// Belongs to the delivery thread; callbacks keep it alive. Never goes through a proxy. A
// service that gives no tokens (version 1) is believed only if
// AWS_EC2_METADATA_V1_DISABLED=false says so: anybody who can make this machine send a
// plain GET could have its answer otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "http/url.h"

namespace momento::aws {

// "Instance metadata categories", Amazon EC2 User Guide.
inline constexpr char instance_region_path[] = "/latest/meta-data/placement/region";

class InstanceMetadata : public std::enable_shared_from_this<InstanceMetadata> {
    struct Key {};  // of create()

  public:
    // AWS_EC2_METADATA_SERVICE_ENDPOINT (or …_MODE), AWS_METADATA_SERVICE_TIMEOUT (seconds,
    // 1 to 60, default 1) and …_NUM_ATTEMPTS (1 to 10, default 1).
    static Result<std::shared_ptr<InstanceMetadata>> create(const EnvironmentSnapshot& env,
                                                            const Clock& clock,
                                                            HttpClient& http);

    InstanceMetadata(Key, const Clock& clock, HttpClient& http) : clock_(clock), http_(http) {}

    // `path` as in instance_region_path. A refused token counts as a
    // failure of the transfer, whose text says what to do.
    void get(const std::string& path, HttpClient::Done done);

    const std::string& origin() const { return origin_; }

  private:
    struct Question;
    using QuestionPtr = std::shared_ptr<Question>;

    void ask(const QuestionPtr& question);
    void fetch_token(const QuestionPtr& question);
    void take_token(const QuestionPtr& question, const HttpResult& http);
    void take_answer(const QuestionPtr& question, HttpResult http);
    void send(HttpRequest request, int attempts, HttpClient::Done done);

    const Clock& clock_;
    HttpClient& http_;
    std::string origin_;
    int64_t timeout_ms_ = 0;
    int attempts_ = 0;
    bool allows_version_1_ = false;

    std::string token_;  // empty although fresh: the service has none, version 1
    int64_t token_ends_us_ = 0;
};

}  // namespace momento::aws
