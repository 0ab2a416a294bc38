// What the environment and profile files say, for settings that speak to AWS: read and checked
// while the configuration is read. Does no network.
#pragma once

#include <string>
#include <vector>

#include "aws/credentials.h"
#include "aws/endpoints.h"
#include "base/result.h"

namespace momento {

// Whole sentences, for whoever reads the configuration.
using Warnings = std::vector<std::string>;

namespace aws {

// The environment with the say of that profile (empty: the default one). Refuses a proxy that
// is no URL and certificates that cannot be read, where `directives` do not say otherwise.
Result<EnvironmentSnapshot> read_environment(const EnvironmentSnapshot& env,
                                             const std::string& profile,
                                             const Reach& directives, Warnings& warnings);

// Warns of a region that looks like none, where it decides who is spoken to.
void doubt_region_of(const Endpoint& service, Warnings& warnings);

}  // namespace aws
}  // namespace momento
