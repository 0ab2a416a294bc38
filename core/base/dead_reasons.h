// Reasons of our own for which an event becomes a dead letter without having been in the log
// of a destination. Their words stand in letters, in replay zones' logs and in the metrics.
#pragma once

#include <string_view>

#include "base/enum_table.h"

namespace momento {

enum class OwnReason {
    malformed,       // authentic, but no event can be made of it
    no_destination,  // its location names none that there is
    count
};

inline constexpr auto own_reasons = enum_table<OwnReason, std::string_view>({
    {OwnReason::malformed, "malformed"},
    {OwnReason::no_destination, "no_destination"},
});

}  // namespace momento
