#include "destination/event_json.h"

#include <simdjson.h>

#include <ctime>
#include <new>
#include <utility>

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

namespace ondemand = simdjson::ondemand;

// The members of such an event, as they come along. They are handed out as a parser that reads
// on demand has them: only that one tells where in the text a value stands.
class EventReader {
  public:
    // False: it is none.
    bool take(std::string_view name, ondemand::value value) {
        if (name == "detail-type") return ++types_ == 1 && is_string(value);
        if (name == "source") return ++sources_ == 1 && is_string(value);
        if (name == "detail") return ++details_ == 1 && take_detail(value);
        if (name != "time" || !is_string(value)) return true;
        std::string_view time;
        if (value.get_string().get(time)) return false;
        event_.time = time;
        return true;
    }

    std::optional<EventJson> end() {
        if (types_ != 1 || sources_ != 1 || details_ != 1) return {};
        return std::move(event_);
    }

  private:
    static bool is_string(ondemand::value value) {
        ondemand::json_type type{};
        return !value.type().get(type) && type == ondemand::json_type::string;
    }

    bool take_detail(ondemand::value value) {
        ondemand::object object;
        std::string_view raw;
        if (value.get_object().get(object) || object.raw_json().get(raw)) return false;
        event_.detail = raw.substr(0, raw.rfind('}') + 1);  // blanks behind it are not its own
        return true;
    }

    EventJson event_;
    int types_ = 0;
    int sources_ = 0;
    int details_ = 0;
};

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

std::optional<EventJson> read_event_json(std::string_view text) {
    const simdjson::padded_string padded(text);
    ondemand::parser parser;
    ondemand::document document;
    ondemand::object members;
    const simdjson::error_code trouble = parser.iterate(padded).get(document);
    const bool lacks_memory = padded.size() < text.size() || trouble == simdjson::MEMALLOC;
    if (lacks_memory) throw std::bad_alloc();
    if (trouble || document.get_object().get(members)) return {};
    EventReader reader;
    for (simdjson::simdjson_result<ondemand::field> member : members) {
        ondemand::field field;
        std::string_view name;
        if (std::move(member).get(field) || field.unescaped_key().get(name)) return {};
        if (!reader.take(name, field.value())) return {};
    }
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return {};
    return reader.end();
}

}  // namespace momento
