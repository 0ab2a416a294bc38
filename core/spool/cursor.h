// The cursor: what of a log has been released, and how. Kept by the log's writer.
//
// It holds the lowest unreleased record's place and a bitmap of what was released beyond
// it, with totals from which the metrics are exact after any crash. The file "cursor" has
// two slots of 4096 bytes. Between two syncs only one slot is written, the one that was
// not synced last: so one of them is always whole on disk.
//
//   offset size                                   offset size
//        0    8  magic "MCURSOR1"                     56    8  delivered
//        8    2  format version, 1                    64    8  dead
//       10    2  byte order mark, 0x0102              72    8  requeued
//       12    4  bitmap length in bytes               80    8  damaged
//       16    8  generation                           88    8  redriven (origin redrive)
//       24    8  base sequence: lowest unreleased     96    8  last sequence given out
//       32    8  base segment                        104   24  reserved, zero
//       40    8  base offset                         128       bitmap
//       48    8  own from; 0: all is its own        4092    4  CRC32C of bytes 0 to 4092
//
// "own from": the sequence from which on records stand only in segments that name this slot.
// Those before it were another slot's, which may have gone on in the same file
// (waiting_slot.h).
//
// Bit i of the bitmap: the record with sequence base + i is released.
//
// The base's place is one that reading can start from: the record with the base sequence
// stands there or, if releases came out of order, a little further on in that segment.
//
// Pure values; a Cursor belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "spool/segment.h"

namespace momento {

inline constexpr size_t cursor_slot_size = 4096;
inline constexpr size_t cursor_file_size = 2 * cursor_slot_size;
inline constexpr uint64_t cursor_window = 16'384;  // records a release may be ahead of the base

enum class Resolution : uint8_t {
    delivered,
    dead,      // its letter is durable
    requeued,  // appended again at the tail, durable there
    damaged,   // its bytes were lost on disk; counted, kept aside
};

// Totals over the life of a slot. Every record with a sequence up to `last_sequence` is
// one of: delivered, dead, requeued, damaged, or pending.
struct SlotTotals {
    uint64_t last_sequence = 0;
    uint64_t delivered = 0;
    uint64_t dead = 0;
    uint64_t requeued = 0;
    uint64_t damaged = 0;
    uint64_t redriven = 0;  // of those that were not requeued

    uint64_t pending() const { return last_sequence - delivered - dead - requeued - damaged; }
};

// One released record. `end` is the place behind it.
struct Release {
    uint64_t sequence = 0;
    Position end;
    Resolution resolution = Resolution::delivered;
    Origin origin = Origin::webhook;  // matters if it was requeued
    uint8_t reason = 0;  // matters if it is dead: its place in DestinationMetrics::dead
};

struct CursorState {
    uint64_t generation = 0;
    uint64_t base_sequence = 1;
    Position base;
    uint64_t own_from = 0;
    std::array<uint64_t, cursor_window / 64> released{};  // bit i: base_sequence + i
    SlotTotals totals;

    bool is_released(uint64_t sequence) const;
};

std::string encode_cursor(const CursorState& state);  // one slot

// The newest whole slot of a cursor file's bytes; `foreign` is set if a whole one names
// another format version or byte order.
Result<CursorState> decode_cursor(std::string_view file, bool* foreign);

// In memory: applies releases in any order and moves the base.
class Cursor {
  public:
    explicit Cursor(CursorState state = {});

    const CursorState& state() const { return state_; }

    // The state as it is to be written next: a generation newer than any before.
    const CursorState& next_generation() {
        ++state_.generation;
        return state_;
    }

    // False if its sequence lies beyond the window: requeue what blocks it first. Releasing
    // twice is harmless and counts once; what was never appended is ignored.
    bool release(const Release& release);

    // Records up to `last_sequence` exist; `redriven` of the new ones have that origin.
    void note_appended(uint64_t last_sequence, uint64_t redriven);

    // A segment of the log starts here: when everything before it is released, so does the
    // base. Segments are noted in their order.
    void note_segment(uint64_t first_sequence, Position first_record);

  private:
    void advance();

    CursorState state_;
    uint64_t ahead_ = 0;     // bits set beyond the base
    size_t used_words_ = 0;  // of the bitmap: all those bits are in the first ones
    Release furthest_;       // the released record with the highest sequence, and its end
    std::deque<std::pair<uint64_t, Position>> segments_;  // that start beyond the base
};

}  // namespace momento
