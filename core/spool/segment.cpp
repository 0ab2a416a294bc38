#include "spool/segment.h"

#include <algorithm>
#include <cstring>

#include "base/hex.h"
#include "spool/little_endian.h"

namespace momento {

namespace {

constexpr std::string_view segment_magic = "MSEGMENT";
constexpr std::string_view segment_suffix = ".segment";

// Offsets in the header (segment.h).
constexpr size_t segment_at_version = 8;
constexpr size_t segment_at_byte_order = 10;
constexpr size_t segment_at_size = 12;
constexpr size_t segment_at_salt = 16;
constexpr size_t segment_at_number = 32;
constexpr size_t segment_at_first_sequence = 40;
constexpr size_t segment_at_predecessor = 48;
constexpr size_t segment_at_predecessor_end = 56;
constexpr size_t segment_at_predecessor_publish = 64;
constexpr size_t segment_at_created = 72;
constexpr size_t segment_at_slot = 80;
constexpr size_t segment_at_destination_length = 96;
constexpr size_t segment_at_destination = 98;
constexpr size_t max_destination = 126;
constexpr size_t segment_at_predecessor_salt = 224;
constexpr size_t segment_at_predecessor_first_sequence = 240;
constexpr size_t segment_at_crc = 508;

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
    std::string bytes(segment_header_size, '\0');
    char* at = bytes.data();
    std::memcpy(at, segment_magic.data(), segment_magic.size());
    store_le(at + segment_at_version, spool_format_version);
    store_le(at + segment_at_byte_order, spool_byte_order_mark);
    store_le(at + segment_at_size, static_cast<uint32_t>(segment_header_size));
    std::memcpy(at + segment_at_salt, header.salt.data(), header.salt.size());
    store_le(at + segment_at_number, header.number);
    store_le(at + segment_at_first_sequence, header.first_sequence);
    store_le(at + segment_at_predecessor, header.predecessor);
    store_le(at + segment_at_predecessor_end, header.predecessor_end);
    store_le(at + segment_at_predecessor_publish, header.predecessor_newest_publish_ms);
    store_le(at + segment_at_created, header.created_ms);
    std::memcpy(at + segment_at_slot, header.slot.data(),
                std::min(header.slot.size(), slot_name_length));
    size_t length = std::min(header.destination.size(), max_destination);
    store_le(at + segment_at_destination_length, static_cast<uint16_t>(length));
    std::memcpy(at + segment_at_destination, header.destination.data(), length);
    std::memcpy(at + segment_at_predecessor_salt, header.predecessor_salt.data(),
                header.predecessor_salt.size());
    store_le(at + segment_at_predecessor_first_sequence, header.predecessor_first_sequence);
    store_le(at + segment_at_crc, crc32c(0, at, segment_at_crc));
    return bytes;
}

DecodedHeader decode_segment_header(std::string_view bytes) {
    DecodedHeader decoded;
    bytes = bytes.substr(0, segment_header_size);
    if (bytes.find_first_not_of('\0') == std::string_view::npos) return decoded;

    decoded.state = HeaderState::damaged;
    const char* at = bytes.data();
    if (bytes.size() < segment_at_crc + sizeof(uint32_t)) return decoded;
    if (bytes.substr(0, segment_magic.size()) != segment_magic) return decoded;
    if (load_le<uint32_t>(at + segment_at_crc) != crc32c(0, at, segment_at_crc)) return decoded;

    decoded.version = load_le<uint16_t>(at + segment_at_version);
    if (decoded.version != spool_format_version ||
        load_le<uint16_t>(at + segment_at_byte_order) != spool_byte_order_mark) {
        decoded.state = HeaderState::foreign;
        return decoded;
    }
    auto length = load_le<uint16_t>(at + segment_at_destination_length);
    if (load_le<uint32_t>(at + segment_at_size) != segment_header_size ||
        length > max_destination) {
        return decoded;
    }

    SegmentHeader& header = decoded.header;
    std::memcpy(header.salt.data(), at + segment_at_salt, header.salt.size());
    header.number = load_le<uint64_t>(at + segment_at_number);
    header.first_sequence = load_le<uint64_t>(at + segment_at_first_sequence);
    header.predecessor = load_le<uint64_t>(at + segment_at_predecessor);
    header.predecessor_end = load_le<uint64_t>(at + segment_at_predecessor_end);
    header.predecessor_newest_publish_ms =
        load_le<int64_t>(at + segment_at_predecessor_publish);
    header.created_ms = load_le<int64_t>(at + segment_at_created);
    header.slot.assign(at + segment_at_slot, slot_name_length);
    header.slot.resize(header.slot.find_last_not_of('\0') + 1);
    header.destination.assign(at + segment_at_destination, length);
    std::memcpy(header.predecessor_salt.data(), at + segment_at_predecessor_salt,
                header.predecessor_salt.size());
    header.predecessor_first_sequence =
        load_le<uint64_t>(at + segment_at_predecessor_first_sequence);
    decoded.state = HeaderState::valid;
    return decoded;
}

std::string hex16(uint64_t number) {
    std::string text(16, '0');
    for (size_t i = text.size(); i-- > 0; number >>= 4) text[i] = hex_digits[number & 15];
    return text;
}

std::optional<uint64_t> parse_hex16(std::string_view text) {
    if (text.size() != 16) return std::nullopt;
    uint64_t number = 0;
    for (char c : text) {
        const int digit = hex_value(c);
        if (digit < 0) return std::nullopt;
        number = number << 4 | static_cast<uint64_t>(digit);
    }
    return number;
}

std::string segment_file_name(uint64_t number) {
    return hex16(number) + std::string(segment_suffix);
}

std::optional<uint64_t> segment_number(std::string_view file_name) {
    if (!ends_with(file_name, segment_suffix)) return std::nullopt;
    file_name.remove_suffix(segment_suffix.size());
    return parse_hex16(file_name);
}

bool is_spare_name(std::string_view file_name) {
    return ends_with(file_name, spare_suffix);
}

bool is_damaged_name(std::string_view file_name) {
    return file_name.substr(0, damaged_prefix.size()) == damaged_prefix;
}

std::string damaged_file_name(uint64_t segment, uint64_t offset) {
    return std::string(damaged_prefix) + hex16(segment) + "-" + std::to_string(offset);
}

}  // namespace momento
