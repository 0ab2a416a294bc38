// The two ways AWS writes a moment: ISO 8601 as in credentials, and SigV4's basic format.
//
// Pure functions of UTC: no locale, no time zone, callable from every thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace momento::aws {

// Milliseconds since the Unix epoch of "2015-08-30T12:36:00[.123](Z|+00:00|+0000)";
// nothing if it is anything else. Years 1970 to 9999.
std::optional<int64_t> parse_timestamp(std::string_view text);

// "20150830T123600Z"; the first eight characters are SigV4's date. Moments before 1970
// count as 1970.
std::string basic_timestamp(int64_t unix_ms);
inline constexpr size_t basic_timestamp_size = 16;

// Its milliseconds; nothing if it is anything else.
std::optional<int64_t> parse_basic_timestamp(std::string_view text);

}  // namespace momento::aws
