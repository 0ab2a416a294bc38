// GetSecretValue of AWS Secrets Manager: one version of a secret, by its stage.
// Source: "GetSecretValue", AWS Secrets Manager API Reference; AWS JSON protocol 1.1.
//
// Belongs to the delivery thread, as the ServiceClient it calls through does.
#pragma once

#include <functional>
#include <string>

#include "aws/service_client.h"

namespace momento::aws {

inline constexpr char secrets_manager_content_type[] = "application/x-amz-json-1.1";

enum class SecretStage { current, previous, count };

struct SecretVersion {
    enum class State {
        found,
        missing,  // there is no version of that stage: normal for `previous`
        failed,
    };
    State state = State::failed;
    std::string content;  // as stored; binary secrets decoded
    std::string id;       // of the version
    int64_t created_ms = 0;
    std::string error;  // of a failure: what, and AWS's reason; no secret

    SecretVersion() = default;
    SecretVersion(SecretVersion&&) noexcept = default;
    SecretVersion& operator=(SecretVersion&&) = delete;
    ~SecretVersion();  // cleanses
};

// The answer to a request for `secret` (a name or ARN).
SecretVersion read_secret_version(const std::string& secret, SecretStage stage,
                                  const ServiceReply& reply);

// `client` speaks to Service::secrets_manager in secrets_manager_content_type.
void get_secret_value(ServiceClient& client, const std::string& secret, SecretStage stage,
                      std::function<void(SecretVersion)> done);

}  // namespace momento::aws
