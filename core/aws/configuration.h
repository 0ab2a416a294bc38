// What the profile in use says where no variable does, by botocore's list of settings: heeded,
// refused, or warned of; none is passed over in silence.
// Source: botocore.configprovider; "Settings reference", AWS SDKs and Tools Reference Guide.
//
// Reads the shared files: called while the configuration is read. What comes of it holds until
// the next time, wherever workers may look by then.
#pragma once

#include <string>
#include <vector>

#include "aws/credentials.h"
#include "base/result.h"

namespace momento::aws {

struct Configuration {
    EnvironmentSnapshot environment;    // with the profile's settings as variables
    std::vector<std::string> warnings;  // whole sentences; they name files and lines
};

// `profile` as in profile_name(). Refuses what botocore cannot read of the profile, or of one
// whose credentials it uses, and what would send data elsewhere if it were ignored: the error
// names the setting, and file and line or the variable.
Result<Configuration> read_configuration(const EnvironmentSnapshot& env,
                                         const std::string& profile);

}  // namespace momento::aws
