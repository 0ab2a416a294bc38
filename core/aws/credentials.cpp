#include "aws/credentials.h"

#include <map>
#include <utility>

#include "base/cleanse.h"

namespace momento::aws {
Credentials& Credentials::operator=(Credentials other) noexcept {
    access_key_id.swap(other.access_key_id);
    secret_access_key.swap(other.secret_access_key);
    session_token.swap(other.session_token);
    expires_ms.swap(other.expires_ms);
    return *this;
}

Credentials::~Credentials() {
    cleanse(access_key_id);
    cleanse(secret_access_key);
    cleanse(session_token);
}

const std::vector<std::string>& EnvironmentSnapshot::names() {
    static const std::vector<std::string> names = {
        "AWS_ACCESS_KEY_ID",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "AWS_EC2_METADATA_V1_DISABLED",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_EVENTBRIDGE",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "AWS_ENDPOINT_URL_SQS",
        "AWS_ENDPOINT_URL_STS",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "AWS_METADATA_SERVICE_TIMEOUT",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECURITY_TOKEN",  // older name of AWS_SESSION_TOKEN
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "HOME",
    };
    return names;
}

struct EnvironmentSnapshot::Variables {
    std::map<std::string, std::string> values;

    ~Variables() {
        for (auto& variable : values) cleanse(variable.second);
    }
};

EnvironmentSnapshot EnvironmentSnapshot::take(const Lookup& lookup) {
    auto variables = std::make_shared<Variables>();
    for (const std::string& name : names()) {
        const char* value = lookup(name);
        if (value && *value) variables->values.emplace(name, value);
    }
    EnvironmentSnapshot snapshot;
    snapshot.variables_ = std::move(variables);
    return snapshot;
}

const std::string& EnvironmentSnapshot::get(const std::string& name) const {
    static const std::string unset;
    if (!variables_) return unset;
    auto found = variables_->values.find(name);
    return found == variables_->values.end() ? unset : found->second;
}

}  // namespace momento::aws
