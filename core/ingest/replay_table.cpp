#include "ingest/replay_table.h"

#include <algorithm>
#include <cstring>

#include "base/metrics.h"

namespace momento {

namespace {

bool is_live(const ReplayTable::Entry& entry, int64_t now_ms) {
    return entry.state.load(relaxed) != ReplayTable::State::free && entry.expires_ms >= now_ms;
}

}  // namespace

ReplayTable::ReplayTable(void* memory, size_t size)
    : buckets_(static_cast<Bucket*>(memory)), bucket_count_(size / sizeof(Bucket)) {}

size_t ReplayTable::count(int64_t now_ms) const {
    const size_t looked_at = std::min(bucket_count_, counted_buckets);
    size_t live = 0;
    for (size_t i = 0; i < looked_at; ++i) {
        const Bucket& bucket = buckets_[i * bucket_count_ / looked_at];
        for (const Entry& entry : bucket) live += is_live(entry, now_ms) ? 1 : 0;
    }
    return looked_at == 0 ? 0 : live * bucket_count_ / looked_at;
}

std::optional<ReplayTable::Found> ReplayTable::find(const ReplayId& id, int64_t now_ms) const {
    const Entry* entry = look_up(id, now_ms);
    if (entry == nullptr) return std::nullopt;
    return Found{entry->state.load(relaxed), entry->owner};
}

ReplayTable::Reservation ReplayTable::reserve(const ReplayId& id, uint32_t owner,
                                              int64_t expires_ms, int64_t now_ms) {
    if (const auto found = find(id, now_ms)) return {Outcome::known, *found};
    Entry* entry = make_room(id, now_ms);
    if (entry == nullptr) return {Outcome::full};
    write(*entry, id, State::pending, owner, expires_ms);
    return {Outcome::reserved};
}

void ReplayTable::settle(const ReplayId& id, State state, int64_t now_ms) {
    if (Entry* entry = look_up(id, now_ms)) entry->state.store(state, relaxed);
}

void ReplayTable::withdraw(const ReplayId& id, uint32_t owner, int64_t now_ms) {
    if (Entry* entry = pending(id, owner, now_ms)) entry->state.store(State::free, relaxed);
}

bool ReplayTable::take_over(const ReplayId& id, uint32_t from, uint32_t owner, int64_t now_ms) {
    Entry* entry = pending(id, from, now_ms);
    if (entry != nullptr) entry->owner = owner;
    return entry != nullptr;
}

bool ReplayTable::remember(const ReplayId& id, State state, int64_t expires_ms,
                           int64_t now_ms) {
    if (find(id, now_ms)) return true;
    Entry* entry = make_room(id, now_ms);
    if (entry == nullptr) return false;
    write(*entry, id, state, 0, expires_ms);
    return true;
}

std::array<ReplayTable::Bucket*, 2> ReplayTable::buckets(const ReplayId& id) const {
    std::array<uint64_t, 2> halves;
    static_assert(sizeof(halves) == sizeof(ReplayId));
    std::memcpy(halves.data(), id.data(), id.size());
    return {&buckets_[halves[0] % bucket_count_], &buckets_[halves[1] % bucket_count_]};
}

ReplayTable::Entry* ReplayTable::look_up(const ReplayId& id, int64_t now_ms) const {
    if (bucket_count_ == 0) return nullptr;
    for (Bucket* bucket : buckets(id)) {
        for (Entry& entry : *bucket) {
            if (entry.id == id && is_live(entry, now_ms)) return &entry;
        }
    }
    return nullptr;
}

ReplayTable::Entry* ReplayTable::pending(const ReplayId& id, uint32_t owner,
                                         int64_t now_ms) const {
    Entry* entry = look_up(id, now_ms);
    if (entry == nullptr || entry->state.load(relaxed) != State::pending) return nullptr;
    return entry->owner == owner ? entry : nullptr;
}

// In the emptier one of the two buckets: they fill up evenly, and so almost to the last
// entry. Source: Azar, Broder, Karlin, Upfal, "Balanced Allocations".
ReplayTable::Entry* ReplayTable::make_room(const ReplayId& id, int64_t now_ms) const {
    if (bucket_count_ == 0) return nullptr;
    Entry* best = nullptr;
    ptrdiff_t most = 0;
    for (Bucket* bucket : buckets(id)) {
        const auto has_room = [&](const Entry& entry) { return !is_live(entry, now_ms); };
        const auto room = std::count_if(bucket->begin(), bucket->end(), has_room);
        if (room <= most) continue;
        most = room;
        best = std::find_if(bucket->begin(), bucket->end(), has_room);
    }
    return best;
}

void ReplayTable::write(Entry& entry, const ReplayId& id, State state, uint32_t owner,
                        int64_t expires_ms) {
    // Whoever is killed between here and the last line leaves a free entry.
    entry.state.exchange(State::free, std::memory_order_acq_rel);
    entry.id = id;
    entry.owner = owner;
    entry.expires_ms = expires_ms;
    entry.state.store(state, std::memory_order_release);
}

}  // namespace momento
