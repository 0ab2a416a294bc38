// Dead letters that were moved to an SQS queue, on their way back.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/console.h"
#include "cli/letters.h"
#include "cli/options.h"
#include "spool/redrive.h"

namespace momento::cli {

struct QueueRedrive {
    std::string url;
    std::string directory;  // of the spool
    RedriveSettings settings;
    const Given* given = nullptr;  // with aws_options()
    Census* census = nullptr;      // hears of all messages
};

// Receives messages, appends their events to the spool, durably, and only then deletes them:
// a crash in between leaves both. What does not match, and what no event can be made of,
// stays in the queue. Adds to `report`, also before an error.
Status redrive_queue(const QueueRedrive& redrive, Console& console, RedriveReport* report);

}  // namespace momento::cli
