#include "ingest/event_record.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/digest.h"

namespace momento {

namespace {

constexpr size_t max_trace_header = 500;

bool all(std::string_view text, bool (*holds)(char)) {
    return std::all_of(text.begin(), text.end(), holds);
}

// "1-<8 hex>-<24 hex>"
bool is_root(std::string_view value) {
    constexpr size_t time_at = 2;
    constexpr size_t time_length = 8;
    constexpr size_t number_at = time_at + time_length + 1;
    constexpr size_t number_length = 24;
    return value.size() == number_at + number_length && value.substr(0, time_at) == "1-" &&
           all(value.substr(time_at, time_length), is_hex_digit) &&
           value[number_at - 1] == '-' && all(value.substr(number_at), is_hex_digit);
}

bool is_value(char c) {
    return c > ' ' && c < 0x7f && c != ';' && c != '"' && c != '\\';
}

}  // namespace

ReplayId make_replay_id(const Mac& mac) {
    const Sha256 digest = sha256({reinterpret_cast<const char*>(mac.data()), mac.size()});
    ReplayId id;
    std::copy_n(digest.begin(), id.size(), id.begin());
    return id;
}

uint32_t replay_zone_key(std::string_view zone) {
    return std::max<uint32_t>(crc32c(0, zone.data(), zone.size()), 1);
}

bool is_trace_header(std::string_view value) {
    if (value.empty() || value.size() > max_trace_header || value.back() == ';') return false;
    bool has_root = false;
    while (!value.empty()) {
        const size_t end = std::min(value.find(';'), value.size());
        const std::string_view field = value.substr(0, end);
        value.remove_prefix(std::min(end + 1, value.size()));

        const size_t equals = field.find('=');
        if (equals == 0 || equals == std::string_view::npos) return false;
        const std::string_view name = field.substr(0, equals);
        const std::string_view text = field.substr(equals + 1);
        if (text.empty() || !all(name, is_alphanumeric) || !all(text, is_value)) return false;
        if (name == "Root") {
            if (has_root || !is_root(text)) return false;
            has_root = true;
        }
    }
    return has_root;
}

Record make_event(const Judgement& judgement, const ReplayId& id, int64_t accepted_ms,
                  std::string_view trace_header) {
    Record record;
    record.accepted_ms = accepted_ms;
    record.replay_id = id;
    record.trace_header = trace_header;
    if (judgement.payload) {
        record.publish_ms = judgement.payload->publish_timestamp;
        record.cache = judgement.payload->cache;
        record.topic = judgement.payload->topic;
    }
    return record;
}

Record make_letter(const Judgement& judgement, const ReplayId& id, int64_t accepted_ms,
                   std::string_view trace_header, std::string_view destination,
                   OwnReason reason, std::string_view reason_message) {
    Record record = make_event(judgement, id, accepted_ms, trace_header);
    record.kind = RecordKind::dead_letter;
    record.destination = destination;
    record.reason_code = own_reasons[reason];
    record.reason_message = reason_message;
    return record;
}

}  // namespace momento
