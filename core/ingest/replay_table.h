// Remembers which signatures were accepted, so that a webhook that is played again has no
// effect.
//
// A hash table in memory that all workers share: entries of 32 bytes in buckets of 16. An
// id may stand in either of two buckets, so a call looks at 32 entries at most, however
// large the table is. Ids are hashes already; nothing is hashed here.
//
// An entry is pending from reserve() until its owner, the process that judged the webhook,
// has settled or withdrawn it. Only one whose time is over makes room for another: a full
// table refuses, and never forgets too early.
//
// The table does not lock: every call that changes something is made under the lock of the
// memory. Each entry is valid at every instant, its state being written last, so a process
// that is killed in the middle leaves a usable table.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "spool/record.h"

namespace momento {

class ReplayTable {
  public:
    enum class State : uint32_t {
        free,  // zeros
        pending,
        accepted,
        delivered,  // accepted, and on the bus since
        malformed,
    };

    struct Entry {
        ReplayId id;
        int64_t expires_ms;  // wall clock
        uint32_t owner;      // process id; whose a pending entry is
        std::atomic<State> state;
    };
    static constexpr size_t bucket_entries = 16;
    using Bucket = std::array<Entry, bucket_entries>;

    ReplayTable() = default;  // without room
    // `memory` is aligned for an int64_t, and zeros or what an earlier table left in it.
    ReplayTable(void* memory, size_t size);

    size_t capacity() const { return bucket_count_ * bucket_entries; }

    // Entries whose time is not over; needs no lock. Of a large table it looks at some
    // buckets only, and tells about how many: ids are evenly spread, and the event loop that
    // asks has no time, nor the machine memory, for what was never used.
    size_t count(int64_t now_ms) const;
    static constexpr size_t counted_buckets = 4'096;  // a table up to here is counted exactly

    struct Found {
        State state;
        uint32_t owner;
    };
    std::optional<Found> find(const ReplayId& id, int64_t now_ms) const;

    enum class Outcome {
        reserved,
        known,  // `found` tells as what
        full,
    };
    struct Reservation {
        Outcome outcome;
        Found found{};
    };
    // Makes a pending entry of `owner`, unless there is one of that id.
    Reservation reserve(const ReplayId& id, uint32_t owner, int64_t expires_ms, int64_t now_ms);

    // A pending entry becomes accepted or malformed, an accepted one delivered.
    void settle(const ReplayId& id, State state, int64_t now_ms);

    // Forgets a pending entry of `owner`.
    void withdraw(const ReplayId& id, uint32_t owner, int64_t now_ms);

    // A pending entry of `from`, which is dead, is `owner`'s from now on. False if it is not
    // `from`'s any more: somebody else was faster.
    bool take_over(const ReplayId& id, uint32_t from, uint32_t owner, int64_t now_ms);

    // Makes a settled entry of an id that was accepted before this table was there, unless
    // it is known. False if there is no room.
    bool remember(const ReplayId& id, State state, int64_t expires_ms, int64_t now_ms);

  private:
    std::array<Bucket*, 2> buckets(const ReplayId& id) const;
    Entry* look_up(const ReplayId& id, int64_t now_ms) const;
    Entry* pending(const ReplayId& id, uint32_t owner, int64_t now_ms) const;
    Entry* make_room(const ReplayId& id, int64_t now_ms) const;
    static void write(Entry& entry, const ReplayId& id, State state, uint32_t owner,
                      int64_t expires_ms);

    Bucket* buckets_ = nullptr;
    size_t bucket_count_ = 0;
};
static_assert(sizeof(ReplayTable::Entry) == 32);
static_assert(std::atomic<ReplayTable::State>::is_always_lock_free);

}  // namespace momento
