// Makes what a destination's settings describe.
#pragma once

#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/errands.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "base/random.h"
#include "destination/dead_letter_queue.h"
#include "destination/destination.h"
#include "gateway/settings.h"
#include "http/client.h"

namespace momento {

struct DestinationTools {
    const Clock* clock = nullptr;
    Logger* logger = nullptr;
    HttpClient* http = nullptr;
    Random* random = nullptr;
    Errands* errands = nullptr;  // optional: in place
    FileSystem* files = nullptr;
    BusCell* bus = nullptr;  // shared by the workers; nothing: the bus is not watched
};

// `settings` went through resolve(). A destination whose region only the instance knows holds
// its events until that has told it.
std::shared_ptr<Destination> make_destination(const DestinationSettings& settings,
                                              const GatewaySettings& gateway,
                                              const DestinationTools& tools);

// What dead letters of this destination look like in their queue, if they are moved to one.
std::optional<LetterForm> letter_form(const DestinationSettings& settings);

// The queue that takes the dead letters of this destination; null: they stay in the spool.
std::shared_ptr<Destination> make_letter_queue(const DestinationSettings& settings,
                                               const DestinationTools& tools);

}  // namespace momento
