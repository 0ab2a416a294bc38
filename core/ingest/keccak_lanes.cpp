#include "ingest/keccak_lanes.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

namespace momento {

namespace {

constexpr size_t digest_size = 32;
constexpr uint8_t inner_pad = 0x36;  // FIPS 198-1, 4
constexpr uint8_t outer_pad = 0x5c;

using Block = std::array<uint8_t, sha3_256_rate>;

// The last block of a message: its suffix and pad10*1 (FIPS 202, 6.1 and B.2).
void fill_last_block(Block& block, const void* tail, size_t size) {
    if (size > 0) std::memcpy(block.data(), tail, size);
    std::memset(block.data() + size, 0, block.size() - size);
    block[size] ^= 0x06;
    block.back() ^= 0x80;
}

// The states of all lanes, and what each lane is at.
class Sponges {
  public:
    Sponges(const KeccakLanes& lanes, const LaneMessage* messages, size_t count)
        : lanes_(lanes), next_(messages), end_(messages + count) {}
    Sponges(const Sponges&) = delete;
    Sponges& operator=(const Sponges&) = delete;
    // Whoever knows a key's states, or a whole state on the way, can forge.
    ~Sponges() {
        OPENSSL_cleanse(state_, sizeof(state_));
        for (Lane& lane : lane_) OPENSSL_cleanse(lane.last.data(), lane.last.size());
    }

    void run() {
        for (size_t l = 0; l < lanes_.width; ++l) start(l);
        while (absorb_shortest()) {
        }
    }

  private:
    enum class Phase { body, last_of_body, outer };
    struct Lane {
        const LaneMessage* message = nullptr;  // nullptr: idle
        Phase phase = Phase::body;
        const uint8_t* at = nullptr;  // `blocks` whole ones
        size_t blocks = 0;
        Block last;
    };

    void load(size_t l, const std::array<uint64_t, keccak_words>& from) {
        for (size_t i = 0; i < keccak_words; ++i) state_[i * lanes_.width + l] = from[i];
    }

    // Little-endian words in memory are the digest's bytes: lanes are for x86 only.
    void read_digest(size_t l, uint8_t* to) const {
        for (size_t i = 0; i < digest_size / sizeof(uint64_t); ++i) {
            std::memcpy(to + i * sizeof(uint64_t), &state_[i * lanes_.width + l],
                        sizeof(uint64_t));
        }
    }

    void start(size_t l) {
        Lane& lane = lane_[l];
        lane.message = next_ == end_ ? nullptr : next_++;
        if (lane.message == nullptr) return;
        load(l, lane.message->key->inner);
        lane.phase = Phase::body;
        lane.at = reinterpret_cast<const uint8_t*>(lane.message->body.data());
        lane.blocks = lane.message->body.size() / sha3_256_rate;
        if (lane.blocks == 0) enter_next_phase(l);
    }

    void enter_next_phase(size_t l) {
        Lane& lane = lane_[l];
        switch (lane.phase) {
            case Phase::body:
                fill_last_block(lane.last, lane.at, lane.message->body.size() % sha3_256_rate);
                lane.phase = Phase::last_of_body;
                break;
            case Phase::last_of_body: {
                std::array<uint8_t, digest_size> digest;
                read_digest(l, digest.data());
                load(l, lane.message->key->outer);
                fill_last_block(lane.last, digest.data(), digest.size());
                lane.phase = Phase::outer;
                break;
            }
            case Phase::outer:
                read_digest(l, lane.message->mac);
                start(l);
                return;
        }
        lane.at = lane.last.data();
        lane.blocks = 1;
    }

    // As many blocks as the lane with the fewest has. False if all lanes are idle.
    bool absorb_shortest() {
        const Lane* shortest = nullptr;
        for (const Lane& lane : lane_) {
            if (lane.message != nullptr &&
                (shortest == nullptr || lane.blocks < shortest->blocks)) {
                shortest = &lane;
            }
        }
        if (shortest == nullptr) return false;

        const size_t count = shortest->blocks;
        std::array<const uint8_t*, max_keccak_lanes> places;
        for (size_t l = 0; l < lanes_.width; ++l) {
            // What an idle lane absorbs does not matter, but it must be readable.
            places[l] = lane_[l].message != nullptr ? lane_[l].at : shortest->at;
        }
        lanes_.absorb(state_, places.data(), count);

        for (size_t l = 0; l < lanes_.width; ++l) {
            Lane& lane = lane_[l];
            if (lane.message == nullptr) continue;
            lane.at += count * sha3_256_rate;
            lane.blocks -= count;
            if (lane.blocks == 0) enter_next_phase(l);
        }
        return true;
    }

    const KeccakLanes& lanes_;
    const LaneMessage* next_;
    const LaneMessage* end_;
    std::array<Lane, max_keccak_lanes> lane_;
    alignas(64) uint64_t state_[keccak_words * max_keccak_lanes] = {};
};

}  // namespace

const KeccakLanes* widest_lanes() {
    static const KeccakLanes* const widest =
        avx512_lanes() != nullptr ? avx512_lanes() : avx2_lanes();
    return widest;
}

// The inner block goes through the first lane, the outer one through the second.
HmacKey::HmacKey(const KeccakLanes& lanes, std::string_view key) {
    Block padded[2];
    padded[0].fill(inner_pad);
    padded[1].fill(outer_pad);
    for (size_t i = 0; i < std::min(key.size(), sha3_256_rate); ++i) {
        for (Block& block : padded) block[i] ^= static_cast<uint8_t>(key[i]);
    }
    std::array<const uint8_t*, max_keccak_lanes> places;
    places.fill(padded[0].data());
    places[1] = padded[1].data();

    alignas(64) uint64_t state[keccak_words * max_keccak_lanes] = {};
    lanes.absorb(state, places.data(), 1);
    for (size_t i = 0; i < keccak_words; ++i) {
        inner[i] = state[i * lanes.width];
        outer[i] = state[i * lanes.width + 1];
    }
    OPENSSL_cleanse(state, sizeof(state));
    OPENSSL_cleanse(padded, sizeof(padded));
}

HmacKey::~HmacKey() {
    OPENSSL_cleanse(inner.data(), sizeof(inner));
    OPENSSL_cleanse(outer.data(), sizeof(outer));
}

void sign_in_lanes(const KeccakLanes& lanes, const LaneMessage* messages, size_t count) {
    Sponges(lanes, messages, count).run();
}

}  // namespace momento
