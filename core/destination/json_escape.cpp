#include "destination/json_escape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <tmmintrin.h>
#endif

#include "base/hex.h"

namespace momento {
namespace {

constexpr uint64_t every_byte = 0x0101010101010101;
constexpr uint64_t high_bits = 0x80 * every_byte;

// The high bit of each byte that must be escaped. Bytes above the lowest such byte may be
// marked wrongly (the subtractions borrow): only the lowest mark is to be used.
uint64_t marks(uint64_t word) {
    uint64_t controls = word - 0x20 * every_byte;
    uint64_t quotes = (word ^ '"' * every_byte) - every_byte;
    uint64_t backslashes = (word ^ '\\' * every_byte) - every_byte;
    return (controls | quotes | backslashes) & ~word & high_bits;
}

char* write_escape(char* out, unsigned char c) {
    *out++ = '\\';
    switch (c) {
        case '\n':
            *out++ = 'n';
            return out;
        case '\r':
            *out++ = 'r';
            return out;
        case '\t':
            *out++ = 't';
            return out;
    }
    if (c >= 0x20) {
        *out++ = static_cast<char>(c);
        return out;
    }
    out[0] = 'u';
    out[1] = '0';
    out[2] = '0';
    out[3] = hex_digits[c >> 4];
    out[4] = hex_digits[c & 15];
    return out + 5;
}

bool needs_escape(unsigned char c) {
    return c < 0x20 || c == '"' || c == '\\';
}

// As json_escape.h's append_escaped, to `out`, which has room for the longest escapes of
// all of `text`. Gives the end of what was written.
char* escape_by_word(std::string_view text, char* out) {
    const char* in = text.data();
    const char* const end = in + text.size();
    while (in < end) {
        if (end - in < 8) {
            unsigned char c = static_cast<unsigned char>(*in++);
            if (needs_escape(c)) {
                out = write_escape(out, c);
            } else {
                *out++ = static_cast<char>(c);
            }
            continue;
        }
        // Eight bytes are written whatever they are; only the clean ones in front count.
        std::memcpy(out, in, 8);
        unsigned char bytes[8];
        std::memcpy(bytes, in, 8);
        uint64_t word = 0;
        for (int i = 7; i >= 0; --i) word = word << 8 | bytes[i];  // one load on little-endian
        uint64_t found = marks(word);
        if (found == 0) {
            in += 8;
            out += 8;
            continue;
        }
        int clean = __builtin_ctzll(found) / 8;
        in += clean;
        out = write_escape(out + clean, static_cast<unsigned char>(*in++));
    }
    return out;
}

#if defined(__x86_64__)

// For each set of bytes, of eight, that get a backslash: the shuffle that puts it in front of
// them. Bytes 0 to 7 are the text's, byte 8 is a backslash.
using Shuffles = std::array<std::array<uint8_t, 16>, 256>;

constexpr Shuffles make_shuffles() {
    Shuffles shuffles{};
    for (size_t escaped = 0; escaped < shuffles.size(); ++escaped) {
        size_t at = 0;
        for (uint8_t i = 0; i < 8; ++i) {
            if ((escaped >> i & 1) != 0) shuffles[escaped][at++] = 8;
            shuffles[escaped][at++] = i;
        }
    }
    return shuffles;
}

alignas(16) constexpr Shuffles shuffles = make_shuffles();

constexpr size_t width = 16;

// A block that has no control characters: escaped, with its end.
__attribute__((target("ssse3,popcnt"))) inline char* escape_block(__m128i bytes, char* out) {
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                       _mm_cmpeq_epi8(bytes, backslash));
    const auto escaped = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (escaped == 0) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
        return out + width;
    }
    const __m128i halves[] = {_mm_unpacklo_epi64(bytes, backslash),
                              _mm_unpackhi_epi64(bytes, backslash)};
    for (int half = 0; half < 2; ++half) {
        const unsigned mask = escaped >> (8 * half) & 0xFF;
        const auto* shuffle = reinterpret_cast<const __m128i*>(shuffles[mask].data());
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                         _mm_shuffle_epi8(halves[half], _mm_load_si128(shuffle)));
        out += 8 + __builtin_popcount(mask);
    }
    return out;
}

__attribute__((target("ssse3,popcnt"))) inline bool has_control(__m128i bytes) {
    const __m128i last_control = _mm_set1_epi8(0x1f);
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes)) != 0;
}

__attribute__((target("ssse3,popcnt"))) char* escape_by_shuffle(std::string_view text,
                                                                char* out) {
    while (text.size() >= width) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data()));
        out = has_control(bytes) ? escape_by_word(text.substr(0, width), out)
                                 : escape_block(bytes, out);
        text.remove_prefix(width);
    }
    if (text.empty()) return out;
    __m128i bytes = _mm_set1_epi8(' ');  // blanks behind the text, which are not kept
    std::memcpy(&bytes, text.data(), text.size());
    if (has_control(bytes)) return escape_by_word(text, out);
    return escape_block(bytes, out) - (width - text.size());
}

#endif

using Escape = char* (*)(std::string_view, char*);

Escape choose_escape() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt")) {
        return escape_by_shuffle;
    }
#endif
    return escape_by_word;
}

void append_in_pieces(std::string& json, std::string_view text, Escape escape) {
    constexpr size_t piece = 512;
    constexpr size_t longest_escape = 6;  // "\u00XX"
    constexpr size_t excess = 32;         // written behind the end
    char buffer[piece * longest_escape + excess];
    while (!text.empty()) {
        const char* end = escape(text.substr(0, piece), buffer);
        json.append(buffer, static_cast<size_t>(end - buffer));
        text.remove_prefix(std::min(piece, text.size()));
    }
}

}  // namespace

void append_escaped(std::string& json, std::string_view text) {
    static const Escape escape = choose_escape();
    append_in_pieces(json, text, escape);
}

void append_escaped_portable(std::string& json, std::string_view text) {
    append_in_pieces(json, text, escape_by_word);
}

}  // namespace momento
