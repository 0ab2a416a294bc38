// All reasons for which events become dead letters, as they are counted: our own, then the
// codes that kinds of destination refuse entries for (kind.h), and one for whatever else a
// destination says. The same in all processes of one build. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/dead_reasons.h"

namespace momento {

// By their places in DestinationMetrics::dead.
const std::vector<std::string_view>& dead_reasons();

uint8_t dead_reason(std::string_view code);  // its place

// False: what has died of it was in no log, so no log has counted it.
constexpr bool was_in_log(size_t reason) {
    return reason >= enum_count<OwnReason>;
}

}  // namespace momento
