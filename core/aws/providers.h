// The kinds of credential providers. Each answers on the delivery thread without waiting.
// Files with keys and tokens are read there too: they are small, and local.
#pragma once

#include <memory>
#include <string>

#include "aws/credentials.h"
#include "aws/provider_tools.h"
#include "aws/sts.h"

namespace momento::aws {

using ProviderPtr = std::unique_ptr<CredentialsProvider>;

// AWS_ACCESS_KEY_ID and its companions.
ProviderPtr make_environment_provider(const EnvironmentSnapshot& env);

// A token that somebody keeps fresh in a file (Kubernetes), for a role: read again for
// every set.
struct WebIdentity {
    std::string token_file;
    Role role;
};
ProviderPtr make_web_identity_provider(const WebIdentity& identity, const Endpoint& sts,
                                       const ProviderTools& tools);

// AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME.
ProviderPtr make_web_identity_provider(const EnvironmentSnapshot& env, const Endpoint& sts,
                                       const ProviderTools& tools);

// A role, assumed with the credentials of `source`.
ProviderPtr make_assume_role_provider(const Role& role, ProviderPtr source, const Endpoint& sts,
                                      const ProviderTools& tools);

// The shared credentials and config files (`~/.aws/…` or where AWS_SHARED_CREDENTIALS_FILE
// and AWS_CONFIG_FILE point), read again when they change: keys, or a role with its source.
ProviderPtr make_profile_provider(const EnvironmentSnapshot& env, const std::string& profile,
                                  const Endpoint& sts, const ProviderTools& tools);

// ECS, EKS Pod Identity, Greengrass: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI.
ProviderPtr make_container_provider(const EnvironmentSnapshot& env, const ProviderTools& tools);

// The role of an EC2 instance, from its metadata service (instance_metadata.h).
ProviderPtr make_instance_provider(const EnvironmentSnapshot& env, const ProviderTools& tools);

// Always the same answer: what was found out once and for all.
ProviderPtr make_fixed_provider(const char* name, CredentialsAnswer answer);

}  // namespace momento::aws
