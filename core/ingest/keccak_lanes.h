// HMAC-SHA3-256 of several bodies at once: as many Keccak states as a vector register has
// 64-bit lanes, each with a key and a body of its own.
//
// One permutation of eight states takes about as long as OpenSSL's of one; so whoever has
// several bodies at hand asks here, and OpenSSL is for one at a time and for machines whose
// instruction set has no lanes. Pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace momento {

inline constexpr size_t sha3_256_rate = 136;  // bytes absorbed by a permutation; FIPS 202, 6.1
inline constexpr size_t keccak_words = 25;    // 64-bit words of a state
inline constexpr size_t max_keccak_lanes = 8;

// What an instruction set brings.
struct KeccakLanes {
    const char* name;
    size_t width;  // lanes
    // Absorbs `count` blocks from each of `width` places. Word i of lane l is
    // state[i * width + l], aligned to 64 bytes.
    void (*absorb)(uint64_t* state, const uint8_t* const* blocks, size_t count);
};

// nullptr: not on this machine.
const KeccakLanes* avx512_lanes();
const KeccakLanes* avx2_lanes();
const KeccakLanes* widest_lanes();

// A key, absorbed: the states behind the inner and the outer block of HMAC (FIPS 198-1).
// Cleansed when dropped.
struct HmacKey {
    // `key` is at most sha3_256_rate long: a longer one is replaced by its hash before.
    HmacKey(const KeccakLanes& lanes, std::string_view key);
    HmacKey(const HmacKey&) = delete;
    HmacKey& operator=(const HmacKey&) = delete;
    ~HmacKey();

    std::array<uint64_t, keccak_words> inner;
    std::array<uint64_t, keccak_words> outer;
};

struct LaneMessage {
    const HmacKey* key;
    std::string_view body;
    uint8_t* mac;  // 32 bytes, written
};

// Any number of messages of any lengths: a lane that is done takes the next one.
void sign_in_lanes(const KeccakLanes& lanes, const LaneMessage* messages, size_t count);

}  // namespace momento
