// An event as EventBridge delivers it: `version`, `id`, `detail-type`, `source`, `account`,
// `time`, `region`, `resources`, `detail`. Pure; any thread.
// Source: "Events", Amazon EventBridge User Guide.
#pragma once

#include <string>
#include <string_view>

#include "spool/record.h"

namespace momento {

// Appends it without a line break at its end. Its last bytes are `detail`, which is the
// record's body as it arrived, and "}". `region` may be empty: "local".
void append_event_json(std::string& out, const Record& record, std::string_view source,
                       std::string_view region);

inline constexpr size_t event_json_overhead = 256;  // about what stands around body and names

}  // namespace momento
