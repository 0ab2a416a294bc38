#include <array>

#include "spool/little_endian.h"
#include "spool/record.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
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
__attribute__((target("sse4.2"))) uint32_t update_by_instruction(uint32_t crc,
                                                                 const unsigned char* at,
                                                                 size_t size) {
    uint64_t wide = crc;
    for (; size >= 8; at += 8, size -= 8) wide = _mm_crc32_u64(wide, load_le<uint64_t>(at));
    crc = static_cast<uint32_t>(wide);
    for (; size > 0; ++at, --size) crc = _mm_crc32_u8(crc, *at);
    return crc;
}
#endif

using Update = uint32_t (*)(uint32_t, const unsigned char*, size_t);

Update choose_update() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return update_by_instruction;
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
