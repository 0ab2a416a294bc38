// Keccak-f[1600] on vectors of states (FIPS 202, 3.2-3.4), for any instruction set.
//
// Included once by each keccak_<instruction set>.cpp, which defines before: MOMENTO_LANES
// (inline, and compiled for that instruction set whatever the compiler was told), Vector
// (one word of each state), lane_count, load(), store(), xor_of(), chi(), rotate(),
// broadcast(), load_words() and load_word().
#pragma once

#include "ingest/keccak_lanes.h"

namespace momento {
namespace {

constexpr std::array<uint64_t, 24> round_constants = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

// By word: x + 5 * y.
constexpr std::array<int, keccak_words> rotations = {
    0,  1,  62, 28, 27,  //
    36, 44, 6,  55, 20,  //
    3,  10, 43, 25, 39,  //
    41, 45, 15, 21, 8,   //
    18, 2,  61, 56, 14,
};

using State = Vector[keccak_words];

// The parity of column x.
template <size_t x>
MOMENTO_LANES Vector parity(const State& a) {
    return xor_of(xor_of(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
}

// What theta, rho and pi bring to place (x, y).
template <size_t x, size_t y>
MOMENTO_LANES Vector moved(const State& a, const Vector (&theta)[5]) {
    constexpr size_t column = (x + 3 * y) % 5;
    constexpr size_t word = column + 5 * x;
    return rotate<rotations[word]>(xor_of(a[word], theta[column]));
}

template <size_t y>
MOMENTO_LANES void make_row(const State& a, const Vector (&theta)[5], State& out) {
    const Vector b0 = moved<0, y>(a, theta);
    const Vector b1 = moved<1, y>(a, theta);
    const Vector b2 = moved<2, y>(a, theta);
    const Vector b3 = moved<3, y>(a, theta);
    const Vector b4 = moved<4, y>(a, theta);
    out[5 * y + 0] = chi(b0, b1, b2);
    out[5 * y + 1] = chi(b1, b2, b3);
    out[5 * y + 2] = chi(b2, b3, b4);
    out[5 * y + 3] = chi(b3, b4, b0);
    out[5 * y + 4] = chi(b4, b0, b1);
}

MOMENTO_LANES void make_round(const State& a, uint64_t constant, State& out) {
    const Vector c0 = parity<0>(a);
    const Vector c1 = parity<1>(a);
    const Vector c2 = parity<2>(a);
    const Vector c3 = parity<3>(a);
    const Vector c4 = parity<4>(a);
    const Vector theta[5] = {
        xor_of(c4, rotate<1>(c1)), xor_of(c0, rotate<1>(c2)), xor_of(c1, rotate<1>(c3)),
        xor_of(c2, rotate<1>(c4)), xor_of(c3, rotate<1>(c0)),
    };
    make_row<0>(a, theta, out);
    make_row<1>(a, theta, out);
    make_row<2>(a, theta, out);
    make_row<3>(a, theta, out);
    make_row<4>(a, theta, out);
    out[0] = xor_of(out[0], broadcast(constant));
}

MOMENTO_LANES void permute(State& a) {
    State b;
    for (size_t i = 0; i < round_constants.size(); i += 2) {
        make_round(a, round_constants[i], b);
        make_round(b, round_constants[i + 1], a);
    }
}

MOMENTO_LANES void absorb_blocks(uint64_t* state, const uint8_t* const* blocks, size_t count) {
    constexpr size_t rate_words = sha3_256_rate / sizeof(uint64_t);
    static_assert(rate_words % lane_count == 1, "whole vectors, and one word more");

    State a;
    for (size_t i = 0; i < keccak_words; ++i) a[i] = load(state + i * lane_count);
    for (size_t block = 0; block < count; ++block) {
        const size_t start = block * sha3_256_rate;
        for (size_t i = 0; i < rate_words - 1; i += lane_count) {
            Vector words[lane_count];
            load_words(blocks, start + i * sizeof(uint64_t), words);
            for (size_t j = 0; j < lane_count; ++j) a[i + j] = xor_of(a[i + j], words[j]);
        }
        const size_t last = rate_words - 1;
        a[last] = xor_of(a[last], load_word(blocks, start + last * sizeof(uint64_t)));
        permute(a);
    }
    for (size_t i = 0; i < keccak_words; ++i) store(state + i * lane_count, a[i]);
}

}  // namespace
}  // namespace momento
