#include "ingest/keccak_lanes.h"

#if defined(__x86_64__)

// GCC 12 takes its own header's "undefined" registers for a mistake (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>

#include <cstring>

#define MOMENTO_LANES __attribute__((target("avx512f"), always_inline)) inline

namespace momento {
namespace {

using Vector = __m512i;
constexpr size_t lane_count = 8;

MOMENTO_LANES Vector load(const void* from) {
    return _mm512_loadu_si512(from);
}

MOMENTO_LANES void store(void* to, Vector a) {
    _mm512_storeu_si512(to, a);
}

MOMENTO_LANES Vector broadcast(uint64_t word) {
    return _mm512_set1_epi64(static_cast<long long>(word));
}

MOMENTO_LANES Vector xor_of(Vector a, Vector b) {
    return _mm512_xor_si512(a, b);
}

MOMENTO_LANES Vector xor_of(Vector a, Vector b, Vector c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

// a xor (not b and c); FIPS 202, 3.2.4
MOMENTO_LANES Vector chi(Vector a, Vector b, Vector c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0xd2);
}

template <int bits>
MOMENTO_LANES Vector rotate(Vector a) {
    return _mm512_rol_epi64(a, bits);
}

// Words 2k of four pairs of lanes: of each pair's 128-bit part k.
MOMENTO_LANES void transpose_parts(const Vector (&pairs)[4], Vector* words) {
    const Vector even0 = _mm512_shuffle_i64x2(pairs[0], pairs[1], 0x88);
    const Vector even1 = _mm512_shuffle_i64x2(pairs[2], pairs[3], 0x88);
    const Vector odd0 = _mm512_shuffle_i64x2(pairs[0], pairs[1], 0xdd);
    const Vector odd1 = _mm512_shuffle_i64x2(pairs[2], pairs[3], 0xdd);
    words[0] = _mm512_shuffle_i64x2(even0, even1, 0x88);
    words[2] = _mm512_shuffle_i64x2(odd0, odd1, 0x88);
    words[4] = _mm512_shuffle_i64x2(even0, even1, 0xdd);
    words[6] = _mm512_shuffle_i64x2(odd0, odd1, 0xdd);
}

// Eight words from each lane's place, transposed.
MOMENTO_LANES void load_words(const uint8_t* const* places, size_t offset,
                              Vector (&words)[lane_count]) {
    Vector low[4];
    Vector high[4];
    for (size_t i = 0; i < 4; ++i) {
        const Vector even = load(places[2 * i] + offset);
        const Vector odd = load(places[2 * i + 1] + offset);
        low[i] = _mm512_unpacklo_epi64(even, odd);
        high[i] = _mm512_unpackhi_epi64(even, odd);
    }
    transpose_parts(low, words);
    transpose_parts(high, words + 1);
}

MOMENTO_LANES Vector load_word(const uint8_t* const* places, size_t offset) {
    alignas(Vector) uint64_t words[lane_count];
    for (size_t l = 0; l < lane_count; ++l) {
        std::memcpy(&words[l], places[l] + offset, sizeof(uint64_t));
    }
    return load(words);
}

}  // namespace
}  // namespace momento

#include "ingest/keccak_rounds.h"

namespace momento {

namespace {

__attribute__((target("avx512f"))) void absorb(uint64_t* state, const uint8_t* const* blocks,
                                               size_t count) {
    absorb_blocks(state, blocks, count);
}

constexpr KeccakLanes lanes = {"AVX-512", lane_count, absorb};

}  // namespace

const KeccakLanes* avx512_lanes() {
    return __builtin_cpu_supports("avx512f") ? &lanes : nullptr;
}

}  // namespace momento

#else

namespace momento {

const KeccakLanes* avx512_lanes() {
    return nullptr;
}

}  // namespace momento

#endif
