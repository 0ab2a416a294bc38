// Integers in files are little-endian, whatever the machine is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace momento {

inline constexpr bool machine_is_little_endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

template <class T>
void store_le(void* to, T value) {
    if constexpr (machine_is_little_endian) {
        std::memcpy(to, &value, sizeof(value));
    } else {
        auto* bytes = static_cast<unsigned char*>(to);
        for (size_t i = 0; i < sizeof(T); ++i) {
            bytes[i] = static_cast<unsigned char>(static_cast<uint64_t>(value) >> (8 * i));
        }
    }
}

template <class T>
T load_le(const void* from) {
    if constexpr (machine_is_little_endian) {
        T value;
        std::memcpy(&value, from, sizeof(value));
        return value;
    } else {
        const auto* bytes = static_cast<const unsigned char*>(from);
        uint64_t bits = 0;
        for (size_t i = 0; i < sizeof(T); ++i) bits |= uint64_t{bytes[i]} << (8 * i);
        return static_cast<T>(bits);
    }
}

}  // namespace momento
