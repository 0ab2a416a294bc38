#include "aws/timestamp.h"

#include <time.h>

#include <algorithm>

namespace momento::aws {
namespace {

constexpr int64_t ms_per_second = 1'000;

// Takes `digits` decimal digits off the front; -1 if they are not there.
int take_number(std::string_view& text, size_t digits) {
    if (text.size() < digits) return -1;
    int number = 0;
    for (char c : text.substr(0, digits)) {
        if (c < '0' || c > '9') return -1;
        number = number * 10 + (c - '0');
    }
    text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, char expected) {
    if (text.empty() || text.front() != expected) return false;
    text.remove_prefix(1);
    return true;
}

// Takes a fraction of a second, if there is one: any number of digits, cut to milliseconds.
bool take_fraction(std::string_view& text, int64_t& ms) {
    ms = 0;
    if (!take(text, '.')) return true;
    int digit = take_number(text, 1);
    if (digit < 0) return false;
    for (int64_t unit = 100; digit >= 0; unit /= 10) {
        ms += digit * unit;
        digit = take_number(text, 1);
    }
    return true;
}

// Takes "Z", "+hh:mm" or "+hhmm"; gives seconds east of Greenwich.
bool take_offset(std::string_view& text, int64_t& seconds) {
    seconds = 0;
    if (take(text, 'Z')) return true;
    bool west = !text.empty() && text.front() == '-';
    if (!west && (text.empty() || text.front() != '+')) return false;
    text.remove_prefix(1);
    int hours = take_number(text, 2);
    take(text, ':');
    int minutes = take_number(text, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
    seconds = (west ? -1 : 1) * (hours * 3'600 + minutes * 60);
    return true;
}

}  // namespace

std::optional<int64_t> parse_timestamp(std::string_view text) {
    tm parts = {};
    int year = take_number(text, 4);
    if (year < 1970 || !take(text, '-')) return {};
    int month = take_number(text, 2);
    if (month < 1 || month > 12 || !take(text, '-')) return {};
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    parts.tm_mday = take_number(text, 2);
    if (parts.tm_mday < 1 || parts.tm_mday > 31 || !take(text, 'T')) return {};
    parts.tm_hour = take_number(text, 2);
    if (parts.tm_hour < 0 || parts.tm_hour > 23 || !take(text, ':')) return {};
    parts.tm_min = take_number(text, 2);
    if (parts.tm_min < 0 || parts.tm_min > 59 || !take(text, ':')) return {};
    parts.tm_sec = take_number(text, 2);
    if (parts.tm_sec < 0 || parts.tm_sec > 60) return {};
    int64_t ms;
    int64_t offset;
    if (!take_fraction(text, ms) || !take_offset(text, offset) || !text.empty()) return {};
    return (static_cast<int64_t>(timegm(&parts)) - offset) * ms_per_second + ms;
}

std::string basic_timestamp(int64_t unix_ms) {
    time_t seconds = static_cast<time_t>(std::max<int64_t>(unix_ms, 0) / ms_per_second);
    tm parts;
    gmtime_r(&seconds, &parts);
    char text[sizeof "20150830T123600Z"];
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
    return text;
}

std::optional<int64_t> parse_basic_timestamp(std::string_view text) {
    if (text.size() != basic_timestamp_size) return {};
    std::string extended;
    for (size_t i = 0; i < text.size(); ++i) {
        if (i == 4 || i == 6) extended += '-';
        if (i == 11 || i == 13) extended += ':';
        extended += text[i];
    }
    return parse_timestamp(extended);
}

}  // namespace momento::aws
