// An event as EventBridge delivers it: `version`, `id`, `detail-type`, `source`, `account`,
// `time`, `region`, `resources`, `detail`; written, and read again. Pure; any thread.
// Source: "Events", Amazon EventBridge User Guide.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "spool/record.h"

namespace momento {

// Appends it without a line break at its end. Its last bytes are `detail`, which is the
// record's body as it arrived, and "}". `region` may be empty: "local".
void append_event_json(std::string& out, const Record& record, std::string_view source,
                       std::string_view region);

// What such an event says, whoever wrote or reformatted it.
struct EventJson {
    std::string detail;  // byte for byte, without what stands around it
    std::string time;    // empty if it has none
};

// Nothing if the text is no JSON object with the strings "detail-type" and "source" and an
// object "detail", each of them once.
std::optional<EventJson> read_event_json(std::string_view text);

inline constexpr size_t event_json_overhead = 256;  // about what stands around body and names

}  // namespace momento
