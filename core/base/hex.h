// Hexadecimal with lower-case digits, as signatures and file names have it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace momento {

inline constexpr std::string_view hex_digits = "0123456789abcdef";

inline void append_hex(std::string& text, uint8_t byte) {
    text += hex_digits[byte >> 4];
    text += hex_digits[byte & 15];
}

inline std::string to_hex(std::string_view bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (char byte : bytes) append_hex(text, static_cast<uint8_t>(byte));
    return text;
}

// By arithmetic, which compilers turn into a few instructions for all of them.
template <size_t size>
void append_hex(std::string& text, const std::array<uint8_t, size>& bytes) {
    char digits[2 * size];
    auto digit = [](int value) {
        return static_cast<char>(value + (value < 10 ? '0' : 'a' - 10));
    };
    for (size_t i = 0; i < size; ++i) {
        digits[2 * i] = digit(bytes[i] >> 4);
        digits[2 * i + 1] = digit(bytes[i] & 15);
    }
    text.append(digits, sizeof digits);
}

template <size_t size>
std::string to_hex(const std::array<uint8_t, size>& bytes) {
    std::string text;
    append_hex(text, bytes);
    return text;
}

// By character; -1: not a lower-case digit. A table, because the digits of a MAC cannot be
// predicted.
constexpr std::array<int8_t, 256> make_hex_values() {
    std::array<int8_t, 256> values{};
    for (int8_t& value : values) value = -1;
    for (size_t i = 0; i < hex_digits.size(); ++i) {
        values[static_cast<uint8_t>(hex_digits[i])] = static_cast<int8_t>(i);
    }
    return values;
}

inline constexpr std::array<int8_t, 256> hex_values = make_hex_values();

inline int hex_value(char digit) {
    return hex_values[static_cast<uint8_t>(digit)];
}

}  // namespace momento
