#include <array>

#include "spool/little_endian.h"
#include "spool/record.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

namespace momento {

namespace {

constexpr uint32_t polynomial = 0x82F63B78;  // Castagnoli, reflected (RFC 3720, B.4)

constexpr std::array<std::array<uint32_t, 256>, 8> make_tables() {
    std::array<std::array<uint32_t, 256>, 8> tables{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? polynomial : 0);
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; ++i) {
        for (size_t t = 1; t < 8; ++t) {
            tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xFF];
        }
    }
    return tables;
}

constexpr std::array<std::array<uint32_t, 256>, 8> tables = make_tables();

uint32_t update_by_table(uint32_t crc, const unsigned char* at, size_t size) {
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word = load_le<uint64_t>(at) ^ crc;
        crc = 0;
        for (size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][(word >> (8 * i)) & 0xFF];
    }
    for (; size > 0; ++at, --size) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xFF];
    return crc;
}

#if defined(__x86_64__)

// The instruction's result is there after three cycles, and one can begin in each: so three
// thirds of a round are worked on side by side. A usual event's record is one round.
constexpr size_t third_words = 20;
constexpr size_t third = third_words * sizeof(uint64_t);
constexpr size_t round_size = 3 * third;

// What a CRC is multiplied by, without carries, to become the one behind `size` more bytes of
// zeros, less the step of the instruction that is to take the product: x^(8 * size - 33). Of
// the 33, 32 are that step's, and one is what reflected factors lack.
constexpr int64_t make_shift(size_t size) {
    uint32_t power = 0x80000000;  // x^0, reflected
    for (size_t i = 0; i < 8 * size - 33; ++i) {
        power = (power >> 1) ^ (power & 1 ? polynomial : 0);
    }
    return power;
}

constexpr int64_t shift_by_one = make_shift(third);
constexpr int64_t shift_by_two = make_shift(2 * third);

__attribute__((target("sse4.2,pclmul"))) uint32_t update_by_instruction(uint32_t crc,
                                                                        const unsigned char* at,
                                                                        size_t size) {
    const __m128i shifts = _mm_set_epi64x(shift_by_one, shift_by_two);
    uint64_t wide = crc;
    for (; size >= round_size; at += 2 * third, size -= round_size) {
        uint64_t second = 0;
        uint64_t last = 0;
        for (size_t i = 0; i + 1 < third_words; ++i, at += sizeof(uint64_t)) {
            wide = _mm_crc32_u64(wide, load_le<uint64_t>(at));
            second = _mm_crc32_u64(second, load_le<uint64_t>(at + third));
            last = _mm_crc32_u64(last, load_le<uint64_t>(at + 2 * third));
        }
        wide = _mm_crc32_u64(wide, load_le<uint64_t>(at));
        second = _mm_crc32_u64(second, load_le<uint64_t>(at + third));
        const __m128i both =
            _mm_set_epi64x(static_cast<int64_t>(second), static_cast<int64_t>(wide));
        const __m128i product = _mm_xor_si128(_mm_clmulepi64_si128(both, shifts, 0x00),
                                              _mm_clmulepi64_si128(both, shifts, 0x11));
        wide = _mm_crc32_u64(last, load_le<uint64_t>(at + 2 * third) ^
                                       static_cast<uint64_t>(_mm_cvtsi128_si64(product)));
        at += sizeof(uint64_t);
    }
    for (; size >= 8; at += 8, size -= 8) wide = _mm_crc32_u64(wide, load_le<uint64_t>(at));
    crc = static_cast<uint32_t>(wide);
    for (; size > 0; ++at, --size) crc = _mm_crc32_u8(crc, *at);
    return crc;
}

#endif

using Update = uint32_t (*)(uint32_t, const unsigned char*, size_t);

Update choose_update() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) {
        return update_by_instruction;
    }
#endif
    return update_by_table;
}

}  // namespace

uint32_t crc32c(uint32_t crc, const void* data, size_t size) {
    static const Update update = choose_update();
    return ~update(~crc, static_cast<const unsigned char*>(data), size);
}

uint32_t crc32c_portable(uint32_t crc, const void* data, size_t size) {
    return ~update_by_table(~crc, static_cast<const unsigned char*>(data), size);
}

}  // namespace momento
