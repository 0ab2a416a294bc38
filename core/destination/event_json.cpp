#include "destination/event_json.h"

#include <ctime>

#include "base/hex.h"
#include "destination/json_escape.h"

namespace momento {
namespace {

// RFC 4122 version 4, from the replay id: a repeated delivery shows the same id.
std::string event_id(const ReplayId& replay_id) {
    ReplayId id = replay_id;
    id[6] = static_cast<uint8_t>((id[6] & 0x0F) | 0x40);
    id[8] = static_cast<uint8_t>((id[8] & 0x3F) | 0x80);
    std::string text;
    for (size_t i = 0; i < id.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        append_hex(text, id[i]);
    }
    return text;
}

std::string utc_seconds(int64_t unix_ms) {
    time_t seconds = static_cast<time_t>(unix_ms / 1000);
    tm utc{};
    gmtime_r(&seconds, &utc);
    char text[32];
    size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return {text, size};
}

}  // namespace

void append_event_json(std::string& out, const Record& record, std::string_view source,
                       std::string_view region) {
    out += "{\"version\":\"0\",\"id\":\"";
    out += event_id(record.replay_id);
    out += "\",\"detail-type\":\"";
    append_escaped(out, record.cache);
    out += '#';
    append_escaped(out, record.topic);
    out += "\",\"source\":";
    append_json_string(out, source);
    out += ",\"account\":\"000000000000\",\"time\":\"";
    out += utc_seconds(record.accepted_ms);
    out += "\",\"region\":";
    append_json_string(out, region.empty() ? "local" : region);
    out += ",\"resources\":[],\"detail\":";
    out += record.body;
    out += '}';
}

}  // namespace momento
