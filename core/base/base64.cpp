#include "base/base64.h"

#include <openssl/evp.h>

#include <cstdint>

namespace momento {
namespace {

// The six bits that a character stands for; -1 if it is of neither alphabet.
int bits_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

}  // namespace

std::string base64(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<size_t>(size));
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 == 0) {
        for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i)
            text.remove_suffix(1);
    }
    if (text.size() % 4 == 1) return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 2);
    uint32_t held = 0;
    int held_bits = 0;
    for (char c : text) {
        const int bits = bits_of(c);
        if (bits < 0) return std::nullopt;
        held = held << 6 | static_cast<uint32_t>(bits);
        held_bits += 6;
        if (held_bits < 8) continue;
        held_bits -= 8;
        bytes += static_cast<char>(held >> held_bits & 0xff);
    }
    return bytes;
}

}  // namespace momento
