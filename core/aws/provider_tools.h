// What a credential provider that fetches its sets needs.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/logger.h"
#include "base/random.h"
#include "http/client.h"

namespace momento::aws {

struct ProviderTools {
    const Clock* clock = nullptr;
    Random* random = nullptr;
    HttpClient* http = nullptr;
    Logger* logger = nullptr;
    std::string user;  // who needs the credentials, for log lines: "destination \"bus\""
};

}  // namespace momento::aws
