// What a credential provider that fetches its sets needs.
#pragma once

#include <memory>
#include <string>

#include "aws/server_clock.h"
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
    std::shared_ptr<ServerClock> server_clock = nullptr;  // for those that sign
};

}  // namespace momento::aws
