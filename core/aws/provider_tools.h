// What a credential provider that fetches its sets needs.
#pragma once

#include <memory>
#include <string>

#include "aws/server_clock.h"
#include "base/clock.h"
#include "base/errands.h"
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
    Errands* errands = nullptr;                           // optional: files are read in place
};

// Of reading a file that holds a token, or the credentials themselves.
inline ErrandName token_errand(const std::string& user, const std::string& path) {
    return {user, "a look at \"" + path + '"',
            "credentials come from there; look whether the file system is there"};
}

}  // namespace momento::aws
