#include "gateway/slot_table.h"

#include <algorithm>

#include "base/hash.h"

namespace momento {
namespace {

constexpr uint64_t nobody = UINT64_MAX;  // owner

// Of the cell that tells of a slot that nobody has opened yet.
uint64_t blocked_key(uint64_t slot) {
    return hash_of("blocked", slot);
}

}  // namespace

void SlotTable::Totals::store(const SlotTotals& totals) {
    last_sequence.store(totals.last_sequence, relaxed);
    delivered.store(totals.delivered, relaxed);
    dead.store(totals.dead, relaxed);
    requeued.store(totals.requeued, relaxed);
    damaged.store(totals.damaged, relaxed);
    redriven.store(totals.redriven, relaxed);
}

SlotTotals SlotTable::Totals::load() const {
    SlotTotals totals;
    totals.last_sequence = last_sequence.load(relaxed);
    totals.delivered = delivered.load(relaxed);
    totals.dead = dead.load(relaxed);
    totals.requeued = requeued.load(relaxed);
    totals.damaged = damaged.load(relaxed);
    totals.redriven = redriven.load(relaxed);
    return totals;
}

SlotTable::Cell* SlotTable::find_or_take(uint64_t key) {
    for (size_t i = 0; i < capacity; ++i) {
        Cell& cell = cells_[(key + i) % capacity];
        uint64_t present = cell.key.load(std::memory_order_acquire);
        if (present == 0 && cell.key.compare_exchange_strong(present, key)) return &cell;
        if (present == key) return &cell;
    }
    return nullptr;
}

SlotTable::Cell* SlotTable::find(uint64_t key) {
    for (size_t i = 0; i < capacity; ++i) {
        Cell& cell = cells_[(key + i) % capacity];
        const uint64_t present = cell.key.load(std::memory_order_acquire);
        if (present == key) return &cell;
        if (present == 0) return nullptr;
    }
    return nullptr;
}

bool SlotTable::publish(std::string_view destination, std::string_view slot, size_t owner,
                        const SlotTotals& found, const LogNumbers& numbers) {
    const uint64_t destination_hash = hash_of(destination);
    const uint64_t key = hash_of(slot, destination_hash);
    Cell* cell = find_or_take(key);
    if (cell == nullptr) return false;

    // Only the slot's owner gets here, so that nobody else is at work on this cell.
    if (cell->ready.load(std::memory_order_acquire) == 0) {
        cell->destination.store(destination_hash, relaxed);
        cell->found.store(found);
    }
    cell->owner.store(numbers.let_go ? nobody : owner, relaxed);
    cell->now.store(numbers.totals);
    cell->bytes.store(numbers.bytes, relaxed);
    if (numbers.limit > 0) cell->limit.store(numbers.limit, relaxed);
    cell->fullness.store(numbers.fullness, relaxed);
    if (!numbers.let_go) cell->poisoned.store(numbers.poisoned, relaxed);
    cell->unreadable.store(numbers.unreadable, relaxed);
    // The writer looks once a second only; that nothing is pending it knows at once.
    const bool pending = numbers.totals.pending() > 0;
    cell->oldest_pending_ms.store(
        pending ? static_cast<uint64_t>(numbers.oldest_pending_ms) : 0, relaxed);
    cell->failing.store(numbers.failing, relaxed);
    cell->full.store(numbers.full, relaxed);
    cell->ready.store(1, std::memory_order_release);
    // Only now: at no time shall it look as if nothing were pending.
    if (Cell* blocked = find(blocked_key(key))) tell_blocked(*blocked, 0);
    return true;
}

// In a cell of its own, if nobody has opened the slot yet: what it holds counts when it is.
void SlotTable::publish_blocked(std::string_view destination, std::string_view slot,
                                uint64_t events) {
    const uint64_t destination_hash = hash_of(destination);
    const uint64_t key = hash_of(slot, destination_hash);
    Cell* known = find(key);
    if (known != nullptr && known->ready.load(std::memory_order_acquire) != 0) {
        const uint64_t pending = known->now.load().pending();
        known->unreadable.store(pending, relaxed);
        if (pending > 0) return;
    }
    Cell* blocked = find_or_take(blocked_key(key));
    if (blocked == nullptr) return;
    blocked->destination.store(destination_hash, relaxed);
    tell_blocked(*blocked, events);
}

void SlotTable::tell_blocked(Cell& cell, uint64_t events) {
    SlotTotals totals;
    totals.last_sequence = events;
    cell.found.store(totals);
    cell.now.store(totals);
    cell.unreadable.store(events, relaxed);
    cell.ready.store(1, std::memory_order_release);
}

void SlotTable::forget(size_t owner) {
    for (Cell& cell : cells_) {
        if (cell.owner.load(relaxed) != owner) continue;
        cell.failing.store(0, relaxed);
        cell.full.store(0, relaxed);
    }
}

DestinationNumbers SlotTable::sum(std::string_view destination,
                                  const std::vector<size_t>& living) const {
    const uint64_t destination_hash = hash_of(destination);
    DestinationNumbers sum;
    for (const Cell& cell : cells_) {
        if (cell.ready.load(std::memory_order_acquire) == 0) continue;
        if (cell.destination.load(relaxed) != destination_hash) continue;

        const SlotTotals found = cell.found.load();
        const SlotTotals now = cell.now.load();
        const auto since = [&](uint64_t SlotTotals::*number) {
            return static_cast<int64_t>(now.*number - found.*number);
        };
        // A slot of which nothing was ever resolved still has its redriven events: momentoctl
        // made it, and whoever adopted it is the first to count them.
        const bool untouched = found.pending() == found.last_sequence;
        const uint64_t found_redriven = untouched ? found.redriven : 0;
        // A requeued record was written twice and is one event.
        int64_t redriven = since(&SlotTotals::redriven);
        int64_t appended =
            since(&SlotTotals::last_sequence) - since(&SlotTotals::requeued) - redriven;
        redriven += static_cast<int64_t>(found_redriven);
        auto recovered = static_cast<int64_t>(found.pending() - found_redriven);
        // What was found and then moved to another destination counts there only.
        for (int64_t* number : {&appended, &redriven}) {
            if (*number >= 0) continue;
            recovered += *number;
            *number = 0;
        }
        sum.appended += static_cast<uint64_t>(appended);
        sum.recovered += static_cast<uint64_t>(recovered);
        sum.redriven += static_cast<uint64_t>(redriven);
        sum.delivered += now.delivered - found.delivered;
        sum.dead += now.dead - found.dead;
        sum.damaged += now.damaged - found.damaged;
        sum.pending += now.pending();

        sum.unreadable += cell.unreadable.load(relaxed);
        const bool is_owned =
            std::find(living.begin(), living.end(), cell.owner.load(relaxed)) != living.end();
        sum.bytes += cell.bytes.load(relaxed);
        if (is_owned || now.pending() > 0) sum.limit += cell.limit.load(relaxed);
        sum.poisoned += cell.poisoned.load(relaxed);
        sum.failing = sum.failing || (is_owned && cell.failing.load(relaxed) != 0);
        sum.full = sum.full || (is_owned && cell.full.load(relaxed) != 0);
        if (is_owned) sum.fullest = std::max(sum.fullest, cell.fullness.load(relaxed));
        const auto oldest = static_cast<int64_t>(cell.oldest_pending_ms.load(relaxed));
        if (oldest != 0 && (sum.oldest_pending_ms == 0 || oldest < sum.oldest_pending_ms)) {
            sum.oldest_pending_ms = oldest;
        }
    }
    return sum;
}

}  // namespace momento
