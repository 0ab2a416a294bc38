// The queue of a destination's dead letters, as its settings describe it.
#pragma once

#include <memory>
#include <optional>

#include "destination/dead_letter_queue.h"
#include "destination/kind.h"

namespace momento {

// What dead letters of this destination look like in their queue, if they are moved to one.
std::optional<LetterForm> letter_form(const TargetSettings& settings);

// The queue that takes the dead letters of this destination; null: they stay in the spool.
// `settings` went through resolve().
std::shared_ptr<Destination> make_letter_queue(const TargetSettings& settings,
                                               const DestinationTools& tools);

}  // namespace momento
