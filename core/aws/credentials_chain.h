// Which providers a destination asks for credentials, in which order.
#pragma once

#include <vector>

#include "aws/credentials.h"
#include "aws/providers.h"
#include "aws/sts.h"

namespace momento::aws {

// The kind the settings name; for `automatic` environment, web identity, profile,
// container, instance.
ProviderPtr make_credentials(const CredentialsSettings& settings,
                             const EnvironmentSnapshot& env, const Endpoint& sts,
                             const ProviderTools& tools);

// The providers in order; the one that answered first stays.
ProviderPtr make_credentials_chain(std::vector<ProviderPtr> providers);

}  // namespace momento::aws
