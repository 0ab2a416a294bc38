#include "ingest/keccak_lanes.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#define MOMENTO_LANES __attribute__((target("avx2"), always_inline)) inline

namespace momento {
namespace {

using Vector = __m256i;
constexpr size_t lane_count = 4;

MOMENTO_LANES Vector load(const void* from) {
    return _mm256_loadu_si256(static_cast<const Vector*>(from));
}

MOMENTO_LANES void store(void* to, Vector a) {
    _mm256_storeu_si256(static_cast<Vector*>(to), a);
}

MOMENTO_LANES Vector broadcast(uint64_t word) {
    return _mm256_set1_epi64x(static_cast<long long>(word));
}

MOMENTO_LANES Vector xor_of(Vector a, Vector b) {
    return _mm256_xor_si256(a, b);
}

MOMENTO_LANES Vector xor_of(Vector a, Vector b, Vector c) {
    return xor_of(xor_of(a, b), c);
}

// a xor (not b and c); FIPS 202, 3.2.4
MOMENTO_LANES Vector chi(Vector a, Vector b, Vector c) {
    return xor_of(a, _mm256_andnot_si256(b, c));
}

template <int bits>
MOMENTO_LANES Vector rotate(Vector a) {
    return _mm256_or_si256(_mm256_slli_epi64(a, bits), _mm256_srli_epi64(a, 64 - bits));
}

// Four words from each lane's place, transposed.
MOMENTO_LANES void load_words(const uint8_t* const* places, size_t offset,
                              Vector (&words)[lane_count]) {
    const Vector row0 = load(places[0] + offset);
    const Vector row1 = load(places[1] + offset);
    const Vector row2 = load(places[2] + offset);
    const Vector row3 = load(places[3] + offset);
    const Vector low01 = _mm256_unpacklo_epi64(row0, row1);
    const Vector low23 = _mm256_unpacklo_epi64(row2, row3);
    const Vector high01 = _mm256_unpackhi_epi64(row0, row1);
    const Vector high23 = _mm256_unpackhi_epi64(row2, row3);
    words[0] = _mm256_permute2x128_si256(low01, low23, 0x20);
    words[1] = _mm256_permute2x128_si256(high01, high23, 0x20);
    words[2] = _mm256_permute2x128_si256(low01, low23, 0x31);
    words[3] = _mm256_permute2x128_si256(high01, high23, 0x31);
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

__attribute__((target("avx2"))) void absorb(uint64_t* state, const uint8_t* const* blocks,
                                            size_t count) {
    absorb_blocks(state, blocks, count);
}

constexpr KeccakLanes lanes = {"AVX2", lane_count, absorb};

}  // namespace

const KeccakLanes* avx2_lanes() {
    return __builtin_cpu_supports("avx2") ? &lanes : nullptr;
}

}  // namespace momento

#else

namespace momento {

const KeccakLanes* avx2_lanes() {
    return nullptr;
}

}  // namespace momento

#endif
