// Decodes records, segment headers and cursors from anything. The first byte chooses; bit 7
// asks for a right CRC, so that what lies behind it is reached too.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "spool/cursor.h"
#include "spool/little_endian.h"
#include "spool/record.h"
#include "spool/segment.h"

using namespace momento;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void put_crc(std::string& bytes, size_t at) {
    if (bytes.size() >= at + 4) store_le(&bytes[at], crc32c(0, bytes.data(), at));
}

void fuzz_record(std::string bytes, bool repair) {
    constexpr size_t at_crc = 8;
    const Salt salt{1, 2, 3};
    std::optional<RecordOutline> outline = outline_record(bytes);
    if (repair && outline && outline->size <= bytes.size()) {
        store_le(&bytes[at_crc], uint32_t{0});
        uint32_t crc = crc32c(0, salt.data(), salt.size());
        store_le(&bytes[at_crc], crc32c(crc, bytes.data(), outline->size));
    }
    Decoded decoded = decode_record(bytes, salt);
    if (!decoded.record) {
        require(!(repair && outline && outline->size <= bytes.size()));
        return;
    }
    require(decoded.record->encoded_size() == outline->size);
    RecordBuffer again = RecordBuffer::from(*decoded.record);
    again.seal(salt, decoded.record->sequence, decoded.record->durable);
    Decoded second = decode_record(again.bytes(), salt);
    require(second.record && second.record->body == decoded.record->body &&
            second.record->topic == decoded.record->topic &&
            second.record->reason_message == decoded.record->reason_message &&
            second.record->sequence == decoded.record->sequence);
}

void fuzz_header(std::string bytes, bool repair) {
    if (repair) put_crc(bytes, 508);
    DecodedHeader decoded = decode_segment_header(bytes);
    if (decoded.state != HeaderState::valid) return;
    DecodedHeader second = decode_segment_header(encode_segment_header(decoded.header));
    require(second.state == HeaderState::valid);
    require(second.header.number == decoded.header.number);
    require(second.header.destination == decoded.header.destination);
}

void fuzz_cursor(std::string bytes, bool repair) {
    bytes.resize(std::min(bytes.size(), cursor_file_size));
    if (repair) {
        bytes.resize(cursor_file_size);
        for (size_t slot = 0; slot < cursor_file_size; slot += cursor_slot_size) {
            std::string part = bytes.substr(slot, cursor_slot_size);
            put_crc(part, cursor_slot_size - 4);
            bytes.replace(slot, cursor_slot_size, part);
        }
    }
    bool foreign = false;
    Result<CursorState> state = decode_cursor(bytes, &foreign);
    if (!state) return;
    Cursor cursor(*state);
    for (uint64_t i = 0; i < 8; ++i) {
        uint64_t sequence = cursor.state().base_sequence + i * i * 97;
        cursor.release({sequence, {1, sequence}, Resolution::delivered});
        (void)cursor.state().is_released(sequence);
    }
    require(decode_cursor(encode_cursor(cursor.state()), &foreign) && !foreign);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    bool repair = (data[0] & 0x80) != 0;
    switch (data[0] % 3) {
        case 0:
            fuzz_record(std::move(bytes), repair);
            break;
        case 1:
            fuzz_header(std::move(bytes), repair);
            break;
        case 2:
            fuzz_cursor(std::move(bytes), repair);
            break;
    }
    return 0;
}
