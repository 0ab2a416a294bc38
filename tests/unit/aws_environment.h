// An environment for one test.
#pragma once

#include <map>
#include <string>

#include "aws/credentials.h"

namespace momento::aws {

inline EnvironmentSnapshot environment(const std::map<std::string, std::string>& variables) {
    return EnvironmentSnapshot::take([&](const std::string& name) {
        auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    });
}

}  // namespace momento::aws
