#include "aws/credentials.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
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

bool drop_blanks(Credentials& credentials) {
    bool had_some = false;
    for (std::string* value : {&credentials.access_key_id, &credentials.secret_access_key,
                               &credentials.session_token}) {
        const std::string_view bare = trim(*value);
        if (bare.size() == value->size()) continue;
        had_some = true;
        std::string kept(bare);
        cleanse(*value);
        value->swap(kept);
    }
    return had_some;
}

CredentialsAnswer accept_credentials(std::shared_ptr<Credentials> credentials,
                                     bool had_blanks) {
    const std::pair<const char*, const std::string&> values[] = {
        {"access key id", credentials->access_key_id},
        {"secret access key", credentials->secret_access_key},
        {"session token", credentials->session_token},
    };
    for (const auto& [name, value] : values) {
        const bool is_clean = std::none_of(value.begin(), value.end(), [](char c) {
            return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
        });
        if (is_clean) continue;
        return {CredentialsAnswer::State::failed, nullptr,
                std::string("the ") + name +
                    " holds a control character, as a line end: write it anew"};
    }
    return {CredentialsAnswer::State::ready, std::move(credentials), {}, had_blanks};
}

std::string blanks_warning(const std::string& user, const std::string& kind) {
    return user + ": credentials of kind \"" + kind +
           "\" have blanks or line ends around them, which are dropped: remove them there";
}

const std::vector<std::string>& EnvironmentSnapshot::names() {
    static const std::vector<std::string> names = {
        "AWS_ACCESS_KEY_ID",
        "AWS_AUTH_SCHEME_PREFERENCE",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_CSM_ENABLED",
        "AWS_DATA_PATH",
        "AWS_DEFAULTS_MODE",
        "AWS_DEFAULT_PROFILE",
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
        "AWS_IMDS_USE_IPV6",
        "AWS_MAX_ATTEMPTS",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "AWS_METADATA_SERVICE_TIMEOUT",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_RETRY_MODE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SDK_UA_APP_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECURITY_TOKEN",  // older name of AWS_SESSION_TOKEN
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_SIGV4A_SIGNING_REGION_SET",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "HOME",
        "HTTPS_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",  // older than AWS_CA_BUNDLE, which goes first
        "https_proxy",
        "no_proxy",
    };
    return names;
}

struct EnvironmentSnapshot::Variables {
    std::map<std::string, Value> values;
    std::vector<std::string> profile_files;  // those that were read

    ~Variables() {
        for (auto& variable : values) cleanse(variable.second.text);
    }
};

EnvironmentSnapshot EnvironmentSnapshot::take(const Lookup& lookup) {
    auto variables = std::make_shared<Variables>();
    for (const std::string& name : names()) {
        const char* value = lookup(name);
        if (value && *value) variables->values[name] = {value, {}};
    }
    for (const char* name : {"HTTPS_PROXY", "NO_PROXY"}) {
        const std::string lower = lower_case(std::string_view(name));
        if (const char* value = lookup(lower)) variables->values[name] = {value, lower};
    }
    EnvironmentSnapshot snapshot;
    snapshot.variables_ = std::move(variables);
    return snapshot;
}

const std::string& EnvironmentSnapshot::get(const std::string& name) const {
    static const std::string unset;
    if (!variables_) return unset;
    auto found = variables_->values.find(name);
    return found == variables_->values.end() ? unset : found->second.text;
}

EnvironmentSnapshot EnvironmentSnapshot::with(const std::map<std::string, Value>& values,
                                              std::vector<std::string> profile_files) const {
    auto variables = std::make_shared<Variables>();
    if (variables_) variables->values = variables_->values;
    variables->values.insert(values.begin(), values.end());
    variables->profile_files = std::move(profile_files);
    EnvironmentSnapshot snapshot;
    snapshot.variables_ = std::move(variables);
    return snapshot;
}

std::string EnvironmentSnapshot::source(const std::string& name) const {
    if (!variables_) return name;
    const auto found = variables_->values.find(name);
    const bool is_own = found == variables_->values.end() || found->second.source.empty();
    return is_own ? name : found->second.source;
}

bool EnvironmentSnapshot::saw_profile_file(const std::string& path) const {
    if (!variables_) return false;
    const std::vector<std::string>& files = variables_->profile_files;
    return std::find(files.begin(), files.end(), path) != files.end();
}

}  // namespace momento::aws
