#include "destination/json_escape.h"

#include <cstdint>
#include <cstring>

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
    static constexpr char digits[] = "0123456789abcdef";
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
    out[3] = digits[c >> 4];
    out[4] = digits[c & 15];
    return out + 5;
}

bool needs_escape(unsigned char c) {
    return c < 0x20 || c == '"' || c == '\\';
}

}  // namespace

void append_escaped(std::string& json, std::string_view text) {
    constexpr size_t one_turn = 7 + 6;  // clean bytes and "\u00XX", the most the loop adds
    char buffer[1024];
    char* out = buffer;
    const char* in = text.data();
    const char* const end = in + text.size();
    while (in < end) {
        if (out > buffer + sizeof buffer - one_turn) {
            json.append(buffer, static_cast<size_t>(out - buffer));
            out = buffer;
        }
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
    json.append(buffer, static_cast<size_t>(out - buffer));
}

}  // namespace momento
