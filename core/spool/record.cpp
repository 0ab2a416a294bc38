#include "spool/record.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "spool/little_endian.h"
#include "spool/planted.h"

namespace momento {

namespace {

// Offsets in the header (record.h).
constexpr size_t at_length = 4;
constexpr size_t at_crc = 8;
constexpr size_t at_kind = 12;
constexpr size_t at_origin = 13;
constexpr size_t at_sequence = 16;
constexpr size_t at_durable = 24;
constexpr size_t at_accepted = 32;
constexpr size_t at_publish = 40;
constexpr size_t at_replay_id = 48;
constexpr size_t at_attempts = 64;
constexpr size_t at_body_length = 68;
constexpr size_t at_first_attempt = 72;
constexpr size_t at_last_attempt = 80;
constexpr size_t at_held = 88;
constexpr size_t at_field_lengths = 96;
constexpr size_t at_replay_zone = 108;

using Field = std::string_view Record::*;
constexpr std::array<Field, 6> fields = {&Record::cache,        &Record::topic,
                                         &Record::trace_header, &Record::destination,
                                         &Record::reason_code,  &Record::reason_message};

std::string_view cut(std::string_view field) {
    if (field.size() <= max_record_field) return field;
    size_t size = max_record_field;
    while (size > 0 && (static_cast<unsigned char>(field[size]) & 0xC0) == 0x80) --size;
    return field.substr(0, size);
}

uint32_t record_crc(std::string_view record, const Salt& salt) {
    // What stands before the CRC is put together first: long pieces are faster than short.
    std::array<char, std::tuple_size_v<Salt> + at_kind> start{};
    std::memcpy(start.data(), salt.data(), salt.size());
    std::memcpy(start.data() + salt.size(), record.data(), at_crc);
    const size_t skipped = planted(Bug::crc_without_salt) ? salt.size() : 0;
    const uint32_t crc = crc32c(0, start.data() + skipped, start.size() - skipped);
    return crc32c(crc, record.data() + at_kind, record.size() - at_kind);
}

}  // namespace

size_t Record::encoded_size() const {
    size_t size = record_header_size + body.size();
    for (Field field : fields) size += cut(this->*field).size();
    return size;
}

RecordBuffer::RecordBuffer(size_t expected_body) {
    begin(expected_body);
}

void RecordBuffer::begin(size_t expected_body) {
    constexpr size_t expected_fields = 256;
    size_ = 0;
    body_size_ = 0;
    reserve(record_header_size + expected_body + expected_fields);
}

RecordBuffer RecordBuffer::from(const Record& record) {
    RecordBuffer buffer;
    buffer.reserve(record.encoded_size());
    buffer.append_body(record.body);
    buffer.finish(record);
    return buffer;
}

void RecordBuffer::reserve(size_t size) {
    if (size + body_padding <= bytes_.size()) return;
    // Bodies come in pieces of unknown number: growing by half keeps copying linear.
    bytes_.grow(std::max(size + body_padding, bytes_.size() + bytes_.size() / 2));
}

void RecordBuffer::append_body(std::string_view piece) {
    size_t end = record_header_size + body_size_;
    reserve(end + piece.size());
    if (!piece.empty()) std::memcpy(bytes_.data() + end, piece.data(), piece.size());
    body_size_ += piece.size();
    size_ = end + piece.size();
}

std::string_view RecordBuffer::body() const {
    if (bytes_.size() == 0) return {};
    return {bytes_.data() + record_header_size, body_size_};
}

void RecordBuffer::finish(const Record& record) {
    size_t end = record_header_size + body_size_;
    size_t fields_size = 0;
    for (Field field : fields) fields_size += cut(record.*field).size();
    reserve(end + fields_size);

    char* header = bytes_.data();
    std::memset(header, 0, record_header_size);
    std::memcpy(header, record_magic.data(), record_magic.size());
    store_le(header + at_kind, static_cast<uint8_t>(record.kind));
    store_le(header + at_origin, static_cast<uint8_t>(record.origin));
    store_le(header + at_accepted, record.accepted_ms);
    store_le(header + at_publish, record.publish_ms);
    std::memcpy(header + at_replay_id, record.replay_id.data(), record.replay_id.size());
    store_le(header + at_attempts, record.attempts);
    store_le(header + at_body_length, static_cast<uint32_t>(body_size_));
    store_le(header + at_first_attempt, record.first_attempt_ms);
    store_le(header + at_last_attempt, record.last_attempt_ms);
    store_le(header + at_held, record.held_ms);
    store_le(header + at_replay_zone, record.replay_zone);
    char* length = header + at_field_lengths;
    for (Field field : fields) {
        std::string_view text = cut(record.*field);
        store_le(length, static_cast<uint16_t>(text.size()));
        length += sizeof(uint16_t);
        if (!text.empty()) std::memcpy(header + end, text.data(), text.size());
        end += text.size();
    }
    size_ = end;
    store_le(header + at_length, static_cast<uint32_t>(size_));
}

void RecordBuffer::seal(const Salt& salt, uint64_t sequence, uint64_t durable) {
    seal_record(bytes_.data(), salt, sequence, durable);
}

Origin RecordBuffer::origin() const {
    return static_cast<Origin>(load_le<uint8_t>(bytes_.data() + at_origin));
}

int64_t RecordBuffer::publish_ms() const {
    return load_le<int64_t>(bytes_.data() + at_publish);
}

size_t seal_record(char* record, const Salt& salt, uint64_t sequence, uint64_t durable) {
    const size_t size = load_le<uint32_t>(record + at_length);
    store_le(record + at_sequence, sequence);
    store_le(record + at_durable, durable);
    store_le(record + at_crc, record_crc({record, size}, salt));
    return size;
}

std::optional<RecordOutline> outline_record(std::string_view bytes) {
    if (bytes.size() < record_header_size) return std::nullopt;
    const char* header = bytes.data();
    if (bytes.substr(0, record_magic.size()) != record_magic) return std::nullopt;

    RecordOutline outline;
    outline.size = load_le<uint32_t>(header + at_length);
    outline.sequence = load_le<uint64_t>(header + at_sequence);
    outline.durable = load_le<uint64_t>(header + at_durable);
    auto kind = load_le<uint8_t>(header + at_kind);
    auto origin = load_le<uint8_t>(header + at_origin);
    if (kind != static_cast<uint8_t>(RecordKind::event) &&
        kind != static_cast<uint8_t>(RecordKind::dead_letter)) {
        return std::nullopt;
    }
    if (origin > static_cast<uint8_t>(Origin::redrive)) return std::nullopt;
    uint64_t size = record_header_size + uint64_t{load_le<uint32_t>(header + at_body_length)};
    for (size_t i = 0; i < fields.size(); ++i) {
        auto length = load_le<uint16_t>(header + at_field_lengths + i * sizeof(uint16_t));
        if (length > max_record_field) return std::nullopt;
        size += length;
    }
    if (size != outline.size) return std::nullopt;
    return outline;
}

Decoded decode_record(std::string_view bytes, const Salt& salt) {
    size_t seen = std::min(bytes.size(), record_magic.size());
    if (bytes.substr(0, seen) != record_magic.substr(0, seen)) return {{}, DecodeError::absent};
    if (bytes.size() < record_header_size) return {{}, DecodeError::truncated};
    std::optional<RecordOutline> outline = outline_record(bytes);
    if (!outline) return {{}, DecodeError::damaged};
    if (outline->size > bytes.size()) return {{}, DecodeError::truncated};
    bytes = bytes.substr(0, outline->size);
    const char* header = bytes.data();
    if (load_le<uint32_t>(header + at_crc) != record_crc(bytes, salt) &&
        !planted(Bug::crc_ignored)) {
        return {{}, DecodeError::damaged};
    }

    Decoded decoded;
    Record& record = decoded.record.emplace();
    record.kind = static_cast<RecordKind>(header[at_kind]);
    record.origin = static_cast<Origin>(header[at_origin]);
    record.sequence = outline->sequence;
    record.durable = outline->durable;
    record.accepted_ms = load_le<int64_t>(header + at_accepted);
    record.publish_ms = load_le<int64_t>(header + at_publish);
    std::memcpy(record.replay_id.data(), header + at_replay_id, record.replay_id.size());
    record.attempts = load_le<uint32_t>(header + at_attempts);
    record.first_attempt_ms = load_le<int64_t>(header + at_first_attempt);
    record.last_attempt_ms = load_le<int64_t>(header + at_last_attempt);
    record.held_ms = load_le<int64_t>(header + at_held);
    record.replay_zone = load_le<uint32_t>(header + at_replay_zone);
    size_t offset = record_header_size;
    record.body = bytes.substr(offset, load_le<uint32_t>(header + at_body_length));
    offset += record.body.size();
    const char* length = header + at_field_lengths;
    for (Field field : fields) {
        record.*field = bytes.substr(offset, load_le<uint16_t>(length));
        offset += (record.*field).size();
        length += sizeof(uint16_t);
    }
    return decoded;
}

}  // namespace momento
