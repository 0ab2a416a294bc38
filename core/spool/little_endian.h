// Integers in files are little-endian, whatever the machine is. Compilers turn these into
// single moves on x86 and ARM.
#pragma once

#include <cstddef>
#include <cstdint>

namespace momento {

template <class T>
void store_le(void* to, T value) {
    auto* bytes = static_cast<unsigned char*>(to);
    auto bits = static_cast<uint64_t>(value);
    for (size_t i = 0; i < sizeof(T); ++i) {
        bytes[i] = static_cast<unsigned char>(bits >> (8 * i));
    }
}

template <class T>
T load_le(const void* from) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof(T); ++i) bits |= uint64_t{bytes[i]} << (8 * i);
    return static_cast<T>(bits);
}

}  // namespace momento
