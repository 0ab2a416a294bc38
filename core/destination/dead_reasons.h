// All reasons for which events become dead letters, as they are counted: our own, then the
// codes that destinations refuse entries for, and one for whatever else a destination says.
// Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/dead_reasons.h"
#include "base/metrics.h"

namespace momento {

// Source: "PutEvents", Amazon EventBridge API Reference; "Dead-letter queues" of its User
// Guide.
inline constexpr std::array<std::string_view, 8> eventbridge_refusals = {
    "MalformedDetail",
    "InvalidArgument",
    "NotAuthorizedForSourceException",
    "NotAuthorizedForDetailTypeException",
    "RedactionFailure",
    "InvalidAccountIdException",
    "ValidationException",
    "RequestEntityTooLarge",
};

constexpr auto list_dead_reasons() {
    std::array<std::string_view, enum_count<OwnReason> + eventbridge_refusals.size() + 1>
        list{};
    size_t next = 0;
    for (OwnReason reason : each<OwnReason>()) list[next++] = own_reasons[reason];
    for (std::string_view code : eventbridge_refusals) list[next++] = code;
    list[next] = "other";
    return list;
}

inline constexpr auto dead_reasons = list_dead_reasons();
static_assert(dead_reasons.size() <= max_dead_reasons);

// Index in `dead_reasons`.
constexpr uint8_t dead_reason(std::string_view code) {
    uint8_t index = 0;
    while (index + 1u < dead_reasons.size() && dead_reasons[index] != code) ++index;
    return index;
}

// False: what has died of it was in no log, so no log has counted it.
constexpr bool was_in_log(size_t reason) {
    return reason >= enum_count<OwnReason>;
}

}  // namespace momento
