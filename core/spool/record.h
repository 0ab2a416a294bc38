// A record: one event, or one dead letter, as it stands in a segment. All integers are
// little-endian.
//
//   offset size
//        0    4  magic F5 4D 52 FF: F5 and FF cannot occur in UTF-8, so not in JSON
//        4    4  length of the whole record
//        8    4  CRC32C over the segment's salt and the record with this field zero
//       12    1  kind: 1 event, 2 dead letter
//       13    1  origin: 0 webhook, 1 redrive
//       14    2  reserved, zero
//       16    8  sequence in its log, counted from 1
//       24    8  durable: the segment's offset up to which everything was synced when this
//                record was written. Damage below it is damage; damage above it is a torn
//                tail that was never acknowledged
//       32    8  accepted, ms since the epoch
//       40    8  publish_timestamp of the event, ms since the epoch
//       48   16  replay id: first bytes of the SHA-256 of the MAC
//       64    4  attempts so far
//       68    4  body length
//       72    8  first attempt, ms since the epoch; 0: none yet
//       80    8  last attempt, ms since the epoch; 0: none yet
//       88    8  held, ms: time in which the retry clock stood still
//       96    2  lengths of: cache
//       98    2  topic
//      100    2  trace header
//      102    2  destination (dead letters)
//      104    2  reason code (dead letters)
//      106    2  reason message (dead letters)
//      108    4  replay zone that remembers the signature (replay_zone_key()); 0: none
//      112       the body as it arrived, then the fields in the order of their lengths
//
// The body comes before the fields so that it can be received in place, before anything
// in it has been read: the event loop verifies, parses and stores the same bytes.
//
// Encoding and decoding are pure functions; any thread may call them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace momento {

using Salt = std::array<uint8_t, 16>;
using ReplayId = std::array<uint8_t, 16>;

inline constexpr std::string_view record_magic = "\xF5MR\xFF";
inline constexpr size_t record_header_size = 112;
inline constexpr size_t max_record_field = 2048;  // bytes of any one field

enum class RecordKind : uint8_t { event = 1, dead_letter = 2 };
enum class Origin : uint8_t { webhook = 0, redrive = 1 };

// A decoded record. The views point into the bytes it was decoded from.
struct Record {
    RecordKind kind = RecordKind::event;
    Origin origin = Origin::webhook;
    uint64_t sequence = 0;
    uint64_t durable = 0;
    int64_t accepted_ms = 0;
    int64_t publish_ms = 0;
    ReplayId replay_id{};
    uint32_t replay_zone = 0;
    uint32_t attempts = 0;
    int64_t first_attempt_ms = 0;
    int64_t last_attempt_ms = 0;
    int64_t held_ms = 0;
    std::string_view cache;
    std::string_view topic;
    std::string_view trace_header;
    std::string_view destination;
    std::string_view reason_code;
    std::string_view reason_message;
    std::string_view body;

    size_t encoded_size() const;
};

// A record on its way into a log: encoded, but for what only the writer knows (sequence,
// durable, CRC). Receive the body first, then finish() it.
class RecordBuffer {
  public:
    RecordBuffer() = default;
    explicit RecordBuffer(size_t expected_body);

    // Whole record from its parts, the body copied from record.body.
    static RecordBuffer from(const Record& record);

    void append_body(std::string_view piece);

    // The body so far; followed by body_padding readable bytes (base/bytes.h).
    std::string_view body() const;

    // Fills in everything but the body, which stays as received (record.body is ignored).
    // Fields longer than max_record_field are cut, between characters.
    void finish(const Record& record);

    // Done by the writer, again for every segment the record is written to.
    void seal(const Salt& salt, uint64_t sequence, uint64_t durable);

    // Another record can be received, in the same memory if that is large enough.
    void begin(size_t expected_body);
    size_t capacity() const { return bytes_.size(); }

    // Of a finished record.
    std::string_view bytes() const { return {bytes_.data(), size_}; }
    size_t size() const { return size_; }
    Origin origin() const;
    int64_t publish_ms() const;

  private:
    void reserve(size_t size);

    Bytes bytes_;      // at least size_ + body_padding of them
    size_t size_ = 0;  // of the record: header, body, fields
    size_t body_size_ = 0;
};

// RecordBuffer::seal() of a finished record that stands somewhere else. Gives its size.
size_t seal_record(char* record, const Salt& salt, uint64_t sequence, uint64_t durable);

// What a record's header says of it before the CRC has been looked at: a hint, never
// believed. Nothing unless the magic stands there and all lengths agree.
struct RecordOutline {
    size_t size = 0;
    uint64_t sequence = 0;
    uint64_t durable = 0;
};

std::optional<RecordOutline> outline_record(std::string_view bytes);

enum class DecodeError {
    absent,     // no magic here: the end of what was written, or damage
    truncated,  // more bytes are needed than were given
    damaged,    // a length or field out of range, or the CRC does not match
};

struct Decoded {
    std::optional<Record> record;  // or
    DecodeError error = DecodeError::absent;
};

// Decodes the record at the start of `bytes`. Only one whose CRC holds with this segment's
// salt is believed: a body may contain a forged record, but never the salt.
Decoded decode_record(std::string_view bytes, const Salt& salt);

// CRC-32C (RFC 3720, appendix B.4) of what `crc` is of, followed by `data`; of nothing: 0.
uint32_t crc32c(uint32_t crc, const void* data, size_t size);  // SSE 4.2 where there is one
uint32_t crc32c_portable(uint32_t crc, const void* data, size_t size);

}  // namespace momento
