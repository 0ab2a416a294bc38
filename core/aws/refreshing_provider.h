// Credentials that are handed out for a while: fetched when first asked for, fetched again
// ahead of their end, kept while that fails.
//
// The machinery every such provider shares, on the delivery thread; a provider only says
// how one set is fetched. One fetch at a time. Windows as in botocore: from 15 minutes
// before the end a new set is fetched in passing, once a minute; from 10 minutes on it is
// tried harder, and a failure is logged. A set with less than an hour to live has windows
// in proportion. Every provider shifts its windows by chance, so that many workers do not
// come at once. The set at hand is used until it has expired.
#pragma once

#include <functional>
#include <memory>

#include "aws/credentials.h"
#include "aws/provider_tools.h"

namespace momento::aws {

// Fetches one set and answers exactly once, from inside the call or later. `pending`: it
// could not begin, because what it needs is itself being fetched; it is called again. It
// may outlive its provider: whatever it starts owns what it uses.
using FetchDone = std::function<void(CredentialsAnswer)>;
using Fetch = std::function<void(FetchDone)>;

struct RefreshSettings {
    const char* name = "";  // of the provider

    // Uses a set beyond its end while no newer one can be had: instance metadata's, which
    // AWS prolongs when it cannot issue new ones ("static stability").
    bool outlives_expiry = false;
};

std::unique_ptr<CredentialsProvider> make_refreshing_provider(const RefreshSettings& settings,
                                                              const ProviderTools& tools,
                                                              Fetch fetch);

}  // namespace momento::aws
