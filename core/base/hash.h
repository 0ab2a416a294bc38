// A hash for places in tables in memory: FNV-1a, the same in every process and build. Not for
// what an attacker may choose.
#pragma once

#include <cstdint>
#include <string_view>

namespace momento {

inline constexpr uint64_t hash_seed = 0xcbf29ce484222325;

// Never 0, which is an empty place. `seed`: of what stands before it, for several texts.
inline uint64_t hash_of(std::string_view text, uint64_t seed = hash_seed) {
    for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return seed == 0 ? 1 : seed;
}

}  // namespace momento
