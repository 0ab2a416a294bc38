#include "spool/cursor.h"

#include <algorithm>
#include <cstring>

#include "spool/little_endian.h"

namespace momento {

namespace {

constexpr std::string_view cursor_magic = "MCURSOR1";

// Offsets in a slot (cursor.h).
constexpr size_t cursor_at_version = 8;
constexpr size_t cursor_at_byte_order = 10;
constexpr size_t cursor_at_bitmap_length = 12;
constexpr size_t cursor_at_generation = 16;
constexpr size_t cursor_at_base_sequence = 24;
constexpr size_t cursor_at_base_segment = 32;
constexpr size_t cursor_at_base_offset = 40;
constexpr size_t cursor_at_own_from = 48;
constexpr size_t cursor_at_delivered = 56;
constexpr size_t cursor_at_dead = 64;
constexpr size_t cursor_at_requeued = 72;
constexpr size_t cursor_at_damaged = 80;
constexpr size_t cursor_at_redriven = 88;
constexpr size_t cursor_at_last_sequence = 96;
constexpr size_t cursor_at_bitmap = 128;
constexpr size_t cursor_at_crc = 4092;

using Bitmap = decltype(CursorState::released);
constexpr size_t word_bits = 64;
constexpr size_t bitmap_size = cursor_window / 8;
static_assert(cursor_at_bitmap + bitmap_size <= cursor_at_crc);

enum class SlotState { whole, torn, foreign };

SlotState decode_slot(std::string_view bytes, CursorState& state) {
    const char* at = bytes.data();
    if (bytes.size() < cursor_slot_size ||
        bytes.substr(0, cursor_magic.size()) != cursor_magic ||
        load_le<uint32_t>(at + cursor_at_crc) != crc32c(0, at, cursor_at_crc)) {
        return SlotState::torn;
    }
    if (load_le<uint16_t>(at + cursor_at_version) != spool_format_version ||
        load_le<uint16_t>(at + cursor_at_byte_order) != spool_byte_order_mark) {
        return SlotState::foreign;
    }
    if (load_le<uint32_t>(at + cursor_at_bitmap_length) != bitmap_size) return SlotState::torn;

    state.generation = load_le<uint64_t>(at + cursor_at_generation);
    state.base_sequence = load_le<uint64_t>(at + cursor_at_base_sequence);
    state.base.segment = load_le<uint64_t>(at + cursor_at_base_segment);
    state.base.offset = load_le<uint64_t>(at + cursor_at_base_offset);
    state.own_from = load_le<uint64_t>(at + cursor_at_own_from);
    state.totals.delivered = load_le<uint64_t>(at + cursor_at_delivered);
    state.totals.dead = load_le<uint64_t>(at + cursor_at_dead);
    state.totals.requeued = load_le<uint64_t>(at + cursor_at_requeued);
    state.totals.damaged = load_le<uint64_t>(at + cursor_at_damaged);
    state.totals.redriven = load_le<uint64_t>(at + cursor_at_redriven);
    state.totals.last_sequence = load_le<uint64_t>(at + cursor_at_last_sequence);
    for (size_t i = 0; i < state.released.size(); ++i) {
        state.released[i] = load_le<uint64_t>(at + cursor_at_bitmap + i * sizeof(uint64_t));
    }
    return SlotState::whole;
}

// Drops the lowest `count` bits; the others, all in the first `used` words, move down.
void shift_down(Bitmap& bits, size_t used, size_t count) {
    const auto end = bits.begin() + static_cast<ptrdiff_t>(used);
    size_t words = std::min(count / word_bits, used);
    std::move(bits.begin() + static_cast<ptrdiff_t>(words), end, bits.begin());
    std::fill(end - static_cast<ptrdiff_t>(words), end, 0);
    size_t rest = count % word_bits;
    if (rest == 0) return;
    for (size_t i = 0; i < used; ++i) {
        uint64_t above = i + 1 < used ? bits[i + 1] : 0;
        bits[i] = bits[i] >> rest | above << (word_bits - rest);
    }
}

size_t trailing_ones(const Bitmap& bits) {
    size_t count = 0;
    for (uint64_t word : bits) {
        if (word != ~uint64_t{0}) return count + static_cast<size_t>(__builtin_ctzll(~word));
        count += word_bits;
    }
    return count;
}

}  // namespace

bool CursorState::is_released(uint64_t sequence) const {
    if (sequence < base_sequence) return true;
    uint64_t bit = sequence - base_sequence;
    if (bit >= cursor_window) return false;
    return (released[bit / word_bits] >> (bit % word_bits) & 1) != 0;
}

std::string encode_cursor(const CursorState& state) {
    std::string bytes(cursor_slot_size, '\0');
    char* at = bytes.data();
    std::memcpy(at, cursor_magic.data(), cursor_magic.size());
    store_le(at + cursor_at_version, spool_format_version);
    store_le(at + cursor_at_byte_order, spool_byte_order_mark);
    store_le(at + cursor_at_bitmap_length, static_cast<uint32_t>(bitmap_size));
    store_le(at + cursor_at_generation, state.generation);
    store_le(at + cursor_at_base_sequence, state.base_sequence);
    store_le(at + cursor_at_base_segment, state.base.segment);
    store_le(at + cursor_at_base_offset, state.base.offset);
    store_le(at + cursor_at_own_from, state.own_from);
    store_le(at + cursor_at_delivered, state.totals.delivered);
    store_le(at + cursor_at_dead, state.totals.dead);
    store_le(at + cursor_at_requeued, state.totals.requeued);
    store_le(at + cursor_at_damaged, state.totals.damaged);
    store_le(at + cursor_at_redriven, state.totals.redriven);
    store_le(at + cursor_at_last_sequence, state.totals.last_sequence);
    for (size_t i = 0; i < state.released.size(); ++i) {
        store_le(at + cursor_at_bitmap + i * sizeof(uint64_t), state.released[i]);
    }
    store_le(at + cursor_at_crc, crc32c(0, at, cursor_at_crc));
    return bytes;
}

Result<CursorState> decode_cursor(std::string_view file, bool* foreign) {
    *foreign = false;
    bool found = false;
    CursorState newest;
    for (size_t at = 0; at < cursor_file_size && at < file.size(); at += cursor_slot_size) {
        CursorState state;
        switch (decode_slot(file.substr(at, cursor_slot_size), state)) {
            case SlotState::foreign:
                *foreign = true;
                break;
            case SlotState::whole:
                if (!found || state.generation > newest.generation) newest = state;
                found = true;
                break;
            case SlotState::torn:
                break;
        }
    }
    if (*foreign) return Error{"the cursor has another format version", 0};
    if (!found) return Error{"the cursor has no whole slot", 0};
    return newest;
}

Cursor::Cursor(CursorState state) : state_(state) {
    for (size_t i = 0; i < state_.released.size(); ++i) {
        if (state_.released[i] == 0) continue;
        ahead_ += static_cast<uint64_t>(__builtin_popcountll(state_.released[i]));
        used_words_ = i + 1;
    }
    advance();
}

bool Cursor::release(const Release& release) {
    if (release.sequence > state_.totals.last_sequence) return true;
    if (state_.is_released(release.sequence)) return true;
    uint64_t bit = release.sequence - state_.base_sequence;
    if (bit >= cursor_window) return false;

    switch (release.resolution) {
        case Resolution::delivered:
            ++state_.totals.delivered;
            break;
        case Resolution::dead:
            ++state_.totals.dead;
            break;
        case Resolution::requeued:
            ++state_.totals.requeued;
            // Its copy has the same origin, and counts in its place.
            if (release.origin == Origin::redrive) --state_.totals.redriven;
            break;
        case Resolution::damaged:
            ++state_.totals.damaged;
            break;
    }
    if (release.sequence > furthest_.sequence) furthest_ = release;
    if (bit == 0 && ahead_ == 0) {
        // In order, the usual case: nothing to shift.
        ++state_.base_sequence;
    } else {
        state_.released[bit / word_bits] |= uint64_t{1} << (bit % word_bits);
        used_words_ = std::max<size_t>(used_words_, bit / word_bits + 1);
        ++ahead_;
    }
    advance();
    // In order, the place is known even while later releases wait for others.
    if (bit == 0) state_.base = std::max(state_.base, release.end);
    return true;
}

void Cursor::advance() {
    if (size_t count = trailing_ones(state_.released); count > 0) {
        shift_down(state_.released, used_words_, count);
        state_.base_sequence += count;
        ahead_ -= count;
        used_words_ = ahead_ > 0 ? used_words_ - count / word_bits : 0;
    }
    while (!segments_.empty() && segments_.front().first <= state_.base_sequence) {
        state_.base = std::max(state_.base, segments_.front().second);
        segments_.pop_front();
    }
    if (furthest_.sequence != 0 && furthest_.sequence < state_.base_sequence) {
        state_.base = std::max(state_.base, furthest_.end);
    }
}

void Cursor::note_appended(uint64_t last_sequence, uint64_t redriven) {
    state_.totals.last_sequence = std::max(state_.totals.last_sequence, last_sequence);
    state_.totals.redriven += redriven;
}

void Cursor::note_segment(uint64_t first_sequence, Position first_record) {
    segments_.emplace_back(first_sequence, first_record);
    advance();
}

}  // namespace momento
