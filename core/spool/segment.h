// The header at the start of every segment file. All integers are little-endian.
//
//   offset size
//        0    8  magic "MSEGMENT"
//        8    2  format version, 1
//       10    2  byte order mark, 0x0102
//       12    4  size of this header, 4096: where the first record starts
//       16   16  salt, mixed into every record's CRC; new each time a file is used again
//       32    8  number of this segment in its slot, counted from 1; the file's name too
//       40    8  sequence of the first record
//       48    8  predecessor's number; 0: none
//       56    8  predecessor's last good offset: nothing beyond it is believed
//       64    8  newest publish_timestamp in the predecessor, ms since the epoch
//       72    8  time of creation, ms since the epoch
//       80   16  slot's name
//       96    2  length of the destination's name
//       98  126  destination's name
//      224   16  predecessor's salt; zeros if an earlier version wrote this
//      240    8  sequence of predecessor's first record; 0: an earlier version wrote this
//      508    4  CRC32C of bytes 0 to 508
//
// Magic, version, byte order mark and the CRC's place are the same in all versions, so that
// a header of another version can be told from a damaged one. The 512 bytes are one sector:
// a header is written whole or not at all.
//
// A segment is a file of fixed size, written with zeros before its first use, so that
// appending changes no metadata and fdatasync has one thing to do.
//
// A slot's directory holds:
//   lock                          owned by the process that owns the slot
//   cursor                        what has been released (cursor.h)
//   cursor.new                    a cursor that was not finished
//   <16 hex digits>.segment       the log
//   <16 hex digits>.spare         files to be used as segments, zeroed or consumed; the
//                                 name says nothing, and what they hold is not believed
//   damaged-<segment>-<offset>    bytes in which nothing could be read, kept for a person
//   marks, marks.lock             what momentoctl decided about dead letters (marks.h)
//
// Pure functions; any thread may call them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "spool/record.h"

namespace momento {

inline constexpr uint16_t spool_format_version = 1;
inline constexpr uint16_t spool_byte_order_mark = 0x0102;
inline constexpr size_t segment_header_size = 4096;
inline constexpr size_t slot_name_length = 16;

struct SegmentHeader {
    Salt salt{};
    uint64_t number = 0;
    uint64_t first_sequence = 1;
    uint64_t predecessor = 0;
    Salt predecessor_salt{};
    uint64_t predecessor_first_sequence = 0;
    uint64_t predecessor_end = 0;
    int64_t predecessor_newest_publish_ms = 0;
    int64_t created_ms = 0;
    std::string slot;
    std::string destination;
};

std::string encode_segment_header(const SegmentHeader& header);

enum class HeaderState {
    valid,
    blank,    // zeros: written ahead, never used
    damaged,  // neither zeros nor a header
    foreign,  // a whole header of another format version or byte order: left alone
};

struct DecodedHeader {
    HeaderState state = HeaderState::blank;
    SegmentHeader header;
    uint16_t version = 0;
};

// `bytes`: the file's first segment_header_size bytes, or all of a shorter file.
DecodedHeader decode_segment_header(std::string_view bytes);

std::string hex16(uint64_t number);  // 16 lower-case digits
std::optional<uint64_t> parse_hex16(std::string_view text);

// "<16 hex digits>.segment"; nothing for any other name.
std::string segment_file_name(uint64_t number);
std::optional<uint64_t> segment_number(std::string_view file_name);

inline constexpr std::string_view spare_suffix = ".spare";
inline constexpr std::string_view damaged_prefix = "damaged-";
bool is_spare_name(std::string_view file_name);
std::string damaged_file_name(uint64_t segment, uint64_t offset);
bool is_damaged_name(std::string_view file_name);

// What is kept aside in a slot takes no room from its log. Nothing more is kept once it is
// this much.
inline constexpr uint64_t most_kept_aside = 64u << 20;

// A place in a log: a segment and an offset in it.
struct Position {
    uint64_t segment = 0;
    uint64_t offset = 0;

    friend bool operator==(const Position& a, const Position& b) {
        return a.segment == b.segment && a.offset == b.offset;
    }
    friend bool operator<(const Position& a, const Position& b) {
        return a.segment != b.segment ? a.segment < b.segment : a.offset < b.offset;
    }
};

}  // namespace momento
